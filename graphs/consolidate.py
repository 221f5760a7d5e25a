"""The consolidation sub-graph: memory → study rows → LoRA → trial → promote, or keep the old one."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from ingrained.agent.answering import closed_book, open_book
from ingrained.agent.prompts import Messages
from ingrained.agent.quizzing import answered
from ingrained.errors import ModelError
from ingrained.graphs.context import StudyContext, cannot_train
from ingrained.graphs.methods import Learned, Lesson, learn
from ingrained.graphs.nodes.common import ANSWER_TOKENS, emit, metered
from ingrained.graphs.nodes.sealed import sealed_items
from ingrained.graphs.promoting import policy_of, promote
from ingrained.graphs.questions import question_rows
from ingrained.graphs.retrying import AGAIN
from ingrained.graphs.running import RUN_CONTEXT, STUDY, RunContext
from ingrained.graphs.state import ConsolidationInput, ConsolidationOutput, StudyState
from ingrained.graphs.statements import statement_rows
from ingrained.graphs.trying import bearable, limits, scores
from ingrained.memory.records import Memory, sha256
from ingrained.trainer.curriculum import build_rows, data_sha256
from ingrained.trainer.gate import Decision, decide
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.probes import replay_prompts
from ingrained.trainer.recipe import LoraRecipe, default_recipe
from ingrained.trainer.reports import StepReport
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.saving import weights_sha256

STRENGTH_BESIDE_NOTES = 0.25
"""How strongly an adapter works when recalled notes are in view (STABLE, arXiv 2510.16089, scales
adapters back in the same way).

At full strength it answers from the weights against the note in view. It was chosen on the
development corpus (LOG.md): the sealed questions of a study cannot choose it, since they are other
wordings of what was trained.
"""
SWITCHED_OFF = "promotions are switched off (INGRAINED_UNATTENDED)"
REPLAY_TOKENS = 32
"""Of a reply that is replayed: what it begins with shows the base's manner well enough."""


def build_consolidation_graph(
    *opened: StudyContext,
) -> StateGraph[StudyState, StudyContext | RunContext, ConsolidationInput, ConsolidationOutput]:
    """Return the uncompiled graph of one consolidation; it can be run without a study around it.

    Args:
        opened: What its runs work with where their context is data; see `running.RunContext`.
    """
    within = STUDY.within(opened)
    graph = StateGraph(
        StudyState,
        context_schema=RUN_CONTEXT,
        input_schema=ConsolidationInput,
        output_schema=ConsolidationOutput,
    )
    graph.add_node("consolidate", within(consolidate), retry_policy=AGAIN)
    graph.add_node("trial", within(trial), retry_policy=AGAIN)
    graph.add_node("promote", within(promote))
    graph.add_edge(START, "consolidate")
    graph.add_conditional_edges("consolidate", after_training, ["trial", "promote", END])
    graph.add_edge("trial", "promote")
    graph.add_edge("promote", END)
    return graph


