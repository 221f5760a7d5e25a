"""Cloze questions: a few words of a note, one stretch asked for in its place. No model is needed.

Taylor 1953, "Cloze procedure". What is left out is the answer, so it is right by construction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingrained.agent.grading import contains, words
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import answers_in, has_no_digit
from ingrained.agent.reading.passages import sentences

from .kinds import CLOZE
from .wishes import Place, Wish

SHOWN_WORDS = 6
"""At most this many on either side of the gap, so that no run of `answering.LEAK_WORDS` is shown."""
FILLED_WORDS = 3
"""Shown on either side where the text is in view."""
FEWEST_SHOWN = 5
"""With fewer words on both sides together, too little is left to tell the answer by."""


def clozes(places: Sequence[Place], *, per_note: int = 1) -> list[Wish]:
    """Make ready questions from notes, for as many of the answers of each."""
    return [wish for place in places for wish in _clozes_of(place)[:per_note]]


def _clozes_of(place: Place) -> list[Wish]:
    made = (
        (answer, cloze(place.topic, place.text, answer))
        for answer in sorted(answers_in(place.text), key=has_no_digit)
    )
    return [_wish(place, answer, question) for answer, question in made if question]


def cloze(topic: str, note: str, answer: str) -> str:
    """Return the question; empty when the answer is in the topic, not in the note, or in it twice.

    Args:
        topic: Named in the question, so that it can be answered without its passage.
        note: One or two sentences; what is shown stays within one of them.
        answer: A verbatim stretch of `note`.
    """
    if contains(topic, answer):
        return ""
    for start, end in sentences(note):
        sentence = " ".join(note[start:end].split())
        gaps = list(re.finditer(rf"(?<!\w){re.escape(answer)}(?!\w)", sentence))
        if len(gaps) == 1:
            return _question(topic, sentence[: gaps[0].start()], sentence[gaps[0].end() :])
    return ""


def _question(topic: str, before: str, after: str) -> str:
    left = _nearest(before.split()[::-1])[::-1]
    right = _nearest(after.split())
    if len(left) + len(right) < FEWEST_SHOWN:
        return ""
    shown = f"{_without_marks(' '.join(left))} … {_without_marks(' '.join(right))}".strip()
    return f"Which words are missing in “{shown}” about {topic}?"


def fill_prompt(text: str, note: str, answer: str) -> Messages:
    """Lay a text before the model and ask for what is left out of a note.

    For a small model, copying into a gap with a few words around it is easier than the question in
    words, and asks the same (LOG.md).

    Args:
        text: What is remembered of the note.
        note: One or two sentences.
        answer: A verbatim stretch of `note`; its last place there is the gap.
    """
    before, _, after = note.rpartition(answer)
    gap = " ".join([*before.split()[-FILLED_WORDS:], "___", *after.split()[:FILLED_WORDS]])
    return load("fill_gap").render(text=" ".join(text.split()), gap=gap)


def _nearest(parts: list[str]) -> list[str]:
    taken: Iterable[int] = range(len(parts), -1, -1)
    return next(parts[:n] for n in taken if len(words(" ".join(parts[:n]))) <= SHOWN_WORDS)


def _without_marks(text: str) -> str:
    bare = re.sub(r"[\"“”…*\[\]()?]", "", text)
    return re.sub(r"\s+(?=[,;:.])", "", " ".join(bare.split())).strip(" .;:,")


def _wish(place: Place, answer: str, question: str) -> Wish:
    return Wish(
        kind=CLOZE,
        prompt=(),
        answer=answer,
        passages=(place.passage,),
        note=place.note,
        source=place.source,
        question=question,
    )
