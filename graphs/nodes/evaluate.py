"""`examine`: the sealed questions, in every cell the agent has."""

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.planning import evaluation, plan_round
from ingrained.agent.planning.acceptance import succession
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState

from .common import emit, metered
from .practice import look_back
from .sealed import sealed_items, share, sit


@metered
def examine(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Sit the sealed questions, look back on the practice, and set the next round's objective.

    The closed-book answers of the untouched model are known from `attempt`.
    """
    context, book = runtime.context, runtime.context.library.gradebook
    items, declining = sealed_items(context), sealed_items(context, told=False)
    scores = {"base": share([item["closed"] for item in items])}
    sealed = {}
    for cell in _cells(context):
        sat = sit(context, items, cell, phase="examine")
        scores[cell] = share(sat)
        sealed[cell] = [(str(one.item.get("kind", "")), one.passed) for one in sat]
        book.record_sittings(cell, [one.sitting for one in sat])
    declined = sit(context, declining, "memory", phase="examine")
    book.record_sittings("memory", [one.sitting for one in declined])
    look_back(runtime)
    context.library.put_round(
        {"round": state["round"], "scores": scores, "sealed": len(items),
         "kept": state.get("kept", 0), "adapter": context.registry.active()},
        sitting=f"{book.latest()}/{context.registry.active()}",
    )  # fmt: skip
    told = evaluation(context.library, scores, sealed)
    book.record("evaluation", {**told, "declined": share(declined)})
    stop = _stop(state, context, scores, len(items))
    if not stop:
        following = plan_round(state["round"] + 1, context.library, context.planner())
        book.record("next_objective", following.to_dict())
    kinds = Counter(str(item.get("kind", "")) for item in items)
    emit(runtime, "examine", event="scores", sealed=len(items), kinds=dict(kinds), **scores)
    return {"scores": scores, "stop": stop}


def _cells(context: StudyContext) -> list[str]:
    adapted = context.asker.has_adapters and context.registry.active()
    return ["memory", "adapter", "both"] if adapted else ["memory"]


def _stop(state: StudyState, context: StudyContext, scores: dict[str, float], sealed: int) -> str:
    """Return why the run ends here, or nothing; unread passages outweigh all else.

    They are left only by a spent budget, which may be larger by now: in a run that was cut short.
    Mastered goes by what is to be expected of a next question: one of one is no mastery.
    """
    policy = context.policy
    if state.get("queue"):
        return "budget" if context.out_of_budget else ""
    best = scores.get("both", scores.get("memory", 0.0))
    if succession(best * sealed, sealed) >= policy.mastered:
        return "mastered"
    if state["round"] >= policy.rounds:
        return "rounds"
    return "budget" if context.out_of_budget else ""
