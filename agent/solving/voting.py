"""Self-Consistency (Wang et al. 2023, section 2): sample several replies, keep the majority.

Replies are free text, so "the same" has to be said: equal after normalisation, numerals as figures,
or one inside the other with at most four words more, or nearly the same words. Two replies with
different numbers, or of which one denies, are never the same. A small model answers in sentences
that repeat the question; with the question at hand its words do not count.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.agent.asking import Asker
from ingrained.agent.grading import ABSTENTION, abstained, agrees, words
from ingrained.agent.prompts import Messages
from ingrained.agent.quizzing import figures
from ingrained.memory.lexical import STOP_WORDS

TEMPERATURE = 0.7
"""As for GPT-3 and PaLM in the paper."""

_DENIALS = frozenset("no not never none nobody nothing neither nor without".split())
_EMPTY = STOP_WORDS - _DENIALS - {"i"}
"""Words that make no difference between two answers; "i" may be a numeral."""

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


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Votes of like confidence."""

    low: float
    """Exclusive."""
    high: float
    """Inclusive."""
    count: int
    confidence: float
    """Mean share."""
    accuracy: float
    """Part of them that is right."""


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


def self_consistent(
    asker: Asker,
    prompts: Sequence[Messages],
    *,
    m: int,
    phase: str,
    max_tokens: int,
    temperature: float = TEMPERATURE,
    seed: int = 0,
    greedy_first: bool = True,
    questions: Sequence[str] = (),
) -> list[Vote]:
    """Return one vote per prompt, in order; all samples are drawn in one batch.

    Args:
        asker: The model.
        prompts: What is asked.
        m: Replies per prompt.
        phase: Where the cost is booked.
        max_tokens: Longest reply.
        temperature: Of the samples.
        seed: Of the samples.
        greedy_first: The first of the m replies is greedy, and breaks ties. Otherwise all are
            sampled, as in the paper.
        questions: What the prompts ask, for `vote`; none, or one per prompt.

    Raises:
        ValueError: m is below 1.
    """
    drawn = m - int(greedy_first)
    greedy = asker.ask(prompts, phase=phase, max_tokens=max_tokens) if greedy_first else []
    repeated = [prompt for prompt in prompts for _ in range(drawn)]
    sampled = asker.ask(
        repeated, phase=phase, max_tokens=max_tokens, temperature=temperature, seed=seed
    )
    return [
        vote([*greedy[n : n + 1], *sampled[n * drawn : (n + 1) * drawn]], question)
        for n, question in enumerate(questions or [""] * len(prompts))
    ]


def calibration(votes: Sequence[Vote], right: Sequence[bool], *, bins: int = 10) -> list[Bin]:
    """Sort votes into bins of equal width by their share; empty bins are left out.

    Guo et al. 2017, section 2.

    Args:
        votes: Any.
        right: Whether each is right.
        bins: How many between 0 and 1.
    """
    sorted_in: dict[int, list[tuple[float, bool]]] = {}
    for one, good in zip(votes, right, strict=True):
        sorted_in.setdefault(math.ceil(one.share * bins), []).append((one.share, good))
    return [
        Bin(
            low=(number - 1) / bins, high=number / bins, count=len(rows),
            confidence=sum(share for share, _ in rows) / len(rows),
            accuracy=sum(good for _, good in rows) / len(rows),
        )
        for number, rows in sorted(sorted_in.items())
    ]  # fmt: skip


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean gap between confidence and accuracy, weighted by count, in [0, 1].

    Guo et al. 2017, equation 3.
    """
    total = sum(one.count for one in bins)
    gaps = (one.count * abs(one.confidence - one.accuracy) for one in bins)
    return sum(gaps) / total if total else 0.0


def _key(reply: str, asked: frozenset[str]) -> Key:
    if abstained(reply):
        return ()
    said = tuple(figures(words(reply)))
    idle = (asked | _EMPTY) - _DENIALS if asked else asked
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
    if bool(_DENIALS & {*one}) != bool(_DENIALS & {*other}):
        return False
    fewer, more = sorted([_numbers(one), _numbers(other)], key=len)
    left, right = " ".join(one), " ".join(other)
    return fewer <= more and (agrees(left, right) or agrees(right, left))


def _numbers(key: Key) -> set[str]:
    return {word for word in key if any(letter.isdigit() for letter in word)}


def _wording(alike: Sequence[str]) -> str:
    counts = Counter(alike)
    return min(counts, key=lambda text: (-counts[text], len(text), text))
