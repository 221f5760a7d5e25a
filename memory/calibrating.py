"""How similar is similar enough: a floor and a confidence from the memory's own questions.

Each memory that was tried on questions says what right looks like: the similarity of a question to
its memory. Strangers say what wrong looks like: the most similar memory of another document. Both
depend on the embedder and on what the memory is about, so no fixed number fits two memories.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingrained.errors import InputError

from .records import Memory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]

KEEP = 0.98
"""Share of the right memories that the floor must let pass.

Losing the right memory costs an answer; a stranger costs a few tokens and is outranked.
"""
MIN_QUESTIONS = 30
"""With 30, the share kept is known to within some five percentage points either way."""

_DECIMALS = 1000
_BLOCK = 256
"""Questions compared at a time: with 100,000 memories, 200 MB of similarities."""
_STEPS = 100
_ENOUGH = 1e-10


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What similarities mean in one memory with one embedder; plain numbers, ready for JSON."""

    floor: float
    """Lowest cosine similarity at which a memory is recalled for its meaning alone."""
    kept: float
    """Share of the questions whose own memory reaches the floor."""
    junk: float
    """Share of the questions for which some stranger reaches it."""
    questions: int
    """How many it was chosen on."""
    slope: float
    intercept: float

    def confidence(self, similarity: float) -> float:
        """Return how likely a memory is the right one, in [0, 1]; grows with the similarity.

        1 / (1 + exp(-(slope * similarity + intercept))), fitted where the right memory and the
        best stranger were equally many: 0.5 is where one looks like the other.
        """
        return _sigmoid(self.slope * similarity + self.intercept)


def calibrate(right: ArrayLike, strangers: ArrayLike, *, keep: float = KEEP) -> Calibration:
    """Choose the floor and the confidence of a memory.

    The floor is the largest one, in steps of a thousandth, that still lets the share `keep` of the
    right memories pass.

    Args:
        right: Similarity of each question to its own memory.
        strangers: Similarity of each question to the nearest stranger; see `similarities`.
        keep: Share of the right memories, in (0, 1].

    Raises:
        InputError: there are fewer than `MIN_QUESTIONS` of either.
    """
    import numpy as np

    positive, negative = np.sort(np.asarray(right, float)), np.asarray(strangers, float)
    _check(len(positive), len(negative))
    lost = int(len(positive) * (1.0 - keep) + 1e-9)
    floor = math.floor(float(positive[lost]) * _DECIMALS) / _DECIMALS
    labels = np.repeat([True, False], [len(positive), len(negative)])
    slope, intercept = fit_sigmoid(np.concatenate([positive, negative]), labels)
    return Calibration(
        floor=floor,
        kept=float((positive >= floor).mean()),
        junk=float((negative >= floor).mean()),
        questions=len(positive),
        slope=slope,
        intercept=intercept,
    )


def _check(questions: int, strangers: int) -> None:
    if questions < MIN_QUESTIONS:
        raise InputError(
            f"There are {questions} questions; a calibration needs {MIN_QUESTIONS}.",
            hint="Study more first: each question that a memory was tried on counts.",
        )
    if strangers < MIN_QUESTIONS:
        raise InputError(
            f"Only {strangers} questions have memories of another document or title beside them.",
            hint="Study a second document first, so that there is something to confuse with.",
        )


def asked(memories: Sequence[Memory]) -> Iterator[tuple[int, str]]:
    """Yield the position of each memory with each question that it was tried on."""
    for position, memory in enumerate(memories):
        for question in dict.fromkeys(item.question for item in memory.evidence):
            yield position, question


def groups_of(memories: Sequence[Memory]) -> list[frozenset[str]]:
    """Return what each memory is from: its documents or, when all are from one, its title.

    Nothing in common makes strangers. One that is from nothing is nobody's stranger.
    """
    documents = [frozenset(span.document for span in memory.spans) for memory in memories]
    if len(frozenset[str]().union(*documents)) > 1:
        return documents
    return [frozenset([memory.title] if memory.title else []) for memory in memories]