@metered
def consolidate(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Train a new adapter from the frozen base over all active memories.

    A training that was killed or drained goes on from its last saved step, into the same version folder. What an
    adapter was made of before is not trained again: one that was never decided on, or was rejected
    by other questions than there are now, or beside another adapter, is tried; any other is only
    named.
    """
    context = runtime.context
    if context.base_path is None:
        raise cannot_train(context.asker.name)
    memories = context.store.list(namespace=context.namespace)
    recipe = context.recipe or default_recipe(context.base_path, context.policy.seed)
    asked = question_rows(context, memories, recipe)
    stated = statement_rows(context, memories, recipe)
    rows = [*study_rows(context, memories, recipe), *asked.rows, *stated.rows]
    twin = _twin(context, rows, recipe)
    if twin is not None:
        return _made_before(twin, runtime)
    version = context.registry.stage()
    emit(
        runtime, "consolidate", event="rows", round=state.get("round", 0),
        rows=len(rows), memories=len(memories), questions=asked.told, statements=stated.told,
    )  # fmt: skip
    lesson = Lesson(
        context=context,
        version=version,
        out=context.registry.path(version),
        base_sha256=weights_sha256(context.base_path),
        recipe=recipe,
        rows=rows,
        replayed=replay_rows(context, recipe),
        validation=validation_rows(context),
        on_step=lambda report: _on_step(runtime, report),
        on_stage=lambda stage: emit(runtime, "consolidate", event="stage", **stage.to_dict()),
        stop=lambda: runtime.drain_reason,
    )
    learned = learn(lesson, context.policy.method)
    manifest = _manifest(version, context, recipe, memories, rows, learned)
    manifest = dataclasses.replace(
        manifest, base_sha256=lesson.base_sha256,
        questions=dict(asked.told), statements=dict(stated.told),
    )  # fmt: skip
    context.registry.commit(version, manifest)
    context.asker.meter.of("consolidate").tokens_in += learned.result.tokens
    return {"adapter": version, "known_adapter": None, **_slept(context)}


def _slept(context: StudyContext) -> dict[str, Any]:
    return {"consolidated": True, "documents_then": context.library.finished()}


def after_training(state: StudyState) -> str:
    """Bring to trial what was trained or left undecided, and before a person what waits for one."""
    if state.get("known_adapter"):
        return "promote" if state.get("passed") else END
    return "trial"


def _twin(context: StudyContext, rows: list[StudyRow], recipe: LoraRecipe) -> Manifest | None:
    """Return the adapter that training would make again; an undecided one before the others."""
    wanted = [
        data_sha256(rows), json.dumps(recipe.to_dict()), context.policy.method, context.asker.name,
    ]  # fmt: skip
    twins = [
        one
        for one in context.registry.list()
        if [one.data_sha256, json.dumps(one.recipe), one.method, one.base_model] == wanted
        and not one.stale
    ]
    undecided = [one for one in twins if one.decision == "candidate"]
    return next(iter([*undecided, *reversed(twins)]), None)


def _made_before(twin: Manifest, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Go on with an adapter that was not judged as it would be now; of another only tell."""
    judged = twin.exam_sha256 == _exam_sha256(runtime.context)
    asks = policy_of(runtime.context) == "ask"
    waits = twin.decision == "candidate" and judged and asks
    rejected = twin.decision == "rejected" and not judged and not twin.refused
    if not waits and (twin.decision == "candidate" or rejected):
        return {"adapter": twin.version, "known_adapter": None, **_slept(runtime.context)}
    emit(
        runtime, "consolidate", event="known", version=twin.version, decision=twin.decision,
        active=twin.version == runtime.context.registry.active(), refused=twin.refused,
    )  # fmt: skip
    passed = twin.version if waits else None
    return {"known_adapter": twin.version, "passed": passed, **_slept(runtime.context)}


def _exam_sha256(context: StudyContext) -> str:
    """Return what a verdict hangs on beside the adapter: the questions, and the one in use.

    What that one knows is weighed. So once it has changed, a rejected adapter may pass and one that
    waits may not.
    """
    items = [*sealed_items(context), *sealed_items(context, told=False)]
    return sha256(json.dumps([context.registry.active(), *(item["id"] for item in items)]))


def study_rows(context: StudyContext, memories: list[Memory], recipe: LoraRecipe) -> list[StudyRow]:
    """Return the curriculum: every memory's questions in all wordings, and its blanks."""
    rows = build_rows(
        memories,
        closed_book=closed_book,
        open_book=open_book if recipe.distil else None,
        seed=context.policy.seed,
    )
    return _with_rejected(context, rows) if recipe.dpo else rows


def _with_rejected(context: StudyContext, rows: list[StudyRow]) -> list[StudyRow]:
    """Add what the untouched model says with nothing in view, where that is wrong.

    The pairs of Autonomous Learning's second stage: answers that rest on the text are preferred to
    those given without it, and pairs where both are right are dropped.
    """
    replies = context.asker.ask(
        [row.messages for row in rows], phase="consolidate", max_tokens=ANSWER_TOKENS
    )
    return [
        dataclasses.replace(row, rejected=reply)
        if reply and not answered(row.messages[-1][1], reply, row.answer)
        else row
        for row, reply in zip(rows, replies, strict=True)
    ]


def replay_rows(context: StudyContext, recipe: LoraRecipe) -> list[StudyRow]:
    """Return everyday prompts with what the untouched model says to them."""
    prompts: list[Messages] = [
        closed_book(one.text) if one.closed_book else (("user", one.text),)
        for one in replay_prompts()[: recipe.replay]
    ]
    replies = context.asker.ask(prompts, phase="consolidate", max_tokens=REPLAY_TOKENS)
    return [
        StudyRow(messages=prompt, answer=reply, kind="replay", weight=recipe.replay_weight)
        for prompt, reply in zip(prompts, replies, strict=True)
        if reply
    ]


def validation_rows(context: StudyContext) -> list[StudyRow]:
    """Return sealed questions as rows: their loss shows whether other wordings are learnt too."""
    return [
        StudyRow(messages=closed_book(item["question"]), answer=item["answer"])
        for item in sealed_items(context)
    ]


def _on_step(runtime: Runtime[StudyContext], report: StepReport) -> None:
    emit(runtime, "consolidate", event="step", **dataclasses.asdict(report))


def _manifest(
    version: str,
    context: StudyContext,
    recipe: LoraRecipe,
    memories: list[Memory],
    rows: list[StudyRow],
    learned: Learned,
) -> Manifest:
    result = learned.result
    return Manifest(
        version=version,
        base_model=context.asker.name,
        parent=context.registry.active(),
        data_sha256=data_sha256(rows),
        memory_ids=tuple(memory.id for memory in memories),
        recipe=recipe.to_dict(),
        seed=recipe.seed,
        method=context.policy.method,
        stages=tuple(stage.to_dict() for stage in learned.stages),
        rows=learned.rows,
        tokens=result.tokens,
        seconds=result.seconds,
        drift=result.drift,
        strength=result.strength,
        losses=tuple(result.losses),
        validation_losses=tuple(result.validation_losses),
        created=time.time(),
    )


def judge(context: StudyContext, version: str) -> Decision:
    """Sit sealed and everyday questions with an adapter and let the gate weigh it; keep what it says.

    One that costs too many everyday questions is weakened first, as little as it takes.

    Raises:
        NotFoundError: no such version.
        ModelError: it was made for another model than the run's.
    """
    made = context.registry.show(version)
    if made.base_model != context.asker.name:
        raise ModelError(
            f"{version} was made for {made.base_model!r}, not for {context.asker.name!r}",
            hint=f"Use --model {made.base_model}.",
        )
    borne = bearable(context, version)
    strength, beside = borne.strength, min(STRENGTH_BESIDE_NOTES, borne.strength)
    context.asker.load_adapter(
        version, context.registry.path(version), strength=strength, strength_beside_notes=beside
    )
    before, after = scores(context, made, borne.kept)
    decision = decide(
        before, after, limits(before, made.recipe), drift=made.drift, strength=strength
    )
    context.registry.conclude(
        version, before=before, after=after, decision=decision, exam_sha256=_exam_sha256(context),
        strength_alone=strength, strength_beside_notes=beside,
    )  # fmt: skip
    return decision


@metered
def trial(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Sit sealed and everyday questions with the new adapter, and let the gate weigh it."""
    context = runtime.context
    version = str(state["adapter"])
    decision, policy = judge(context, version), policy_of(context)
    refused = decision.accept and policy == "refuse"
    if refused:
        context.registry.reject(version, SWITCHED_OFF)
    accepted = decision.accept and not refused
    emit(
        runtime, "trial", event="gate", version=version, accepted=accepted,
        waits=accepted and policy == "ask",
        reasons=[*([SWITCHED_OFF] if refused else []), *decision.summary],
    )  # fmt: skip
    return {"adapter": version, "passed": version if accepted else None}
