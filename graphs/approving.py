"""A person's word before something is lost: what is to be changed is shown, and nothing is done yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from langgraph.types import interrupt
from pydantic import StrictBool

from ingrained.memory.records import sha256


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One change of a memory that somebody has to approve."""

    action: Literal["replace", "forget", "purge"]
    memory: str
    """Id of the memory that would go."""
    old: str
    """What it says."""
    new: str | None = None
    """What would take its place; None if nothing."""

    def shown(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class PurgeProposal(Proposal):
    """A memory that would be erased for good, and what would go along with it."""

    derived: tuple[str, ...] = ()
    """Texts that were made from it."""
    along: tuple[str, ...] = ()
    """Those of memories that repeat it."""
    adapters: tuple[str, ...] = ()
    """Versions that were trained on it: they would be stale."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the graph is resumed with."""

    approved: StrictBool
    change: str
    """The `change` of the question that it answers."""
    reason: str = ""
    """Why, if that is to be known."""


def change_id(shown: Mapping[str, Any]) -> str:
    """Name this very change: of another text, another id."""
    return sha256(json.dumps(shown))[:16]


def decision_on(shown: Mapping[str, Any]) -> Decision | None:
    """Interrupt the graph with a change, and return what is said to it; None for another change.

    The node runs again from its start on resume, so whatever calls this has changed nothing before.
    An answer that is no `Decision` raises pydantic's ValidationError, and the question stays open. One
    to another question approves nothing: a node of several calls does not tell their answers
    apart, and what was shown can change while a person thinks.

    Args:
        shown: Plain data, from which the change can be told.
    """
    change = change_id(shown)
    decision: Decision = interrupt({**shown, "change": change}, response_schema=Decision)
    return decision if decision.change == change else None


def refusal(proposal: Proposal) -> str:
    """Ask for a change of a memory; return why it is not to be made, nothing if it is approved."""
    decision = decision_on(proposal.shown())
    if decision is None:
        return "What was approved is another change than this one. Nothing was changed; recall it anew."
    if decision.approved:
        return ""
    why = (
        f" They say: {json.dumps(decision.reason, ensure_ascii=False)}." if decision.reason else ""
    )
    return f"The user rejected this change. Nothing was changed.{why}"
