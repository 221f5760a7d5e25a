"""How long nodes tell LangGraph that they get on, and stop when the run is to be drained.

LangGraph itself looks between two nodes only. A node that stops within has changed nothing that its
next run would not find, so it is run again from its start when the run is resumed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from langgraph.errors import GraphDrained
from langgraph.runtime import Runtime


@dataclass(frozen=True)
class _Run:
    """A run as the asker's watch."""

    runtime: Runtime[Any]

    def begins(self) -> None:
        """Stop here if the run is to be drained."""
        self.beats()
        if self.runtime.drain_requested:
            raise drained(self.runtime)

    def beats(self) -> None:
        """Tell that something got done."""
        self.runtime.heartbeat()


def watched(runtime: Runtime[Any]) -> Runtime[Any]:
    """Return the runtime of a node whose asker tells of what it gets done, and heeds a drain between batches.

    Args:
        runtime: With one of our own contexts.
    """
    context = runtime.context
    asker = context.asker.watched_by(_Run(runtime))
    return runtime.override(context=dataclasses.replace(context, asker=asker))


def drained(runtime: Runtime[Any]) -> GraphDrained:
    """Return what ends a node as LangGraph ends a run between two."""
    return GraphDrained(runtime.drain_reason or "shutdown")
