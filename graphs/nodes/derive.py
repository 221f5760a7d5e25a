"""`derive`: what the facts in memory say together becomes insights."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.reflecting import reflect
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState

from .common import emit, metered


@metered
def derive(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Reflect on the memory: draw insights from new facts, put outdated ones right.

    (`reflect` is the node that settles questions in doubt.)
    """
    context = runtime.context
    result = reflect(
        context.store,
        context.asker,
        namespace=context.namespace,
        seed=1_000 * context.policy.seed + state["round"],
    )
    emit(
        runtime, "derive", event="insights", groups=result.groups, kept=len(result.kept),
        renewed=len(result.renewed), forgotten=len(result.forgotten),
    )  # fmt: skip
    return {}
