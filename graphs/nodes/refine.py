"""`grade`, `reflect`: find the gap, and settle what is in doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.prompts import load
from ingrained.agent.quizzing import answered
from ingrained.agent.solving.cases import Case
from ingrained.agent.solving.crafts import answers
from ingrained.agent.solving.rationalising import rationalise, reason
from ingrained.agent.solving.refining import flips, self_refine
from ingrained.agent.tasks.drafts import Draft
from ingrained.agent.tasks.kinds import CLOZE, UNANSWERABLE
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.state import StudyState

from .attempt import in_view
from .common import ANSWER_TOKENS, added, emit, metered, texts_of, trace


@metered
def grade(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Set the verdict of each question: the gap is where open book and closed book part.

    `gap`: answered with the passage in view, by enough of the votes, and not without it, so there
    is something to learn. `known`: answered without it already. `doubt`: the votes differ.
    """
    policy = runtime.context.policy
    fresh = {
        draft["id"]: _verdict(draft, policy) for draft in state["drafts"] if "verdict" not in draft
    }
    drafts = [
        {**draft, "verdict": fresh.get(draft["id"], draft.get("verdict"))}
        for draft in state["drafts"]
    ]
    emit(runtime, "grade", event="verdicts", **Counter(fresh.values()))
    return {"drafts": drafts}


def _verdict(draft: Draft, policy: StudyPolicy) -> str:
    return _settled(draft) if draft["share"] >= policy.share else "doubt"


def _settled(draft: Draft) -> str:
    return "known" if draft["closed"] else "gap"


@metered
def reflect(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Correct the answers in doubt, and keep the questions whose corrected answer is the chosen one.

    Critique-free: the model answers again, next to the one sentence the question came from.
    Self-Refine: it criticises its answer and rewrites it. Each is switched on by name; what none of
    them settles is dropped. STaR then explains what is left.
    """
    left = [draft for draft in state["drafts"] if draft["verdict"] == "doubt"]
    doubtful, found, flipped = len(left), {}, Counter[str]()
    for name, correct in (("critique-free", _again), ("self-refine", _refined)):
        if name in runtime.context.policy.mechanisms:
            now, turned = correct(
                state, runtime, [draft for draft in left if draft["id"] not in found]
            )
            found.update(now)
            flipped.update(turned)
    drafts = [found.get(draft["id"], draft) for draft in state["drafts"]]
    kept = [draft for draft in drafts if draft["verdict"] != "doubt"]
    unsure = Counter({"answers differ": len(drafts) - len(kept)})
    if "star" in runtime.context.policy.mechanisms:
        kept = _explained(runtime, kept)
    trace(state, runtime, "feedback", {"in doubt": doubtful, "settled": len(found), **flipped})
    emit(runtime, "reflect", event="settled", doubtful=doubtful, kept=len(found))
    return {"drafts": kept, "rejected": added(state["rejected"], unsure)}


Corrected = tuple[dict[str, Draft], dict[str, int]]
"""Question id → the settled draft, and how many answers were turned right and wrong."""


def _again(state: StudyState, runtime: Runtime[StudyContext], drafts: Sequence[Draft]) -> Corrected:
    prompt, notes = load("settle"), state["notes"]
    asked = [draft for draft in drafts if draft["note"] is not None and len(draft["passages"]) == 1]
    replies = runtime.context.asker.ask(
        [prompt.render(note=notes[d["note"]]["text"], question=d["question"]) for d in asked],
        phase="reflect",
        max_tokens=ANSWER_TOKENS,
    )
    return _borne_out(asked, replies), {}


def _refined(
    state: StudyState,  # noqa: ARG001 both corrections are called alike
    runtime: Runtime[StudyContext],
    drafts: Sequence[Draft],
) -> Corrected:
    asked = [draft for draft in drafts if draft["kind"] != UNANSWERABLE]
    refined = self_refine(
        runtime.context.asker, _cases(runtime, asked), answers(),
        drafts=[draft["reply"] for draft in asked], phase="reflect",
    )  # fmt: skip
    turned = flips(refined, [[draft["answer"]] for draft in asked])
    emit(runtime, "reflect", event="refined", **vars(turned))
    counts = {name.replace("_", " "): count for name, count in vars(turned).items()}
    return _borne_out(asked, [one.text for one in refined]), counts


def _borne_out(asked: Sequence[Draft], replies: Sequence[str]) -> dict[str, Draft]:
    """Return by id the drafts whose corrected answer is the chosen one, no longer in doubt."""
    return {
        draft["id"]: {**draft, "verdict": _settled(draft)}
        for draft, reply in zip(asked, replies, strict=True)
        if answered(draft["question"], reply, draft["answer"])
    }


def _explained(runtime: Runtime[StudyContext], drafts: Sequence[Draft]) -> list[Draft]:
    """Add to accepted questions why their answer is right; where the model fails, with a hint.

    STaR (Zelikman et al. 2022, section 3): rationales that end in the right answer are kept, and
    failures are rationalised with the answer as a hint, which is not in what is saved.
    """
    asked = [
        draft for draft in drafts
        if draft["kind"] not in (CLOZE, UNANSWERABLE) and "rationale" not in draft
    ]  # fmt: skip
    cases, right = _cases(runtime, asked), [draft["answer"] for draft in asked]
    asker = runtime.context.asker
    reasons = reason(asker, cases, right, phase="reflect")
    failed = [n for n, one in enumerate(reasons) if one is None]
    hinted = rationalise(
        asker, [cases[n] for n in failed], [right[n] for n in failed], phase="reflect"
    )
    for n, one in zip(failed, hinted, strict=True):
        reasons[n] = one
    found = {d["id"]: one for d, one in zip(asked, reasons, strict=True) if one is not None}
    emit(runtime, "reflect", event="explained", asked=len(asked), kept=len(found))
    return [
        {**draft, "rationale": one.saved[1], "hinted": one.hinted}
        if (one := found.get(draft["id"])) else draft
        for draft in drafts
    ]  # fmt: skip


def _cases(runtime: Runtime[StudyContext], drafts: Sequence[Draft]) -> list[Case]:
    texts = texts_of(runtime, {id_ for draft in drafts for id_ in draft["passages"]})
    return [Case(passage=in_view(draft, texts), question=draft["question"]) for draft in drafts]
