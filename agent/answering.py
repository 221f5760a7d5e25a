"""The three ways to ask a question: closed-book, open-book, with memory.

A closed-book prompt is made from the question alone. `ClosedBook` checks each finished prompt
against the passages all the same: a study whose closed-book attempts can see the text measures
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .grading import words
from .prompts import Messages, load

REPLY_TOKENS = 160
"""A reply to a person is cut at so many."""
LEAK_WORDS = 8
"""This many consecutive words of a passage in a prompt count as text of the passage."""


def closed_book(question: str) -> Messages:
    """Ask from what the weights know."""
    return load("closed_book").render(question=question)


def open_book(passage: str, question: str) -> Messages:
    """Ask with the passage in view; the passage comes first, so that prompts share a prefix."""
    return load("open_book").render(passage=passage, question=question)


def with_memory(notes: Sequence[str], question: str) -> Messages:
    """Ask with recalled notes in view, numbered from 1; with none, ask closed-book."""
    if not notes:
        return closed_book(question)
    return load("with_memory").render(notes=numbered(notes), question=question)


def numbered(notes: Sequence[str]) -> str:
    """Return notes as they stand in a prompt: one line each, which no note can begin otherwise.

    Args:
        notes: What was recalled, each in one line; see `recalling.shown`.
    """
    return "\n".join(f"[{number}] {note}" for number, note in enumerate(notes, 1))


class ClosedBook:
    """Refuses prompts that hold text of a passage.

    Args:
        passages: The texts that must not be seen. One shorter than `LEAK_WORDS` words counts
            as seen when all of it is.
        titles: What a question may call a document by, though a passage begins with it.
    """

    def __init__(self, passages: Iterable[str], *, titles: Iterable[str] = ()) -> None:
        self._runs = {run for passage in passages for run in _runs(words(passage), LEAK_WORDS)}
        self._widths = {len(run) for run in self._runs}
        self._titles = {tuple(words(title)) for title in titles}

    def leaks(self, text: str) -> bool:
        """Return whether `text` holds a run of words of a passage that is not part of a title."""
        got = words(text)
        found = [
            (start, start + width)
            for width in self._widths
            for start, run in enumerate(_runs(got, width))
            if run in self._runs
        ]
        named = self._named(got) if found else []
        return any(not any(a <= start and end <= b for a, b in named) for start, end in found)

    def _named(self, got: list[str]) -> list[tuple[int, int]]:
        """Return where titles stand among words."""
        return [
            (start, start + len(title))
            for title in self._titles
            for start, run in enumerate(_runs(got, len(title)))
            if run == title
        ]

    def check(self, prompts: Sequence[Messages]) -> Sequence[Messages]:
        """Return the prompts unchanged.

        Raises:
            AssertionError: one of them leaks; the study is not to be trusted.
        """
        for prompt in prompts:
            text = "\n".join(content for _, content in prompt)
            if self.leaks(text):
                raise AssertionError(f"a closed-book prompt holds text of a passage: {text!r}")
        return prompts


def _runs(items: list[str], width: int) -> list[tuple[str, ...]]:
    width = min(width, len(items))
    return [tuple(items[i : i + width]) for i in range(len(items) - width + 1)] if width else []
