"""How alike two questions, or statements, are in wording: ROUGE-L."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ingrained.agent.grading import words

ALIKE = 0.8
"""Two that are more alike (ROUGE-L) are the same in all but a word."""


def alike(text: str, others: Iterable[str]) -> bool:
    """Return whether a text is one of the others in all but a word."""
    said = words(text)
    counted = Counter(said)
    return any(
        # No common subsequence is longer, and this is quick to tell.
        2 * (counted & Counter(other)).total() > ALIKE * (len(said) + len(other))
        and _rouge_l(said, other) > ALIKE
        for other in map(words, others)
    )


def rouge_l(one: str, other: str) -> float:
    """Return the F1 of the longest common subsequence of words, in [0, 1].

    ROUGE-L as in Lin 2004, section 3, with precision and recall weighted alike.
    """
    return _rouge_l(words(one), words(other))


def _rouge_l(first: Sequence[str], second: Sequence[str]) -> float:
    return 2 * _common(first, second) / max(len(first) + len(second), 1)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    lengths = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, against in enumerate(second, 1):
            above = lengths[column]
            lengths[column] = diagonal + 1 if word == against else max(above, lengths[column - 1])
            diagonal = above
    return lengths[-1]
