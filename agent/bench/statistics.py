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
SHARE = (0.0, 1.0)
"""Least and greatest score."""
GAP = (-1.0, 1.0)
"""Least and greatest difference of two scores."""
SWAP_BYTES = 64 * 2**20
"""Most memory that the swaps of a permutation test take at once."""
_BYTES_A_SWAP = 16
"""Of one document in one swap: the signed difference, and the signs while they are drawn."""
_ONE_VALUE = 1e-9
"""Resampled means that lie closer than this are the same but for rounding."""


def interval(
    values: Sequence[Sequence[float]],
    clusters: Sequence[str],
    *,
    within: tuple[float, float] | None = None,
    seed: int = 0,
) -> Interval:
    """Return the mean and its 95 % percentile interval, from the cluster bootstrap.

    Args:
        values: Seeds x items; no item, or no seed, gives zeros with `n` 0.
        clusters: For each item the document it is on; an item without one is by itself. If all
            are on one document, each item is by itself.
        within: Least and greatest value there can be. With it, the interval has a width also where
            all documents are alike (all right, all wrong), so that resampling tells nothing.
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
    if within is not None and high - low < _ONE_VALUE:
        low, high = _unresampled(value, len(counts), within)
    return Interval(value=value, low=min(low, value), high=max(high, value), n=data.shape[1])


def _unresampled(value: float, clusters: int, within: tuple[float, float]) -> tuple[float, float]:
    """Return the 95 % interval of a mean that all documents share.

    Unseen documents may be of another kind. Their share is at most the upper end of the score
    interval of 0 out of `clusters` (Wilson 1927, "Probable inference, the law of succession, and
    statistical inference"), and they lie at most as far off as values go. For all right or all
    wrong this is Wilson's interval itself, over documents.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    share = float(binomtest(0, clusters).proportion_ci(method="wilson").high)
    least, most = within
    return value - share * (value - least), value + share * (most - value)


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
    from scipy.stats import binomtest

    won = sum(a and not b for a, b in zip(first, other, strict=True))
    lost = sum(b and not a for a, b in zip(first, other, strict=True))
    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def sign_flip(first: Sequence[float], other: Sequence[float], clusters: Sequence[str]) -> float:
    """Return the two-sided p-value of the paired permutation test on the mean difference.

    Under the null hypothesis the two cells can be swapped; all items of a document are swapped
    together. Exact when there are few enough documents to try all swaps, otherwise from
    `PERMUTATIONS` random ones, the observed one counted in (Phipson & Smyth 2010), of which as
    many are held at once as fit into `SWAP_BYTES`.
    """
    from scipy.stats import monte_carlo_test, permutation_test

    gaps = np.asarray(first, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    sums = np.bincount(_numbered(clusters), weights=gaps)
    if len(sums) < 2:
        return 1.0
    if 2 ** len(sums) <= PERMUTATIONS:
        exact = permutation_test(
            [sums], np.mean, permutation_type="samples", n_resamples=PERMUTATIONS
        )
        return float(exact.pvalue)
    rng = np.random.default_rng(0)

    def swapped(size: tuple[int, int]) -> NDArray[np.float64]:
        return np.where(rng.integers(0, 2, size=size, dtype=np.bool_), sums, -sums)

    drawn = monte_carlo_test(
        sums, swapped, np.mean, n_resamples=PERMUTATIONS, batch=_swaps_at_once(len(sums))
    )
    return float(drawn.pvalue)


def _swaps_at_once(clusters: int) -> int:
    return max(1, SWAP_BYTES // (clusters * _BYTES_A_SWAP))


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
