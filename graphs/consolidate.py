"""The consolidation sub-graph: memory → study rows → LoRA → trial → promote, or keep the old one."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from ingrained.agent.answering import closed_book, with_memory
from ingrained.graphs.context import StudyContext, cannot_train
from ingrained.graphs.nodes.common import emit, metered
from ingrained.graphs.nodes.evaluate import sealed_items, share, sit_sealed
from ingrained.graphs.nodes.update import shown
from ingrained.graphs.state import StudyState
from ingrained.memory.records import Memory, sha256
from ingrained.memory.results import Recalled
from ingrained.trainer.adapters import Manifest
from ingrained.trainer.curriculum import build_rows, data_sha256
from ingrained.trainer.gate import GateLimits, Scores, decide
from ingrained.trainer.lora import StepReport, TrainResult, train
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

STRENGTHS = (0.25, 0.5)
"""Strengths beside notes that the trial compares, after STABLE's rescaling (arXiv 2510.16089).

Full strength is not among them: it answers from the weights against the note in view. The sealed
questions cannot show that, since they are other wordings of what was trained (LOG.md)."""

READING_NOTES = 3
"""Notes shown in a row that teaches to read notes: fewer than in an answer, to save tokens."""


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

    A killed training goes on from its last saved step, into the same version folder; one that
    had just ended is not made again.
    """
    context = runtime.context
    if context.base_path is None:
        raise cannot_train(context.asker.name)
    memories = context.store.list(namespace=context.namespace)
    rows = study_rows(context, memories)
    recipe = context.recipe or default_recipe(context.base_path, context.policy.seed)
    finished = _untried(context, rows, recipe)
    if finished is not None:
        return {"adapter": finished}
    version = context.registry.stage()
    emit(
        runtime, "consolidate", event="rows", round=state["round"], rows=len(rows),
        memories=len(memories),
    )  # fmt: skip
    result = train(
        rows,
        base=context.base_path,
        out=context.registry.path(version),
        recipe=recipe,
        validation=validation_rows(context),
        on_step=lambda report: _on_step(runtime, report),
        base_name=context.asker.name,
    )
    context.registry.commit(version, _manifest(version, context, recipe, memories, rows, result))
    context.asker.meter.of("consolidate").tokens_in += result.tokens
    return {"adapter": version}


def _untried(context: StudyContext, rows: list[StudyRow], recipe: LoraRecipe) -> str | None:
    """Return the adapter of just these rows that was finished and never brought to trial."""
    wanted = data_sha256(rows), json.dumps(recipe.to_dict()), context.asker.name
    return next(
        (
            one.version
            for one in context.registry.list()
            if one.exam_after is None and one.decision == "candidate"
            if (one.data_sha256, json.dumps(one.recipe), one.base_model) == wanted
        ),
        None,
    )


def default_recipe(base: Path, seed: int) -> LoraRecipe:
    """Return the default recipe for the base in a folder."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    return LoraRecipe.for_depth(int(config["num_hidden_layers"]), seed=seed)


def study_rows(context: StudyContext, memories: list[Memory]) -> list[StudyRow]:
    """Return the curriculum: what the memories say, and that recalled notes are still read.

    Without the second kind an adapter answers from its weights though the right note is in view
    (LOG.md, 2026-11-21), and memory with adapter falls below memory alone.
    """
    return build_rows(
        memories,
        closed_book=closed_book,
        seed=context.policy.seed,
        statements=False,
        extra=reading_rows(context, memories),
    )


def reading_rows(context: StudyContext, memories: list[Memory]) -> list[StudyRow]:
    """Return one question per memory, asked with its note among the ones recalled beside it."""
    asked = [(memory, memory.evidence[0]) for memory in memories if memory.evidence]
    found = context.store.recall_many(
        [evidence.question for _, evidence in asked], k=READING_NOTES, namespace=context.namespace
    )
    return [
        StudyRow(
            messages=with_memory(_shuffled(memory, beside), evidence.question),
            answer=evidence.answer,
            kind="reading",
            memory_ids=(memory.id,),
        )
        for (memory, evidence), beside in zip(asked, found, strict=True)
    ]


def _shuffled(memory: Memory, beside: list[Recalled]) -> list[str]:
    """Return the note and what was recalled beside it, in an order that hangs on their ids."""
    others = [one.memory for one in beside if one.memory.id != memory.id][: READING_NOTES - 1]
    order = sorted([memory, *others], key=lambda one: sha256(memory.id + one.id))
    return [shown(one.title, one.text) for one in order]


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
    recipe: LoraRecipe,
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
        recipe=recipe.to_dict(),
        seed=recipe.seed,
        rows=len(rows),
        tokens=result.tokens,
        seconds=result.seconds,
        losses=tuple(result.losses),
        validation_losses=tuple(result.validation_losses),
        created=time.time(),
    )


def limits(questions: int) -> GateLimits:
    """Return the gate for an exam of this size: a drop of two questions is within its noise."""
    usual = GateLimits().memory_drop
    return GateLimits(memory_drop=min(1.0, max(usual, 2 / questions)) if questions else usual)


def _with_notes(
    context: StudyContext, version: str, items: list[dict[str, Any]], strength: float
) -> float:
    """Return the share answered with notes in view and the adapter at this strength."""
    context.asker.load_adapter(
        version, context.registry.path(version), strength_beside_notes=strength
    )
    return share(sit_sealed(context, items, "both", phase="trial", adapter=version))


@metered
def trial(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Sit the sealed questions with the new adapter; promote it only if the gate lets it pass."""
    context = runtime.context
    version = str(state["adapter"])
    items = sealed_items(context)
    before = Scores(
        closed=share([item["closed"] for item in items]),
        memory=share(sit_sealed(context, items, "memory", phase="trial")),
        n=len(items),
    )
    beside = {one: _with_notes(context, version, items, one) for one in STRENGTHS}
    strength = max(STRENGTHS, key=lambda one: (beside[one], -one))
    context.asker.load_adapter(
        version, context.registry.path(version), strength_beside_notes=strength
    )
    after = Scores(
        closed=share(sit_sealed(context, items, "adapter", phase="trial", adapter=version)),
        memory=beside[strength],
        n=len(items),
    )
    decision = decide(before, after, limits(len(items)))
    context.registry.conclude(
        version, before=before, after=after, decision=decision, strength_beside_notes=strength
    )
    if decision.accept:
        context.registry.promote(version)
    emit(
        runtime, "trial", event="gate", version=version, accepted=decision.accept,
        reasons=list(decision.reasons), strength=strength,
    )  # fmt: skip
    return {"adapter": version}
