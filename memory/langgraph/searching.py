"""One search: who is nearest, by cosine similarity, and what page of it was asked for.

In a small scope every vector is compared. In a large one Chroma names candidates out of the whole
store; if too few of them are in scope, every vector of the scope is compared after all. Either way
the score is computed here, from the vectors in SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from langgraph.store.base import SearchOp

from .items import Items, Scope, StoredItem
from .syncing import SyncedCache

if TYPE_CHECKING:
    from .embedding import Vector

SMALL = 2000
"""Vectors in scope up to which comparing all of them takes less time than asking Chroma."""
_CANDIDATES = 200
_CANDIDATES_PER_HIT = 4
_MOST_WANTED = 10_000
"""Beyond so many hits every vector is compared: Chroma would have to name most of them anyway."""
_DECIMALS = 9
"""Of a score: what is equal up to rounding ranks as equal."""

Found = list[tuple[StoredItem, float | None]]


def find(
    items: Items,
    cache: SyncedCache | None,
    op: SearchOp,
    query: Vector | None,
    alive_at: int | None,
) -> Found:
    """Return the items of the page, with their scores if there is a query vector.

    Args:
        items: Where they are.
        cache: Who is near; needed for queries only.
        op: What is asked for.
        query: The vector of its query.
        alive_at: See `Scope`.
    """
    scope = Scope(prefix=tuple(op.namespace_prefix), filter=op.filter, alive_at=alive_at)
    if query is None or cache is None:
        newest = items.newest(scope, limit=op.limit, offset=op.offset)
        return [(item, None) for item in newest]
    ranked = _ranked(items, cache, scope, query, op.offset + op.limit)
    page = ranked[op.offset : op.offset + op.limit]
    scores = [score for _, score in page]
    scored = zip(items.load([id_ for id_, _ in page]), scores, strict=True)
    rest = items.newest(
        scope,
        limit=op.limit - len(page),
        offset=max(0, op.offset - len(ranked)),
        without_vectors=True,
    )
    return [*scored, *((item, None) for item in rest)]


def _ranked(
    items: Items, cache: SyncedCache, scope: Scope, query: Vector, wanted: int
) -> list[tuple[int, float]]:
    """Return all scored items of the scope, or at least the first `wanted`."""
    if wanted <= _MOST_WANTED and items.has_more_vectors_than(SMALL, scope.prefix):
        near = cache.nearest(query, max(_CANDIDATES, _CANDIDATES_PER_HIT * wanted))
        ranked = rank(items.vectors(scope, among=near), query)
        if len(ranked) >= wanted:
            return ranked
    return rank(items.vectors(scope), query)


def rank(chunks: Iterable[Sequence[tuple[int, bytes]]], query: Vector) -> list[tuple[int, float]]:
    """Return every item with the similarity of its nearest vector, nearest first, then by id.

    Args:
        chunks: (item id, vector).
        query: Of the same length. A vector of zeros is like nothing: 0.
    """
    import numpy as np

    wide = query.astype(np.float64)
    best: dict[int, float] = {}
    for rows in chunks:
        joined = np.frombuffer(b"".join(blob for _, blob in rows), dtype="<f4")
        matrix = joined.reshape(len(rows), -1).astype(np.float64)
        lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(wide)
        cosines = np.divide(matrix @ wide, lengths, out=np.zeros(len(rows)), where=lengths > 0)
        rounded = np.clip(cosines, -1.0, 1.0).round(_DECIMALS).tolist()
        for (id_, _), score in zip(rows, rounded, strict=True):
            best[id_] = max(score, best.get(id_, -1.0))
    return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))
