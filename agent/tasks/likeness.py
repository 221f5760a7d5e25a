"""How alike two questions are in wording: ROUGE-L."""

from __future__ import annotations

from collections.abc import Sequence

from ingrained.agent.grading import words


def rouge_l(one: str, other: str) -> float:
    """Return the F1 of the longest common subsequence of words, in [0, 1].

    ROUGE-L as in Lin 2004, section 3, with precision and recall weighted alike.
    """
    first, second = words(one), words(other)
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
