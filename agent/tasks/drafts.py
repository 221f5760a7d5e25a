"""Drafts: questions of a batch on their way to acceptance, as plain data for the study's state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingrained.agent.grading import ABSTENTION, abstained, contains, words
from ingrained.agent.quizzing import answered, fault, gives, target_id
from ingrained.memory.records import sha256

from .kinds import UNANSWERABLE
from .wishes import Place, Verified, Wish

Draft = dict[str, Any]
Note = Mapping[str, Any]

MOST_ANSWER_WORDS = 8
"""Of an answer that the passage itself gave."""


def draft_of(wish: Wish, question: str, notes: Sequence[Note]) -> Draft:
    """Return the draft of a question that was wished for; one with a note has a target."""
    asked = " ".join(words(question))
    draft: Draft = {
        "id": sha256(f"{wish.passages[0]}\x1f{asked}")[:16],
        "kind": wish.kind, "passage": wish.passages[0], "passages": list(wish.passages),
        "note": wish.note, "question": question, "answer": wish.answer, "after": wish.after,
        "also": list(wish.also),
    }  # fmt: skip
    return aimed(draft, notes)


def aimed(draft: Draft, notes: Sequence[Note]) -> Draft:
    """Return a draft with the id that all phrasings of its target share."""
    start = -1 if draft["note"] is None else notes[draft["note"]]["start"]
    return {**draft, "target": target_id(draft["passage"], start, draft["answer"])}


def unlike(drafts: Iterable[Draft], known: Iterable[str] = ()) -> list[Draft]:
    """Return the drafts without those that ask what an earlier one asks, or what is known by id."""
    found: dict[str, Draft] = {}
    seen = set(known)
    for draft in drafts:
        if draft["id"] not in seen:
            found.setdefault(draft["id"], draft)
    return list(found.values())


def passes(draft: Draft, reply: str) -> bool:
    """Return whether a reply gives a draft's answer; declining is that of an unanswerable one."""
    if draft["kind"] == UNANSWERABLE:
        return abstained(reply)
    return gives(draft["question"], reply, draft["answer"])


def knows(draft: Mapping[str, Any], reply: str) -> bool:
    """Return whether a reply to a question that was accepted gives its answer, with a few more words."""
    if draft.get("kind") == UNANSWERABLE:
        return abstained(reply)
    return answered(draft["question"], reply, draft["answer"])


def settled(draft: Draft, reply: str, text: str, notes: Sequence[Note]) -> Draft | None:
    """Return a draft whose answer the passage gave, or None when the reply cannot be one.

    The answer has to stand verbatim in a note of the home passage and be short, and most of it must
    be new: a reply that repeats the question tells nothing.

    Args:
        draft: Without an answer, or with one that the passage does not bear out.
        reply: Open-book.
        text: The passage.
        notes: Of the batch.
    """
    answer = reply.strip(" .")
    told = words(answer)
    new = [word for word in told if word not in words(draft["question"])]
    if abstained(reply) or len(told) > MOST_ANSWER_WORDS or 2 * len(new) <= len(told):
        return None
    note = _evidence(draft, answer, notes)
    if note is None or fault(draft["question"], answer, f"{notes[note]['topic']}. {text}"):
        return None
    return aimed({**draft, "answer": answer, "note": note}, notes)


def _evidence(draft: Draft, answer: str, notes: Sequence[Note]) -> int | None:
    """Return the note of the passage that holds the answer and most of the question's words."""
    asked = set(words(draft["question"]))
    found = [
        index
        for index, note in enumerate(notes)
        if note["passage"] == draft["passage"] and contains(note["text"], answer)
    ]
    return max(
        found, key=lambda n: (len(asked & set(words(notes[n]["text"]))), n == draft["note"], -n),
        default=None,
    )  # fmt: skip


def place_of(draft: Draft, notes: Sequence[Note], texts: Mapping[str, str]) -> Place:
    """Return where a draft's note stands."""
    return Place.of(notes[draft["note"]], texts[draft["passage"]], draft["note"])


def verified(
    drafts: Iterable[Draft], notes: Sequence[Note], texts: Mapping[str, str]
) -> list[Verified]:
    """Return accepted drafts that something is to be learnt from, for questions to be made of."""
    return [
        Verified(
            id=one["id"], question=one["question"], answer=one["answer"],
            place=place_of(one, notes, texts),
        )
        for one in drafts
        if one.get("verdict") == "gap" and one["note"] is not None and one["answer"] != ABSTENTION
    ]  # fmt: skip
