"""Telling what merely repeats recalled text, so that the memory does not feed on itself.

An agent that writes down what it was just reminded of doubles its memories with every talk. A text
counts as an echo only if it adds nothing: a single new name, number, "not" or other content word
may be what the writer wanted to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .lexical import DENIALS, STOP_WORDS, clean, stems

WIDTH = 3
"""Words of a run; three in a row are rarely the same by chance."""
THRESHOLD = 0.6
"""Share of a text's runs that must be known: one changed joint breaks up to three runs."""
_WORD = re.compile(r"[^\W_]+")
_FRAME = frozenset(
    "according answer assistant conversation mentioned notes recalled remember remembered reminder "
    "said says stated told user".split()
)
"""Words about the talk itself: "according to the notes, …" says nothing new."""


class Echoes:
    """Knows some recalled texts and recognises what repeats them.

    Args:
        recalled: The texts, in any order.
        threshold: Least share of known runs of an echo, in (0, 1].
    """

    def __init__(self, recalled: Iterable[str], *, threshold: float = THRESHOLD) -> None:
        texts = [_words(text) for text in recalled]
        self._threshold = threshold
        self._runs = {width: _runs(texts, width) for width in range(1, WIDTH + 1)}
        self._known = _telling(word for text in texts for word in text)

    def covers(self, text: str) -> bool:
        """Return whether a text only repeats what was recalled, one text of it or several.

        It has no word of its own that tells anything, and most of its runs of words are known. The
        same words in another order ("Ana owes Ben", "Ben owes Ana") are no echo. An empty text is.
        """
        words = _words(text)
        return _telling(words) <= self._known and self._share(words) >= self._threshold

    def share(self, text: str) -> float:
        """Return the share of a text's runs of `WIDTH` words (all of a shorter one) that are known.

        In [0, 1]; 1.0 for a text without words.
        """
        return self._share(_words(text))

    def _share(self, words: list[str]) -> float:
        width = min(WIDTH, len(words))
        if not width:
            return 1.0
        runs = [tuple(words[i : i + width]) for i in range(len(words) - width + 1)]
        return sum(run in self._runs[width] for run in runs) / len(runs)


def telling(text: str) -> frozenset[str]:
    """Return what in a text says something: stems of content words, numbers in full, negations."""
    return _telling(_words(text))


def _words(text: str) -> list[str]:
    """Return the lower-case words of a text but those about the talk itself."""
    return [word for word in _WORD.findall(clean(text).casefold()) if word not in _FRAME]


def _runs(texts: Iterable[list[str]], width: int) -> set[tuple[str, ...]]:
    return {tuple(text[i : i + width]) for text in texts for i in range(len(text) - width + 1)}


def _telling(words: Iterable[str]) -> frozenset[str]:
    told = {word for word in words if word in DENIALS or word not in STOP_WORDS}
    exact = {word for word in told if word in DENIALS or any(c.isdigit() for c in word)}
    return frozenset(exact) | stems(told - exact)
