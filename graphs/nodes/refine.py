"""`grade`, `reflect`: verify the questions, find the gap, settle what is in doubt."""

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.prompts import load
from ingrained.agent.quizzing import answered
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState

from .acquire import ANSWER_TOKENS
from .common import emit, metered


@metered
def grade(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Set the verdict of each question.

    `gap`: answered open-book by both votes and not closed-book, so there is something to learn.
    `known`: answered closed-book already. `doubt`: the votes differ.
    """
    drafts = [{**draft, "verdict": _verdict(draft)} for draft in state["drafts"]]
    tally = Counter(draft["verdict"] for draft in drafts)
    emit(runtime, "grade", event="verdicts", **tally)
    return {"drafts": drafts}


def _verdict(draft: dict[str, Any]) -> str:
    if not all(draft["votes"]):
        return "doubt"
    return "known" if draft["closed"] else "gap"


@metered
def reflect(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Put each doubtful question to the model again, next to the one sentence it came from.

    It is kept when this third vote gives the answer, and dropped otherwise.
    """
    notes = state["notes"]
    doubtful = [draft for draft in state["drafts"] if draft["verdict"] == "doubt"]
    prompt = load("settle")
    replies = runtime.context.asker.ask(
        [prompt.render(note=notes[d["note"]]["text"], question=d["question"]) for d in doubtful],
        phase="reflect",
        max_tokens=ANSWER_TOKENS,
    )
    settled = {
        draft["id"]: "known" if draft["closed"] else "gap"
        for draft, reply in zip(doubtful, replies, strict=True)
        if answered(draft["question"], reply, draft["answer"])
    }
    drafts = [{**d, "verdict": settled.get(d["id"], d["verdict"])} for d in state["drafts"]]
    kept = [draft for draft in drafts if draft["verdict"] != "doubt"]
    emit(runtime, "reflect", event="settled", doubtful=len(doubtful), kept=len(settled))
    unsure = Counter({"answers differ": len(drafts) - len(kept)})
    return {"drafts": kept, "rejected": dict(Counter(state["rejected"]) + unsure)}