def similarities(
    questions: ArrayLike,
    own: Sequence[int],
    memories: ArrayLike,
    groups: Sequence[frozenset[str]],
) -> tuple[Vector, Vector]:
    """Return how similar questions are to their own memory and to the nearest stranger.

    Args:
        questions: Unit vectors, (questions, dimension).
        own: Row of each question's memory.
        memories: Unit vectors, (memories, dimension).
        groups: As `groups_of` gives them, one a memory.

    Returns:
        One similarity a question, and one for each question that has a stranger.
    """
    import numpy as np

    asked_for, known = np.asarray(questions, np.float32), np.asarray(memories, np.float32)
    rows = np.asarray(own, int)
    strangers = _Strangers(groups)
    right, nearest = np.empty(len(rows)), np.full(len(rows), -np.inf)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        alike = asked_for[block] @ known.T
        right[block] = alike[np.arange(len(alike)), rows[block]]
        others = np.stack([strangers.of(row) for row in rows[block]])
        nearest[block] = np.where(others, alike, -np.inf).max(axis=1)
    return right, nearest[np.isfinite(nearest)]


class _Strangers:
    """Which memories have nothing in common with one."""

    def __init__(self, groups: Sequence[frozenset[str]]) -> None:
        import numpy as np

        self._groups = groups
        self._known = np.array([bool(group) for group in groups], bool)
        self._rows: dict[str, list[int]] = {}
        for row, group in enumerate(groups):
            for label in group:
                self._rows.setdefault(label, []).append(row)

    def of(self, row: int) -> NDArray[np.bool_]:
        """Return a mask of the memories that are strangers to the one in this row."""
        mask = self._known & bool(self._groups[row])
        for label in self._groups[row]:
            mask[self._rows[label]] = False
        return mask


def fit_sigmoid(similarity: ArrayLike, right: ArrayLike) -> tuple[float, float]:
    """Return slope and intercept of the probability that a memory of a similarity is right.

    Platt 1999, "Probabilistic outputs for support vector machines", section 2.2: the likeliest
    sigmoid for targets drawn a little towards one half, (n+ + 1) / (n+ + 2) and 1 / (n- + 2), so
    that it stays finite when all right ones are above all wrong ones. Found by Newton's method with
    halved steps (Lin, Lin and Weng 2007, section 3). A slope below zero would say that less similar
    is better; then the similarity says nothing, and the slope is zero.

    Args:
        similarity: Of each example.
        right: Whether it was the right memory.

    Raises:
        InputError: there are no examples of one sort.
    """
    import numpy as np

    values, labels = np.asarray(similarity, float), np.asarray(right, bool)
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        raise InputError("A sigmoid needs right and wrong examples.", hint="Give some of both.")
    targets = np.where(labels, (positive + 1) / (positive + 2), 1 / (negative + 2))
    design = np.stack([values, np.ones_like(values)], axis=1)
    slope, intercept = _newton(design, targets)
    if slope >= 0.0:
        return slope, intercept
    share = float(targets.mean())
    return 0.0, math.log(share / (1.0 - share))


def _newton(design: Vector, targets: Vector) -> tuple[float, float]:
    import numpy as np

    weights = np.zeros(design.shape[1])
    loss = _loss(weights, design, targets)
    for _ in range(_STEPS):
        chance = 0.5 * (1.0 + np.tanh(0.5 * (design @ weights)))
        gradient = design.T @ (chance - targets)
        curvature = (design.T * (chance * (1.0 - chance))) @ design
        step = np.linalg.solve(curvature + 1e-12 * np.eye(len(weights)), gradient)
        size = 1.0
        while (better := _loss(weights - size * step, design, targets)) > loss and size > _ENOUGH:
            size /= 2.0
        if loss - better < _ENOUGH:
            break
        weights, loss = weights - size * step, better
    return float(weights[0]), float(weights[1])


def _loss(weights: Vector, design: Vector, targets: Vector) -> float:
    """Return the cross-entropy, in nats."""
    import numpy as np

    told = design @ weights
    return float((np.logaddexp(0.0, told) - targets * told).sum())


def _sigmoid(value: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * value))
