"""The consolidation sub-graph: memory → study rows → LoRA → trial → promote, or keep the old one."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from ingrained.agent.answering import closed_book
from ingrained.errors import ModelError
from ingrained.graphs.context import StudyContext
from ingrained.graphs.nodes.common import emit, metered
from ingrained.graphs.nodes.evaluate import sealed_items, share, sit_sealed
from ingrained.graphs.state import StudyState
from ingrained.memory.records import Memory
from ingrained.trainer.adapters import Manifest
from ingrained.trainer.curriculum import build_rows, data_sha256
from ingrained.trainer.gate import GateLimits, Scores, decide
from ingrained.trainer.lora import StepReport, TrainResult, train
from ingrained.trainer.rows import StudyRow


def build_consolidation_graph() -> StateGraph[StudyState, StudyContext, StudyState, StudyState]:
    """Return the uncompiled graph of one consolidation."""
    graph = StateGraph(StudyState, context_schema=StudyContext)
    graph.add_node("consolidate", consolidate)
    graph.add_node("trial", trial)
    graph.add_edge(START, "consolidate")
    graph.add_edge("consolidate", "trial")
    graph.add_edge("trial", END)
    return graph


@metered
def consolidate(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Train a new adapter from the frozen base over all active memories.

    A killed training goes on from its last saved step, into the same version folder.
    """
    context = runtime.context
    if context.base_path is None:
        raise ModelError(
            f"{context.asker.name!r} cannot be trained here: its weights are not on this machine",
            hint="Study without --consolidate, or use a catalogue or local model.",
        )
    memories = context.store.list(namespace=context.namespace)
    rows = study_rows(context, memories)
    version = context.registry.stage()
    emit(runtime, "consolidate", event="rows", rows=len(rows), memories=len(memories))
    result = train(
        rows,
        base=context.base_path,
        out=context.registry.path(version),
        recipe=context.recipe,
        validation=validation_rows(context),
        on_step=lambda report: _on_step(runtime, report),
        base_name=context.asker.name,
    )
    context.registry.commit(version, _manifest(version, context, memories, rows, result))
    context.asker.meter.of("consolidate").tokens_in += result.tokens
    return {"adapter": version}


def study_rows(context: StudyContext, memories: list[Memory]) -> list[StudyRow]:
    """Return the curriculum made of the memories."""
    return build_rows(memories, closed_book=closed_book, seed=context.policy.seed)


def validation_rows(context: StudyContext) -> list[StudyRow]:
    """Return sealed questions as rows: their loss shows whether other wordings are learnt too."""
    return [
        StudyRow(messages=closed_book(item["question"]), answer=item["answer"])
        for item in sealed_items(context)
    ]


def _on_step(runtime: Runtime[StudyContext], report: StepReport) -> None:
    runtime.heartbeat()
    emit(runtime, "consolidate", event="step", **dataclasses.asdict(report))


def _manifest(
    version: str,
    context: StudyContext,
    memories: list[Memory],
    rows: list[StudyRow],
    result: TrainResult,
) -> Manifest:
    return Manifest(
        version=version,
        base_model=context.asker.name,
        parent=context.registry.active(),
        data_sha256=data_sha256(rows),
        memory_ids=tuple(memory.id for memory in memories),
        recipe=dataclasses.asdict(context.recipe),
        seed=context.recipe.seed,
        rows=len(rows),
        tokens=result.tokens,
        seconds=result.seconds,
        losses=tuple(result.losses),
        validation_losses=tuple(result.validation_losses),
        created=time.time(),
    )


@metered
def trial(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Sit the sealed questions with the new adapter; promote it only if the gate lets it pass."""
    context = runtime.context
    version = str(state["adapter"])
    context.asker.model.load_adapter(version, context.registry.path(version))  # type: ignore[attr-defined]
    items = sealed_items(context)
    before = Scores(
        closed=share([item["closed"] for item in items]),
        memory=share(sit_sealed(context, items, "memory", phase="trial")),
        n=len(items),
    )
    after = Scores(
        closed=share(sit_sealed(context, items, "adapter", phase="trial", adapter=version)),
        memory=share(sit_sealed(context, items, "both", phase="trial", adapter=version)),
        n=len(items),
    )
    decision = decide(before, after, GateLimits())
    context.registry.conclude(version, before=before, after=after, decision=decision)
    if decision.accept:
        context.registry.promote(version)
    emit(
        runtime, "trial", event="gate", version=version, accepted=decision.accept,
        reasons=list(decision.reasons),
    )  # fmt: skip
    return {"adapter": version}
