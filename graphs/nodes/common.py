"""What all nodes share: progress events and the metering of a phase."""

from __future__ import annotations

import functools
from typing import Any, Protocol

from langgraph.runtime import Runtime

from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState


class Node(Protocol):
    """A function from the state and the run's live objects to the keys it changed."""

    __name__: str

    def __call__(self, state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
        """Return the changed keys."""
        ...


def emit(runtime: Runtime[StudyContext], phase: str, **facts: Any) -> None:
    """Send one progress event on the custom stream, and to the run's listener."""
    event = {"phase": phase, **facts}
    runtime.stream_writer(event)
    if runtime.context.listener is not None:
        runtime.context.listener(event)


def held(context: StudyContext) -> int:
    """Return how many facts there are, forgotten ones too; insights were not read anywhere."""
    return len(context.store.list(namespace=context.namespace, kind="fact", status=None))


def metered(node: Node) -> Node:
    """Time a node, announce it, and keep the running costs in the state."""
    name = node.__name__

    @functools.wraps(node)
    def run(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
        meter = runtime.context.asker.meter
        emit(runtime, name, event="start", round=state.get("round", 0))
        with meter.phase(name):
            changed = node(state, runtime)
        emit(runtime, name, event="end", seconds=meter.of(name).seconds, tokens=meter.tokens)
        return {**changed, "spent": meter.to_plain()}

    return run
