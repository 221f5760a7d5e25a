"""Scores of a reply against accepted answers: pure functions, no model.

Normalisation, exact match and token F1 follow Rajpurkar et al. 2016 (SQuAD), section 6.1 and its
evaluation script: lower case, no punctuation, no English articles, single spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ABSTENTION = "I don't know."
"""What the agent is asked to say, and trained to say, when it does not know."""

_ARTICLES = {"a", "an", "the"}
_ABSTAINS = re.compile(
    r"\b(i (do not|don t|dont) know|(is|are|was|were|does|do|did)( not|n t) "
    r"(specified|mentioned|stated|known|given|provided|mention|say|specify|state|provide)|"
    r"not (mentioned|specified|stated|provided|known|enough information)|unknown|no information|"
    r"cannot (be )?(determined?|answer)|do not say|does not say)\b"
)


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one reply fared."""

    exact: float
    f1: float
    contained: float
    """1 if an accepted answer's words stand in the reply, in order and adjacent."""
    abstained: float


def words(text: str) -> list[str]:
    """Return the normalised words of `text`."""
    joined = re.sub(r"(?<=\d)[,\uff0c\u202f\u00a0](?=\d{3})", "", text)
    folded = unicodedata.normalize("NFKC", joined).casefold()
    kept = "".join(char if char.isalnum() else " " for char in folded)
    return [word for word in kept.split() if word not in _ARTICLES]


def exact_match(reply: str, answers: Iterable[str]) -> bool:
    """Return whether the normalised reply equals a normalised answer."""
    got = words(reply)
    return any(got == words(answer) for answer in answers)


def f1(reply: str, answer: str) -> float:
    """Return the harmonic mean of token precision and recall, in [0, 1]."""
    got, want = Counter(words(reply)), Counter(words(answer))
    common = (got & want).total()
    if not common:
        return float(got == want)
    precision, recall = common / got.total(), common / want.total()
    return 2 * precision * recall / (precision + recall)


def contains(text: str, answer: str) -> bool:
    """Return whether the words of `answer` stand in `text`, in order and adjacent."""
    got, want = words(text), words(answer)
    if not want:
        return False
    return any(got[i : i + len(want)] == want for i in range(len(got) - len(want) + 1))


def abstained(reply: str) -> bool:
    """Return whether the reply declines to answer."""
    return not words(reply) or bool(_ABSTAINS.search(" ".join(words(reply))))


def agrees(reply: str, answer: str, *, threshold: float = 0.8) -> bool:
    """Return whether a short reply says the same as `answer`.

    The quiz's own test: token F1 at or above `threshold`, or the answer stands whole in a reply
    that is at most four words longer.
    """
    if f1(reply, answer) >= threshold:
        return True
    return contains(reply, answer) and len(words(reply)) <= len(words(answer)) + 4


def score(reply: str, answers: Sequence[str]) -> Score:
    """Score a reply; with no accepted answers only `abstained` can be 1."""
    return Score(
        exact=float(exact_match(reply, answers)),
        f1=max((f1(reply, answer) for answer in answers), default=0.0),
        contained=float(any(contains(reply, answer) for answer in answers)),
        abstained=float(abstained(reply)),
    )
