"""Figures with percentile bootstrap 95 % intervals (Efron 1979), always from the same draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from results_file import Figure

RESAMPLES = 2000
SEED = 0

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]
"""From rows of samples to one number a row."""


def mean_figure(values: Sequence[float], unit: str) -> Figure:
    """Return the mean of `values`."""
    return _figure(lambda rows: rows.mean(axis=-1), [values], unit)


def quantile_figure(values: Sequence[float], share: float, unit: str) -> Figure:
    """Return the value that `share` of the values do not exceed."""
    return _figure(lambda rows: np.quantile(rows, share, axis=-1), [values], unit)


def quantile_ratio(ours: Sequence[float], others: Sequence[float], share: float) -> Figure:
    """Return a quantile of ours over that of others, measured on the same things in turn."""

    def ratio(rows: Values) -> Values:
        upper, lower = np.quantile(rows, share, axis=-1)
        return np.asarray(upper / lower)

    return _figure(ratio, [ours, others], "times")


def rate_figure(seconds: Sequence[float], each: int, unit: str) -> Figure:
    """Return how many were done a second, `each` in every one of `seconds`."""
    return _figure(lambda rows: each / rows.mean(axis=-1), [seconds], unit)


def rate_ratio(ours: Sequence[float], others: Sequence[float]) -> Figure:
    """Return our throughput over that of others, from the seconds of the same batches."""

    def ratio(rows: Values) -> Values:
        mine, theirs = rows.mean(axis=-1)
        return np.asarray(theirs / mine)

    return _figure(ratio, [ours, others], "times")


def _figure(statistic: Statistic, samples: Sequence[Sequence[float]], unit: str) -> Figure:
    """Apply `statistic` to the samples and to resamples of them, the same draw for all."""
    data = np.asarray(samples, dtype=np.float64)
    size = data.shape[-1]
    draws = np.random.default_rng(SEED).integers(0, size, size=(RESAMPLES, size))
    told = data if len(samples) > 1 else data[0]
    value = float(statistic(told))
    spread = np.asarray(statistic(told[..., draws]))
    low, high = (float(end) for end in np.quantile(spread, (0.025, 0.975)))
    return Figure(value=value, low=min(low, value), high=max(high, value), unit=unit)
