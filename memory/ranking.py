"""From two lists of candidates to the few memories worth showing."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .forgetting import DEFAULT_POLICY, ForgettingPolicy, retention
from .lexical import overlap, stems, terms
from .records import Memory
from .results import Recalled

RRF_K = 5
"""Constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009, section 2, have 60).

The smaller it is, the more the first places count. Chosen on the development corpus (81 memories,
115 questions they were kept for): right memory first for 0.92 of them, mean reciprocal rank
0.955; with 60 and equal weights 0.89 and 0.932. The answers in view for its 116 exam questions are
the same. LOG.md has the table.
"""

WORDS_WEIGHT = 1.5
"""How much the ranking by words counts beside that by meaning. Chosen with `RRF_K`."""

DENSE_FLOOR = 0.3
"""Lowest cosine similarity at which a memory is recalled for its meaning alone.

Chosen on single-sentence notes of SQuAD articles, passages 1 to 8 of each, where 1.1 % of the right
notes fall below both floors; 0.35 would lose 1.9 %. On passages 9 to 16 the right note passes for 376 of 377 questions, while
of 250 questions about other articles 87 % (144 notes) and 95 % (101 notes) recall nothing. More
notes mean more chance likenesses. Losing the right memory is worse than an extra one, so the
lower floor stands. It belongs to this embedder: another one needs its own, which `calibrate`
finds.
"""

LEXICAL_FLOOR = 0.6
"""Share of the query's content words at which a memory is recalled for its words alone.

On passages 1 to 8 fewer than one unrelated question in twenty shares more than 0.33 with any
note; above one half, a single shared verb of a two-word question does not count.
"""

RETENTION_WEIGHT = 0.1
"""How much of its score a wholly faded memory loses.

