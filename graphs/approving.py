"""A person's word before something is lost: what is to be changed is shown, and nothing is done yet."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from langgraph.types import interrupt
from pydantic import StrictBool

from ingrained.memory.records import sha256


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One change of a memory that somebody has to approve."""

    action: Literal["replace", "forget"]
    memory: str
    """Id of the memory that would go."""
    old: str
    """What it says."""
    new: str | None = None
    """What would take its place; None if nothing."""

    @property
    def id(self) -> str:
        """Names this very change: another text, another id."""
        return sha256(json.dumps(asdict(self)))[:16]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the graph is resumed with."""

    approved: StrictBool
    change: str
    """The `change` of the question that it answers."""


def refusal(proposal: Proposal) -> str:
    """Interrupt the graph, and return why the change is not to be made; nothing if it is approved.

    The node runs again from its start on resume, so whatever calls this has changed nothing before.
    An answer that is no `Decision` raises pydantic's ValidationError, and the question stays open. One
    to another question approves nothing: a node of several calls does not tell their answers
    apart, and a memory can change while a person thinks.
    """
    asked = {**asdict(proposal), "change": proposal.id}
    decision = interrupt(asked, response_schema=Decision)
    if decision.change != proposal.id:
        return "What was approved is another change than this one. Nothing was changed; recall it anew."
    return "" if decision.approved else "The user rejected this change. Nothing was changed."
