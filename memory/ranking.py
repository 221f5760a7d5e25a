"""From two lists of candidates to the few memories worth showing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .forgetting import retention
from .lexical import overlap, stems, terms
from .records import Memory
from .results import Recalled

RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009, section 2).

Measured with all-MiniLM-L6-v2 over single-sentence notes of SQuAD articles (passages 9 to 16 of
each; the settings were chosen on passages 1 to 8). Right note first, among three, among five:

    144 notes, 227 questions    fused 0.74 0.90 0.94    meaning alone 0.63 0.82 0.92
    101 notes, 150 questions    fused 0.77 0.89 0.93    meaning alone 0.67 0.86 0.90

Not everywhere: on one half of the passages it was chosen on, fusion had 0.92 among five where
meaning alone had 0.94.
"""

DENSE_FLOOR = 0.3
"""Lowest cosine similarity at which a memory is recalled for its meaning alone.

Chosen on passages 1 to 8 (see `RRF_K`), where 1.1 % of the right notes fall below both floors;
0.35 would lose 1.9 %. On passages 9 to 16 the right note passes for 376 of 377 questions, while
of 250 questions about other articles 87 % (144 notes) and 95 % (101 notes) recall nothing. More
notes mean more chance likenesses. Losing the right memory is worse than an extra one, so the
lower floor stands. It belongs to this embedder: another one needs its own.
"""

LEXICAL_FLOOR = 0.6
"""Share of the query's content words at which a memory is recalled for its words alone.

On passages 1 to 8 fewer than one unrelated question in twenty shares more than 0.33 with any
note; above one half, a single shared verb of a two-word question does not count.
"""

RETENTION_WEIGHT = 0.1
"""How much of its score a wholly faded memory loses.

Neighbouring fused ranks differ by under 2 %. Were R a full factor, a memory of two days ago
would stand behind every fresh one however far off the point; with this weight it yields to
fresh ones that are nearly as good. Whether a memory stays at all is `decay`'s business.
"""

POOL = 50
"""Candidates taken from each list, at least."""

_BEST = 2.0 / (RRF_K + 1)


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What the two searches found for one query."""

    query: str
    dense: Sequence[tuple[str, float]]
    """(id, cosine similarity), nearest first."""
    lexical: Sequence[str]
    """Ids, best BM25 first."""


class Ranker:
    """Ranks the candidates of many queries over the same memories.

    Args:
        memories: All candidates, by id; candidates missing here are dropped.
        now: POSIX seconds, for retention.
        floor: Lowest cosine similarity; `DENSE_FLOOR` when None.
    """

    def __init__(
        self, memories: Mapping[str, Memory], *, now: float, floor: float | None = None
    ) -> None:
        self._memories = memories
        self._floor = DENSE_FLOOR if floor is None else floor
        self._retention = {id_: retention(memory, now) for id_, memory in memories.items()}
        self._stems = {
            id_: stems(terms(f"{memory.title} {memory.text}")) for id_, memory in memories.items()
        }

    def rank(self, candidates: Candidates, *, k: int, max_chars: int | None) -> list[Recalled]:
        """Return the best `k` memories above the floors, best first.

        Args:
            candidates: What the searches found.
            k: At most so many.
            max_chars: Sum of the texts' lengths; a memory that would exceed it is passed over.
        """
        query = stems(terms(candidates.query))
        similarity = dict(candidates.dense)
        fused = fuse([[id_ for id_, _ in candidates.dense], candidates.lexical])
        found = [
            self._recalled(id_, rank_score, similarity.get(id_, 0.0), query)
            for id_, rank_score in fused.items()
            if id_ in self._memories
        ]
        passed = [item for item in found if self._passes(item, similarity)]
        ordered = sorted(passed, key=lambda item: (-item.score, item.memory.id))
        return _numbered(_fitting(ordered, k, max_chars))

    def _recalled(
        self, id_: str, rank_score: float, similarity: float, query: frozenset[str]
    ) -> Recalled:
        kept = self._retention[id_]
        return Recalled(
            memory=self._memories[id_],
            score=rank_score * (1.0 - RETENTION_WEIGHT * (1.0 - kept)),
            dense=similarity,
            lexical=overlap(query, self._stems[id_]),
            retention=kept,
            rank=0,
        )

    def _passes(self, item: Recalled, similarity: Mapping[str, float]) -> bool:
        near = item.memory.id in similarity and item.dense >= self._floor
        return near or item.lexical >= LEXICAL_FLOOR


def fuse(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return the reciprocal rank fusion of two rankings, scaled to (0, 1].

    Each list adds 1 / (RRF_K + rank) to the ids it holds; 1.0 is first in both.
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + 1.0 / (RRF_K + rank) / _BEST
    return scores


def _fitting(ordered: Sequence[Recalled], k: int, max_chars: int | None) -> list[Recalled]:
    chosen: list[Recalled] = []
    used = 0
    for item in ordered:
        if len(chosen) >= k:
            break
        size = len(item.memory.text)
        if max_chars is None or used + size <= max_chars:
            chosen.append(item)
            used += size
    return chosen


def _numbered(items: Sequence[Recalled]) -> list[Recalled]:
    return [dataclasses.replace(item, rank=rank) for rank, item in enumerate(items, start=1)]
