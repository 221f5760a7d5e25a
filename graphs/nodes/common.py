"""What all nodes share: progress events and the metering of a phase."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from langgraph.runtime import Runtime

from ingrained.agent.planning.gradebook import Part
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState
from ingrained.memory.records import sha256
from ingrained.tracing import span

ANSWER_TOKENS = 24


class Node(Protocol):
    """A function from the state and the run's live objects to the keys it changed."""

    __name__: str

    def __call__(self, state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
        """Return the changed keys."""
        ...


def emit(runtime: Runtime[StudyContext], phase: str, **facts: Any) -> None:
    """Send one progress event on the custom stream, and to the run's listener."""
    event = {"phase": phase, **facts}
    runtime.heartbeat()
    runtime.stream_writer(event)
    if runtime.context.listener is not None:
        runtime.context.listener(event)


def held(context: StudyContext) -> int:
    """Return how many facts there are, forgotten ones too; insights were not read anywhere."""
    return len(context.store.list(namespace=context.namespace, kind="fact", status=None))


def texts_of(runtime: Runtime[StudyContext], passages: Iterable[str]) -> dict[str, str]:
    """Return passage id → text."""
    return {p.id: p.text for p in runtime.context.library.passages(list(passages))}


def batch_name(state: StudyState) -> str:
    """Return by what the gradebook knows the passages in hand."""
    return sha256("\x1f".join(state["batch"]))[:16]


def trace(
    state: StudyState, runtime: Runtime[StudyContext], part: Part, facts: Mapping[str, Any]
) -> None:
    """Keep a part of the round's trace, told of the passages in hand and of this pass over them."""
    again = "+" if state.get("varied") else ""
    runtime.context.library.gradebook.record(part, facts, batch=batch_name(state) + again)


def added(counts: Mapping[str, int], more: Counter[str]) -> dict[str, int]:
    """Return the sums of two counts."""
    return dict(Counter(counts) + more)


def metered(node: Node) -> Node:
    """Time a node, announce it, and keep the running costs in the state."""
    name = node.__name__

    @functools.wraps(node)
    def run(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
        meter = runtime.context.asker.meter
        emit(runtime, name, event="start", round=state.get("round", 0))
        before = meter.tokens
        with span(f"node.{name}", round=state.get("round", 0)) as told, meter.phase(name):
            changed = node(state, runtime)
            told(tokens=meter.tokens - before)
        emit(runtime, name, event="end", seconds=meter.of(name).seconds, tokens=meter.tokens)
        return {**changed, "spent": meter.to_plain()}

    return run