The first two places of a ranking differ by 14 %, the tenth and eleventh by 6 %. Were R a full
factor, a memory of two days ago would stand behind every fresh one however far off the point; with
this weight it yields to fresh ones that are nearly as good. Whether a memory stays at all is
`decay`'s business.
"""

POOL = 50
"""Candidates taken from each list, at least."""

_SPARE = 5
"""Candidates looked at beyond the first ones at a time, where fading may change the order."""

Load = Callable[[Sequence[str]], Mapping[str, Memory]]
"""Returns the active memories among some ids."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What the two searches found for one query."""

    query: str
    dense: Sequence[tuple[str, float]]
    """(id, cosine similarity), nearest first."""
    lexical: Sequence[str]
    """Ids, best BM25 first."""
    search: Literal["both", "meaning", "words"] = "both"
    """Which searches were asked: only theirs are rankings."""

    @property
    def rankings(self) -> list[Sequence[str]]:
        """Ids in the order of each search that was asked, best first."""
        dense: Sequence[str] = [id_ for id_, _ in self.dense]
        if self.search == "meaning":
            return [dense]
        return [self.lexical] if self.search == "words" else [dense, self.lexical]

    @property
    def weights(self) -> tuple[float, ...]:
        """How much each of the rankings counts."""
        return (1.0, WORDS_WEIGHT) if self.search == "both" else (1.0,)


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much may be recalled for one query."""

    k: int
    """At most so many memories."""
    max_chars: int | None = None
    """Together at most so many characters; what does not fit is passed over."""
    max_tokens: int | None = None
    """Together at most so many tokens."""
    count_tokens: Callable[[str], int] | None = None
    """Counts the tokens of a text; four characters are taken for one when None."""

    def takes(self, texts: Sequence[str], text: str) -> bool:
        """Return whether a text has room beside others."""
        if self.max_chars is None and self.max_tokens is None:
            return True
        together = [*texts, text]
        if self.max_chars is not None and sum(map(len, together)) > self.max_chars:
            return False
        return self.max_tokens is None or self._tokens(together) <= self.max_tokens

    def _tokens(self, texts: Sequence[str]) -> int:
        return sum(map(self.count_tokens or _about, texts))


def _about(text: str) -> int:
    return -(-len(text) // 4)


class Ranker:
    """Ranks the candidates of queries.

    Args:
        load: Gives the memories behind the ids; those it leaves out are dropped.
        now: POSIX seconds, for retention.
        floor: Lowest cosine similarity; `DENSE_FLOOR` when None, -1 lets everything pass.
        forgetting: How memories fade.
        confidence: Similarity → probability that the memory is the right one.
    """

    def __init__(
        self,
        load: Load,
        *,
        now: float,
        floor: float | None = None,
        forgetting: ForgettingPolicy = DEFAULT_POLICY,
        confidence: Callable[[float], float] | None = None,
    ) -> None:
        self._load = load
        self._now = now
        self._floor = DENSE_FLOOR if floor is None else floor
        self._forgetting = forgetting
        self._confidence = confidence
        self._memories: dict[str, Memory] = {}

    def best(self, candidates: Candidates, enough: int) -> list[Recalled]:
        """Return the candidates above the floors with the `enough` best scores, best first.

        Memories are loaded a few at a time, in the order of their fused rank: fading only lowers
        a score, so one whose rank alone is worse than the scores in hand cannot come in.
        """
        found: list[Recalled] = []
        for upper, group in self._groups(candidates, enough):
            found.sort(key=_order)
            if len(found) >= enough and found[enough - 1].score >= upper:
                break
            found.extend(one for one in group() if self.passes(one))
        return sorted(found, key=_order)[:enough]

    def alike(self, memory: Memory, similarity: float) -> Recalled:
        """Return a memory that was found by comparing it, not by a search."""
        kept = retention(memory, self._now, self._forgetting)
        return Recalled(
            memory=memory, score=0.0, dense=similarity, lexical=0.0, retention=kept, rank=0
        )

    def every(self, candidates: Candidates) -> list[Recalled]:
        """Return all candidates, the best first, those below the floors too."""
        found = [one for _, group in self._groups(candidates, POOL) for one in group()]
        return sorted(found, key=_order)

    def passes(self, item: Recalled) -> bool:
        """Return whether a candidate is above one of the floors."""
        near = item.dense_rank is not None and item.dense >= self._floor
        return near or item.lexical >= LEXICAL_FLOOR or self._floor <= -1.0

    def _groups(
        self, candidates: Candidates, enough: int
    ) -> Iterator[tuple[float, Callable[[], list[Recalled]]]]:
        """Yield groups of candidates: the best score possible in it, and how to get it.

        `enough` of the first one are near by meaning, so that it does unless memories have faded.
        """
        fused = fuse(candidates.rankings, weights=candidates.weights)
        ordered = sorted(fused, key=lambda id_: (-fused[id_], id_))
        parts = _Parts(candidates)
        near = [place for place, id_ in enumerate(ordered, 1) if parts.near(id_, self._floor)]
        first = near[enough - 1] if len(near) >= enough > 0 else len(ordered)
        ends = [0, *range(first, len(ordered), _SPARE), len(ordered)]
        for start, end in itertools.pairwise(ends):
            if ids := ordered[start:end]:
                yield fused[ids[0]], lambda ids=ids: self._recalled(ids, fused, parts)  # type: ignore[misc]

    def _recalled(
        self, ids: Sequence[str], fused: Mapping[str, float], parts: _Parts
    ) -> list[Recalled]:
        missing = [id_ for id_ in ids if id_ not in self._memories]
        self._memories.update(self._load(missing) if missing else {})
        known = [self._memories[id_] for id_ in ids if id_ in self._memories]
        return [self._one(memory, fused[memory.id], parts) for memory in known]

    def _one(self, memory: Memory, rank_score: float, parts: _Parts) -> Recalled:
        kept = retention(memory, self._now, self._forgetting)
        dense_rank, dense = parts.dense.get(memory.id, (None, 0.0))
        near = self._confidence and dense_rank is not None
        return Recalled(
            memory=memory,
            score=faded(rank_score, kept),
            dense=dense,
            lexical=overlap(parts.stems, stems(terms(f"{memory.title} {memory.text}"))),
            retention=kept,
            rank=0,
            dense_rank=dense_rank,
            lexical_rank=parts.lexical.get(memory.id),
            confidence=self._confidence(dense) if self._confidence and near else None,
        )


class _Parts:
    """What the searches say of each id."""

    def __init__(self, candidates: Candidates) -> None:
        self.dense = {
            id_: (rank, similarity)
            for rank, (id_, similarity) in enumerate(candidates.dense, start=1)
        }
        self.lexical = {id_: rank for rank, id_ in enumerate(candidates.lexical, start=1)}
        self.stems = stems(terms(candidates.query))

    def near(self, id_: str, floor: float) -> bool:
        """Return whether the search by meaning found it, above the floor."""
        return id_ in self.dense and self.dense[id_][1] >= floor


def faded(rank_score: float, kept: float) -> float:
    """Return a score lowered by fading; `kept` is the retention."""
    return rank_score * (1.0 - RETENTION_WEIGHT * (1.0 - kept))


def fuse(
    rankings: Sequence[Sequence[str]], *, k: int = RRF_K, weights: Sequence[float] = ()
) -> dict[str, float]:
    """Return the reciprocal rank fusion of rankings, scaled to (0, 1].

    Each list adds its weight / (k + rank) to the ids it holds; 1.0 is first in every one.

    Args:
        rankings: Ids, best first.
        k: How little the first places count more than the next.
        weights: One a ranking; all alike when empty.
    """
    shares = weights or [1.0] * len(rankings)
    best = sum(shares) / (k + 1)
    scores: dict[str, float] = {}
    for weight, ranking in zip(shares, rankings, strict=True):
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + weight / (k + rank) / best
    return scores


def rerank(found: Sequence[Recalled], scores: Sequence[float]) -> list[Recalled]:
    """Return candidates in the order of a reranker's scores, each with the score of its new rank."""
    pairs = sorted(zip(found, scores, strict=True), key=lambda pair: (-pair[1], pair[0].memory.id))
    ranks = fuse([[one.memory.id for one, _ in pairs]])
    again = [
        dataclasses.replace(one, reranked=value, score=faded(ranks[one.memory.id], one.retention))
        for one, value in pairs
    ]
    return sorted(again, key=_order)


