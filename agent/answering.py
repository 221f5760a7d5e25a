"""The three ways to ask a question: closed-book, open-book, with memory.

A closed-book prompt is made from the question alone. `ClosedBook` checks each finished prompt
against the passages all the same: a study whose closed-book attempts can see the text measures
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .grading import words
from .prompts import Messages, load

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
    listed = "\n".join(f"[{number}] {note}" for number, note in enumerate(notes, 1))
    return load("with_memory").render(notes=listed, question=question)


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
        self._titles = sorted((t for t in set(titles) if len(words(t)) >= LEAK_WORDS), key=len)

    def leaks(self, text: str) -> bool:
        """Return whether `text` holds a run of words of a passage, titles left out."""
        got = words(self.untitled(text))
        return any(run in self._runs for width in self._widths for run in _runs(got, width))

    def untitled(self, text: str) -> str:
        """Return a text without the titles of `LEAK_WORDS` words or more."""
        for title in reversed(self._titles):
            text = text.replace(title, "\n")
        return text

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
