"""`examine`: the sealed questions, in every cell the agent has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.planning import evaluation, plan_round
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState

from .common import emit, metered
from .practice import look_back
from .sealed import Sat, sealed_items, share, sit


@metered
def examine(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Sit the sealed questions, look back on the practice, and set the next round's objective.

    The closed-book answers of the untouched model are known from `attempt`.
    """
    context, book = runtime.context, runtime.context.library.gradebook
    items, declining = sealed_items(context), sealed_items(context, told=False)
    scores = {"base": share([item["closed"] for item in items])}
    kinds = {}
    for cell in _cells(context):
        sat = sit(context, items, cell, phase="examine")
        scores[cell], kinds[cell] = share(sat), _by_kind(sat)
        book.record_sittings(cell, [one.sitting for one in sat])
    declined = sit(context, declining, "memory", phase="examine")
    book.record_sittings("memory", [one.sitting for one in declined])
    look_back(runtime)
    context.library.put_round(
        {"round": state["round"], "scores": scores, "sealed": len(items),
         "kept": state.get("kept", 0), "adapter": context.registry.active()},
        sitting=f"{book.latest()}/{context.registry.active()}",
    )  # fmt: skip
    told = {"declined": share(declined), "sealed": kinds}
    book.record("evaluation", {**evaluation(context.library, scores), **told})
    stop = _stop(state, context, scores, len(items))
    if not stop:
        following = plan_round(state["round"] + 1, context.library, context.planner())
        book.record("next_objective", following.to_dict())
    asked = Counter(str(item.get("kind", "")) for item in items)
    emit(runtime, "examine", event="scores", sealed=len(items), kinds=dict(asked), **scores)
    return {"scores": scores, "stop": stop}


def _by_kind(sat: Sequence[Sat]) -> dict[str, dict[str, int]]:
    """Return kind of question → how many were passed of how many."""
    asked = Counter(str(one.item.get("kind", "")) for one in sat)
    passed = Counter(str(one.item.get("kind", "")) for one in sat if one.passed)
    return {kind: {"passed": passed[kind], "asked": asked[kind]} for kind in sorted(asked)}


def _cells(context: StudyContext) -> list[str]:
    adapted = context.asker.has_adapters and context.registry.active()
    return ["memory", "adapter", "both"] if adapted else ["memory"]


def _stop(state: StudyState, context: StudyContext, scores: dict[str, float], sealed: int) -> str:
    """Return why the run ends here, or nothing; unread passages outweigh all else.

    They are left only by a spent budget, which may be larger by now: in a run that was cut short.
    Mastered is what is to be expected of a next question (Laplace's rule of succession), so that one
    question of one is no mastery.
    """
    policy = context.policy
    if state.get("queue"):
        return "budget" if context.out_of_budget else ""
    best = scores.get("both", scores.get("memory", 0.0))
    if (best * sealed + 1) / (sealed + 2) >= policy.mastered:
        return "mastered"
    if state["round"] >= policy.rounds:
        return "rounds"
    return "budget" if context.out_of_budget else ""
