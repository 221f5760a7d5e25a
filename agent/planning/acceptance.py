"""How many of the questions that were asked for turned out to be of use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

_QUANTILE = NormalDist().inv_cdf(0.975)


def succession(passed: float, asked: int) -> float:
    """Return the chance that the next one passes, in (0, 1): Laplace's rule of succession."""
    return (passed + 1) / (asked + 2)


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What became of one kind of question with one model."""

    asked: int
    """How many the model was asked to write."""
    usable: int
    """Of them, those that read like a question of that kind."""
    accepted: int
    """Of them, those that passed verification."""

    @property
    def share(self) -> float:
        """Accepted per asked; 0 of nothing is 0."""
        return self.accepted / self.asked if self.asked else 0.0

    @property
    def expected(self) -> float:
        """Accepted per asked as it is to be expected: one half while nothing was asked.

        Mean of the posterior after a uniform prior.
        """
        return succession(self.accepted, self.asked)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `share` (Wilson 1927); all of [0, 1] while nothing was asked.

        Written out here: importing `scipy.stats` takes longer than making the whole report.
        """
        if not self.asked:
            return 0.0, 1.0
        square = _QUANTILE**2 / self.asked
        middle = (self.share + square / 2) / (1 + square)
        spread = math.sqrt(self.share * (1 - self.share) * square + square**2 / 4) / (1 + square)
        return max(0.0, middle - spread), min(1.0, middle + spread)
