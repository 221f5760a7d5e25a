"""Self-Consistency (Wang et al. 2023, section 2): sample several replies, keep the majority.

Replies are free text, so "the same" has to be said: equal after normalisation, numerals as figures,
or one inside the other with at most four words more, or nearly the same words. Two replies with
different numbers, or of which one denies, are never the same. A small model answers in sentences
that repeat the question; with the question at hand its words do not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.agent.grading import ABSTENTION, abstained, agrees, words
from ingrained.agent.quizzing import figures
from ingrained.memory.lexical import DENIALS, STOP_WORDS

_EMPTY = STOP_WORDS - DENIALS - {"i"}
"""Words that make no difference between two answers; "i" may be a numeral."""

TEMPERATURE = 0.7
"""Of the replies that are sampled to vote."""

Key = tuple[str, ...]
"""Normalised words of a reply; empty for an abstention."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What several replies to one prompt come to."""

    answer: str
    """A reply of the largest group, or `ABSTENTION`."""
    share: float
    """Size of that group over the number of replies, in (0, 1]: the confidence."""
    replies: tuple[str, ...]
    """All of them, in order."""
    tied: bool
    """Whether another group was as large; the group of the earliest reply then won."""


def vote(replies: Sequence[str], question: str = "") -> Vote:
    """Return the majority of some replies.

    Which replies are grouped, and the wording of the answer, do not depend on their order. Only a
    tie does: of the largest groups, that of the earliest reply wins, so a greedy reply is put first.

    Args:
        replies: One or more.
        question: What they reply to. Its words, and function words, then tell no answers apart.

    Raises:
        ValueError: there are no replies.
    """
    if not replies:
        raise ValueError("no replies to vote on")
    asked = frozenset(figures(words(question)))
    keys = [_key(reply, asked) for reply in replies]
    leaders = _leaders(Counter(keys))
    sizes = Counter(leaders[key] for key in keys)
    most = max(sizes.values())
    winner = next(leaders[key] for key in keys if sizes[leaders[key]] == most)
    alike = [reply for reply, key in zip(replies, keys, strict=True) if key == winner]
    return Vote(
        answer=_wording(alike) if winner else ABSTENTION,
        share=most / len(replies),
        replies=tuple(replies),
        tied=list(sizes.values()).count(most) > 1,
    )


def _key(reply: str, asked: frozenset[str]) -> Key:
    if abstained(reply):
        return ()
    said = tuple(figures(words(reply)))
    idle = (asked | _EMPTY) - DENIALS if asked else asked
    return tuple(word for word in said if word not in idle) or said


def _leaders(counts: Counter[Key]) -> dict[Key, Key]:
    """Return key → the key that its group is named after: frequent ones lead, then short ones."""
    leaders: dict[Key, Key] = {}
    for key in sorted(counts, key=lambda one: (-counts[one], len(one), one)):
        firsts = [other for other in leaders.values() if _same(key, other)]
        leaders[key] = firsts[0] if firsts else key
    return leaders


def _same(one: Key, other: Key) -> bool:
    if not one or not other:
        return one == other
    if bool(DENIALS & {*one}) != bool(DENIALS & {*other}):
        return False
    fewer, more = sorted([_numbers(one), _numbers(other)], key=len)
    left, right = " ".join(one), " ".join(other)
    return fewer <= more and (agrees(left, right) or agrees(right, left))


def _numbers(key: Key) -> set[str]:
    return {word for word in key if any(letter.isdigit() for letter in word)}


def _wording(alike: Sequence[str]) -> str:
    counts = Counter(alike)
    return min(counts, key=lambda text: (-counts[text], len(text), text))
