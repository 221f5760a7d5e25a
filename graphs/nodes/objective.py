"""`plan`: choose what to study next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.planning import Objective, open_round
from ingrained.agent.planning.kinds import answers_now, is_known, shares_now
from ingrained.agent.reading.corpus import is_there, read_corpus
from ingrained.agent.reading.passages import split
from ingrained.agent.tasks.kinds import ANSWER_FIRST
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState

from .changes import revise_memories, take_leave
from .common import emit, held, metered


@metered
def plan(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Take the next passages; at the start of a round, decide which the round is for.

    With more to study there is more to consolidate, also after a run that its budget ended.
    The first round takes what was never studied, later ones the passages whose questions fail, as
    the level of autonomy has it. Within a round the kinds of questions that turn out to work for
    the model get more of the tasks.
    """
    context = runtime.context
    queue = state.get("queue", [])
    number = state.get("round", 0)
    goal = state.get("objective", {})
    if not queue:
        number += 1
        goal = _objective(number, runtime).to_dict()
        queue = goal.pop("passages")
        emit(runtime, "plan", event="objective", round=number, passages=len(queue), why=goal["why"])
    size, answers = _size_and_answers(context)
    return {
        **_fresh(state, context), **({"consolidated": False} if queue else {}), "round": number,
        "objective": {
            **goal, "kinds_now": _kinds_now(goal["kinds"], context), "answers_now": answers,
        },
        "batch": queue[:size], "queue": queue[size:], "notes": [], "drafts": [], "tally": {},
        "stop": "", "varied": False,
    }  # fmt: skip


def _fresh(state: StudyState, context: StudyContext) -> dict[str, Any]:
    if "kept" in state:
        return {}
    return {
        "before": held(context), "kept": 0, "rejected": {}, "adapter": None, "known_adapter": None,
        "consolidated": False, "scores": {}, "documents_then": context.library.finished(),
    }  # fmt: skip


def _kinds_now(shares: Mapping[str, float], context: StudyContext) -> dict[str, float]:
    if context.policy.autonomy == "low":
        return dict(shares)
    book = context.library.gradebook
    return shares_now(shares, book.acceptance(context.asker.name, round=book.latest()))


def _size_and_answers(context: StudyContext) -> tuple[int, int]:
    """Return how many passages to take in hand, and how many answers of each note to ask for."""
    policy = context.policy
    by_scores = policy.autonomy != "low"
    fared = context.library.gradebook.acceptance(context.asker.name) if by_scores else {}
    found = fared.get(ANSWER_FIRST)
    unknown = ANSWER_FIRST in policy.mechanisms and not is_known(found)
    few = unknown or policy.budget_tokens is not None
    size = policy.few_passages if few else policy.batch_passages
    return size, answers_now(policy.answers_per_note, found)


def _objective(number: int, runtime: Runtime[StudyContext]) -> Objective:
    context = runtime.context
    if number == 1:
        take_in(runtime)
    return open_round(number, context.library, context.planner())


def take_in(runtime: Runtime[StudyContext]) -> None:
    """Read the corpus into the library: unchanged documents are left alone.

    Memories follow a changed document before the library does, which then knows it: a run that is
    killed between the two compares the same two versions again.
    """
    context = runtime.context
    if not context.corpus:
        return
    known = context.library.known()
    corpus = read_corpus(context.corpus, known=known)
    for document in corpus.documents:
        version, source = known.get(document.id, ("", ""))
        if version == document.version and not is_there(source):
            context.library.set_source(document.id, document.source)
        if version != document.version:
            passages = split(document, max_tokens=context.policy.passage_tokens)
            replaced = revise_memories(runtime, document)
            fresh = context.library.put_document(document, passages, replaced)
            emit(runtime, "plan", event="document", id=document.id, passages=fresh)
            if purged := len(context.library.tombstones().spans(document.text)):
                emit(runtime, "plan", event="purged", id=document.id, stretches=purged)
    take_leave(runtime, corpus, known)
    context.library.set_skipped(corpus.skipped)
    for skipped in corpus.skipped:
        emit(runtime, "plan", event="skipped", path=skipped.path, reason=skipped.reason)
