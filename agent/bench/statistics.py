"""Intervals and paired tests over questions that come in clusters, sat with several seeds.

Questions on one document stand or fall together, so whole documents are resampled: the cluster
bootstrap (Field & Welsh 2007, "Bootstrapping clustered data"). Seeds are resampled beside them,
each draw crossing its seeds with its documents (Owen 2007, "The pigeonhole bootstrap"); one seed
says nothing about the spread between seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ingrained.agent.exam import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
PERMUTATIONS = 9999
ALIKE = 0.5
"""A score of 0 to 1 from this on counts as right where a test wants right or wrong."""


def interval(
    values: Sequence[Sequence[float]], clusters: Sequence[str], *, seed: int = 0
) -> Interval:
    """Return the mean and its 95 % percentile interval, from the cluster bootstrap.

    Args:
        values: Seeds x items; no item, or no seed, gives zeros with `n` 0.
        clusters: For each item the document it is on; an item without one is by itself. If all
            are on one document, each item is by itself.
        seed: Of the resampling.
    """
    data = np.asarray(values, dtype=np.float64)
    if not data.size:
        return Interval(value=0.0, low=0.0, high=0.0, n=0)
    numbers = _numbered(clusters)
    counts = np.bincount(numbers).astype(np.float64)
    sums = np.stack([np.bincount(numbers, weights=row) for row in data])
    rng = np.random.default_rng(seed)
    drawn = _drawn(rng, len(counts))
    seeds = _drawn(rng, len(sums)) / len(sums)
    means = np.einsum("rs,sc,rc->r", seeds, sums, drawn) / (drawn @ counts)
    low, high = (float(end) for end in np.quantile(means, (0.025, 0.975)))
    value = float(data.mean())
    return Interval(value=value, low=min(low, value), high=max(high, value), n=data.shape[1])


def _drawn(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Return resamples x size: how often each of `size` things is in each resample."""
    shares = np.full(size, 1 / size)
    return rng.multinomial(size, shares, size=RESAMPLES).astype(np.float64)


def _numbered(clusters: Sequence[str]) -> NDArray[np.int64]:
    """Return each item's cluster as a number from 0; an item without a name is one of its own."""
    names: list[Any] = [name or number for number, name in enumerate(clusters)]
    if len(set(names)) == 1:
        names = list(range(len(names)))
    known = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.asarray([known[name] for name in names], dtype=np.int64)


def mcnemar(first: Sequence[bool], other: Sequence[bool]) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947) on paired outcomes.

    Only the items that one cell has right and the other wrong count; under the null hypothesis
    each of them falls to either side with probability 1/2. Without any the value is 1.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    won = sum(a and not b for a, b in zip(first, other, strict=True))
    lost = sum(b and not a for a, b in zip(first, other, strict=True))
    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def sign_flip(first: Sequence[float], other: Sequence[float], clusters: Sequence[str]) -> float:
    """Return the two-sided p-value of the paired permutation test on the mean difference.

    Under the null hypothesis the two cells can be swapped; all items of a document are swapped
    together. Exact when there are few enough documents to try all swaps, otherwise from
    `PERMUTATIONS` random ones, the observed one counted in (Phipson & Smyth 2010).
    """
    from scipy.stats import permutation_test

    numbers = _numbered(clusters)
    sums = [np.bincount(numbers, weights=np.asarray(row)) for row in (first, other)]
    if len(sums[0]) < 2:
        return 1.0

    def difference(one: Any, two: Any, axis: int) -> Any:
        return np.mean(one - two, axis=axis)

    tested = permutation_test(
        sums, difference, permutation_type="samples", vectorized=True,
        n_resamples=PERMUTATIONS, rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(tested.pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979), in the given order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    corrected, worst = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = worst
    return corrected


def kappa(first: Sequence[bool], other: Sequence[bool]) -> float | None:
    """Return Cohen's kappa (Cohen 1960): agreement beyond chance, at most 1.

    None without items, and where chance alone would agree always.
    """
    size = len(first)
    if not size:
        return None
    observed = sum(a == b for a, b in zip(first, other, strict=True)) / size
    one, two = sum(first) / size, sum(other) / size
    chance = one * two + (1 - one) * (1 - two)
    return None if chance == 1 else (observed - chance) / (1 - chance)
