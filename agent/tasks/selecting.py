"""Selective tasks: of many candidates, those nearest to an objective.

The survey of self-evolution (arXiv 2404.14387, task evolution) calls tasks selective that are
chosen from a pool and not made. A ceiling for each group keeps the choice diverse, the concern of
DiverseEvol (Wu et al. 2023).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from ingrained.memory.embedding import Embedder

Vector = Sequence[float]


def nearest(
    objective: str,
    candidates: Sequence[str],
    groups: Sequence[Hashable],
    *,
    embedder: Embedder,
    most: int,
    per_group: int = 2,
) -> list[int]:
    """Return the places of the candidates that are nearest to an objective, nearest first.

    Args:
        objective: What shall be learnt, or a topic.
        candidates: Texts to choose among: questions, or the sentences to ask about.
        groups: What each candidate belongs to, for instance its note; as many as candidates.
        embedder: Its vectors are of unit length.
        most: No more than this.
        per_group: No more than this of one group.
    """
    vectors = embedder.embed([objective, *candidates])
    return choose(vectors[0], vectors[1:], groups, most=most, per_group=per_group)


def choose(
    objective: Vector,
    vectors: Sequence[Vector],
    groups: Sequence[Hashable],
    *,
    most: int,
    per_group: int = 2,
) -> list[int]:
    """Do as `nearest`, given vectors of unit length; equals keep their order.

    Raises:
        ValueError: there are not as many groups as vectors.
    """
    near = [sum(a * b for a, b in zip(objective, vector, strict=True)) for vector in vectors]
    taken: Counter[Hashable] = Counter()
    chosen: list[int] = []
    for place, group in sorted(enumerate(_matched(groups, vectors)), key=lambda one: -near[one[0]]):
        if len(chosen) < most and taken[group] < per_group:
            taken[group] += 1
            chosen.append(place)
    return chosen


def _matched(groups: Sequence[Hashable], vectors: Sequence[Vector]) -> Sequence[Hashable]:
    if len(groups) != len(vectors):
        raise ValueError(f"{len(vectors)} candidates in {len(groups)} groups")
    return groups
