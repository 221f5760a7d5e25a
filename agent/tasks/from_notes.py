"""Wishes made from the notes of passages: for a chosen answer, and for what the model likes to ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import Target, openers, question_prompt, targets

from .kinds import ANSWER_FIRST, FREE_RECALL
from .wishes import Place, Wish

Note = Mapping[str, Any]
"""A candidate note as the study's state holds it: passage, document, topic, text, focus."""


def answer_firsts(
    notes: Sequence[Note], chosen: Collection[int], texts: Mapping[str, str], *, per_note: int
) -> list[Wish]:
    """Choose answers in some of the notes, and wish for the questions they answer.

    Args:
        notes: Of the batch.
        chosen: Indices of those to ask about.
        texts: Passage id → text.
        per_note: Most answers of one note.
    """
    owned = [n["text"][n["focus"] :] if i in chosen else "" for i, n in enumerate(notes)]
    return [
        _wish(ANSWER_FIRST, notes, one.note, texts, _prompt(notes[one.note], one), one.answer)
        for one in targets(owned, per_note=per_note)
    ]


def with_opener(notes: Sequence[Note], wish: Wish) -> Wish:
    """Return the same wish with first words that fit its answer."""
    note = notes[wish.note or 0]
    opener = openers(note["text"][note["focus"] :], wish.answer)[0]
    target = Target(note=wish.note or 0, answer=wish.answer, opener=opener)
    return replace(wish, prompt=_prompt(note, target, opener=opener))


def free_recalls(
    notes: Sequence[Note], chosen: Iterable[int], texts: Mapping[str, str]
) -> list[Wish]:
    """Wish for questions of the model's own about some notes; their passage will answer them."""
    prompt = load("ask_freely")
    return [
        _wish(
            FREE_RECALL, notes, n, texts,
            prompt.render(topic=notes[n]["topic"], sentence=notes[n]["text"]), "",
        )
        for n in chosen
    ]  # fmt: skip


def _prompt(note: Note, target: Target, *, opener: str = "") -> Messages:
    return question_prompt(note["topic"], note["text"], target, focus=note["focus"], opener=opener)


def _wish(
    kind: str,
    notes: Sequence[Note],
    index: int,
    texts: Mapping[str, str],
    prompt: Messages,
    answer: str,
) -> Wish:
    note = notes[index]
    return Wish(
        kind=kind, prompt=prompt, answer=answer, passages=(note["passage"],), note=index,
        source=Place.of(note, texts[note["passage"]], index).source,
    )  # fmt: skip
