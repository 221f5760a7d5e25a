"""`read`, `quiz`, `attempt`: from passages to questions with answers tried."""

from __future__ import annotations

from collections import Counter
from typing import Any

from langgraph.runtime import Runtime

from ingrained.agent.answering import ClosedBook, closed_book, open_book
from ingrained.agent.grading import contains, words
from ingrained.agent.notes import candidate_notes
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import (
    Target,
    answered,
    clean_question,
    fault,
    question_prompt,
    target_id,
    targets,
)
from ingrained.agent.reading.documents import Passage
from ingrained.agent.recalling import headline
from ingrained.graphs.context import StudyContext
from ingrained.graphs.state import StudyState
from ingrained.memory.records import sha256

from .common import emit, metered

QUESTION_TOKENS = 40
ANSWER_TOKENS = 24
MOST_ANSWER_WORDS = 8
QUESTION_TEMPERATURE = 0.8
VOTE_TEMPERATURE = 0.7


@metered
def read(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Cut the passages in hand into candidate notes with exact source spans."""
    passages = runtime.context.library.passages(state["batch"])
    notes = [note for passage in passages for note in _notes(passage)]
    emit(runtime, "read", event="notes", passages=len(passages), notes=len(notes))
    return {"notes": notes}


def _notes(passage: Passage) -> list[dict[str, Any]]:
    return [
        {
            "passage": passage.id, "document": passage.document,
            "topic": passage.title, "heading": headline(passage),
            "text": note.text, "focus": note.focus, "start": passage.start + note.start, "end": passage.start + note.end,
        }
        for note in candidate_notes(passage.text)
    ]  # fmt: skip


@metered
def quiz(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Ask for names, dates and quantities of each note, in several phrasings.

    What comes out unusable is asked for once more, sampled, and a note that is still without a
    question is asked about freely. A later round samples from the start, so that a weak passage
    gets questions it has not had.
    """
    policy, notes = runtime.context.policy, state["notes"]
    texts = {p.id: p.text for p in runtime.context.library.passages(state["batch"])}
    wanted = targets(
        [note["text"][note["focus"] :] for note in notes],
        per_note=policy.answers_per_note,
        openers_each=policy.openers_per_answer,
    )
    first, faulty = _ask(runtime, state, wanted, texts, again=state["round"] > 1)
    second, still = _ask(runtime, state, [target for target, _ in faulty], texts, again=True)
    free = _ask_freely(runtime, state, [*first, *second], texts)
    drafts = {draft["id"]: draft for draft in [*free, *second, *first]}
    dropped = Counter(reason for _, reason in still)
    dropped["asked twice"] += len(first) + len(second) + len(free) - len(drafts)
    emit(runtime, "quiz", event="drafts", asked=len(wanted), usable=len(drafts))
    return {
        "drafts": list(drafts.values()),
        "rejected": _added(state.get("rejected", {}), dropped),
    }


def _ask(
    runtime: Runtime[StudyContext],
    state: StudyState,
    wanted: list[Target],
    texts: dict[str, str],
    *,
    again: bool,
) -> tuple[list[dict[str, Any]], list[tuple[Target, str]]]:
    """Return the usable drafts, and the targets without one with the reason."""
    notes = state["notes"]
    replies = runtime.context.asker.ask(
        [_prompt(notes[target.note], target) for target in wanted],
        phase="quiz",
        max_tokens=QUESTION_TOKENS,
        temperature=QUESTION_TEMPERATURE if again else 0.0,
        seed=runtime.context.policy.seed + state["round"],
    )
    drafts: list[dict[str, Any]] = []
    faulty: list[tuple[Target, str]] = []
    for target, reply in zip(wanted, replies, strict=True):
        note, question = notes[target.note], clean_question(reply)
        reason = fault(question, target.answer, _source(note, texts))
        if reason:
            faulty.append((target, reason))
        else:
            drafts.append(_draft(note, target, question))
    return drafts, faulty


def _ask_freely(
    runtime: Runtime[StudyContext],
    state: StudyState,
    drafts: list[dict[str, Any]],
    texts: dict[str, str],
) -> list[dict[str, Any]]:
    """Ask what the model likes about each note that has no question; the note itself answers.

    The answer must stand verbatim in the note; `attempt` then tries it like any other.
    """
    asker, notes = runtime.context.asker, state["notes"]
    bare = sorted(set(range(len(notes))) - {draft["note"] for draft in drafts})
    prompt = load("ask_freely")
    replies = asker.ask(
        [prompt.render(topic=notes[i]["topic"], sentence=notes[i]["text"]) for i in bare],
        phase="quiz",
        max_tokens=QUESTION_TOKENS,
    )
    asked = [(i, question) for i, reply in zip(bare, replies, strict=True)
             if (question := clean_question(reply))]  # fmt: skip
    answers = asker.ask(
        [open_book(notes[i]["text"], question) for i, question in asked],
        phase="quiz",
        max_tokens=ANSWER_TOKENS,
    )
    found: list[dict[str, Any]] = []
    for (i, question), reply in zip(asked, answers, strict=True):
        answer = reply.strip(" .")
        quoted = len(words(answer)) <= MOST_ANSWER_WORDS and contains(notes[i]["text"], answer)
        if quoted and not fault(question, answer, _source(notes[i], texts)):
            found.append(_draft(notes[i], Target(note=i, answer=answer, opener=""), question))
    return found


def _source(note: dict[str, Any], texts: dict[str, str]) -> str:
    """Return what a question about a note may name things of: its topic and its passage."""
    return f"{note['topic']}. {texts[note['passage']]}"


def _prompt(note: dict[str, Any], target: Target) -> Messages:
    return question_prompt(note["topic"], note["text"], target, focus=note["focus"])


def _draft(note: dict[str, Any], target: Target, question: str) -> dict[str, Any]:
    asked = " ".join(words(question))
    return {
        "id": sha256(f"{note['passage']}\x1f{asked}")[:16],
        "target": target_id(note["passage"], note["start"], target.answer),
        "passage": note["passage"], "note": target.note,
        "question": question, "answer": target.answer,
    }  # fmt: skip


@metered
def attempt(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Answer each question twice open-book and, where the first vote holds, once closed-book.

    The second vote is sampled (Self-Consistency, Wang et al. 2023, section 2): a question is
    worth something only if its answer does not hang on one greedy path.
    """
    context, drafts = runtime.context, state["drafts"]
    texts = {p.id: p.text for p in context.library.passages(state["batch"])}
    first = _vote(runtime, drafts, texts, temperature=0.0)
    hopeful = [draft for draft, vote in zip(drafts, first, strict=True) if vote]
    second = _vote(runtime, hopeful, texts, temperature=VOTE_TEMPERATURE)
    guard = ClosedBook(texts.values())
    fair = [(d, vote) for d, vote in zip(hopeful, second, strict=True)
            if not guard.leaks(d["question"])]  # fmt: skip
    closed = context.asker.ask(
        guard.check([closed_book(draft["question"]) for draft, _ in fair]),
        phase="attempt",
        max_tokens=ANSWER_TOKENS,
    )
    attempted = [
        {**draft, "votes": [True, vote],
         "closed": answered(draft["question"], reply, draft["answer"])}
        for (draft, vote), reply in zip(fair, closed, strict=True)
    ]  # fmt: skip
    dropped = Counter({
        "not answered from its passage": len(drafts) - len(hopeful),
        "quotes its passage": len(hopeful) - len(fair),
    })  # fmt: skip
    emit(runtime, "attempt", event="votes", asked=len(drafts), hopeful=len(hopeful))
    return {"drafts": attempted, "rejected": _added(state["rejected"], dropped)}


def _vote(
    runtime: Runtime[StudyContext],
    drafts: list[dict[str, Any]],
    texts: dict[str, str],
    temperature: float,
) -> list[bool]:
    replies = runtime.context.asker.ask(
        [open_book(texts[draft["passage"]], draft["question"]) for draft in drafts],
        phase="attempt",
        max_tokens=ANSWER_TOKENS,
        temperature=temperature,
        seed=runtime.context.policy.seed,
    )
    return [
        answered(draft["question"], reply, draft["answer"])
        for draft, reply in zip(drafts, replies, strict=True)
    ]


def _added(counts: dict[str, int], more: Counter[str]) -> dict[str, int]:
    return dict(Counter(counts) + more)