def diversified(
    found: Sequence[Recalled], likeness: Callable[[str, str], float], *, diversity: float
) -> list[Recalled]:
    """Return candidates by maximal marginal relevance, in the order they were chosen.

    Carbonell and Goldstein 1998, section 2: each is the one with the highest
    (1 - diversity) * score - diversity * (likeness to the most alike of those chosen before).

    Args:
        found: Candidates, best first.
        likeness: Of two memories by their ids, from -1 to 1.
        diversity: 0 keeps the order, 1 looks at the score no more after the first.
    """
    left, chosen = list(found), list[Recalled]()
    while left:
        gains = [
            (1.0 - diversity) * one.score
            - diversity
            * max((likeness(one.memory.id, other.memory.id) for other in chosen), default=0.0)
            for one in left
        ]
        chosen.append(left.pop(gains.index(max(gains))))
    return chosen


def fitting(ordered: Sequence[Recalled], room: Room) -> list[Recalled]:
    """Return what has room, in order, numbered from 1."""
    chosen: list[Recalled] = []
    for item in ordered:
        if len(chosen) >= room.k:
            break
        if room.takes([one.memory.text for one in chosen], item.memory.text):
            chosen.append(item)
    return [dataclasses.replace(item, rank=rank) for rank, item in enumerate(chosen, start=1)]


def _order(item: Recalled) -> tuple[float, str]:
    return -item.score, item.memory.id
