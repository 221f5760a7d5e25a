"""`examine`: the sealed questions, in every cell the agent has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.answering import with_memory
from ingrained.agent.grounding import ask_in
from ingrained.agent.quizzing import answered
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState

from .acquire import ANSWER_TOKENS
from .common import emit, metered


@metered
def examine(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Sit the sealed questions and record the round.

    The closed-book answers of the untouched model are known from `attempt`.
    """
    context = runtime.context
    items = sealed_items(context)
    scores = {"base": share([item["closed"] for item in items])}
    for cell in _cells(context):
        scores[cell] = share(sit_sealed(context, items, cell, phase="examine"))
    context.library.put_round(
        {"round": state["round"], "scores": scores, "sealed": len(items),
         "kept": state.get("kept", 0), "adapter": context.registry.active()},
    )  # fmt: skip
    emit(runtime, "examine", event="scores", sealed=len(items), **scores)
    return {"scores": scores, "stop": _stop(state, context, scores)}


def sealed_items(context: StudyContext) -> list[dict[str, Any]]:
    """Return the sealed questions of this examination, spread over the corpus by their hash."""
    return context.library.questions(sealed=True)[: context.policy.exam_items]


def _cells(context: StudyContext) -> list[str]:
    adapted = context.asker.has_adapters and context.registry.active()
    return ["memory", "adapter", "both"] if adapted else ["memory"]


def sit_sealed(
    context: StudyContext,
    items: Sequence[dict[str, Any]],
    cell: str,
    *,
    phase: str,
    adapter: str | None = None,
) -> list[bool]:
    """Return for each sealed question whether the cell answers it.

    Args:
        context: The run.
        items: Sealed questions.
        cell: `base`, `memory`, `adapter` or `both`.
        phase: Where the cost is booked.
        adapter: The adapter to try; the promoted one when omitted.
    """
    questions = [item["question"] for item in items]
    notes: list[list[str]] = [[] for _ in items]
    if cell in ("memory", "both"):
        notes = [[one.text for one in found] for found in context.recaller().recall(questions)]
    named = adapter or context.registry.active()
    replies = ask_in(
        cell,
        context.asker,
        [with_memory(n, q) for n, q in zip(notes, questions, strict=True)],
        notes,
        adapter=named,
        phase=phase,
        max_tokens=ANSWER_TOKENS,
    )
    return [
        answered(item["question"], reply, item["answer"])
        for item, reply in zip(items, replies, strict=True)
    ]


def share(passed: Sequence[bool]) -> float:
    """Return the share of true ones; 0 of nothing is 0."""
    return sum(passed) / len(passed) if passed else 0.0


def _stop(state: StudyState, context: StudyContext, scores: dict[str, float]) -> str:
    """Return why the run ends here, or nothing; unread passages outweigh all else.

    They are left only by a spent budget, which may be larger by now: in a run that was cut short.
    """
    policy = context.policy
    if state.get("queue"):
        return "budget" if context.out_of_budget else ""
    best = scores.get("both", scores.get("memory", 0.0))
    if best >= policy.mastered:
        return "mastered"
    if state["round"] >= policy.rounds:
        return "rounds"
    return "budget" if context.out_of_budget else ""
