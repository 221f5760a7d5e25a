"""Which two memories are joined in one statement: each and its nearest neighbour in its document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingrained.agent.recalling import Source
from ingrained.memory.records import Memory


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two memories of one document."""

    title: str
    """What both are about: the headings they share, or the document's title."""
    memories: tuple[Memory, Memory]


def neighbours(sources: Sequence[Source], vectors: Mapping[str, Sequence[float]]) -> list[Pair]:
    """Return each memory with its nearest one of the same document, every pair once.

    Two that are nearest to each other are one pair; a memory that is alone in its document is in none.

    Args:
        sources: Where the memories stand.
        vectors: By memory id; unit vectors, all of one length.
    """
    of_document: dict[str, list[tuple[Source, Memory]]] = {}
    for source in sources:
        found = of_document.setdefault(source.document, [])
        found += [(source, memory) for memory in source.memories]
    out: list[Pair] = []
    for group in of_document.values():
        pairs = dict.fromkeys(_nearest([vectors[memory.id] for _, memory in group]))
        out += [_pair(group[one], group[other]) for one, other in pairs]
    return out


def _nearest(vectors: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return for each row the numbers of itself and of the nearest other one, the lower first."""
    if len(vectors) < 2:
        return []
    matrix = np.asarray(vectors, dtype=np.float64)
    near = matrix @ matrix.T
    np.fill_diagonal(near, -np.inf)
    return [(min(n, m), max(n, m)) for n, m in enumerate(near.argmax(axis=1).tolist())]


def _pair(one: tuple[Source, Memory], other: tuple[Source, Memory]) -> Pair:
    title = one[0].title if one[0].title == other[0].title else one[0].topic
    return Pair(title=title, memories=(one[1], other[1]))
