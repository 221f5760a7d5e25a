"""Whether a new adapter may replace what is there: a pure function of scores and drift."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ingrained.errors import SettingsError

from .recipe import DRIFT_LIMIT


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What one candidate scored on the sealed quiz; fractions from 0 to 1."""

    closed: float
    """Answered from the weights alone."""
    memory: float
    """Answered with recalled notes in view."""
    abstention: float | None = None
    """Unanswerable questions that were declined; None if none were asked."""
    n: int = 0
    """Number of questions behind `closed` and `memory`."""


@dataclass(frozen=True, kw_only=True)
class GateLimits:
    """What an adapter must gain, and the most it may cost; in fractions of the questions, or nats.

    Raises:
        SettingsError: a limit is out of range.
    """

    closed_gain: float = 0.0
    """The closed-book score must rise by more than this."""
    memory_drop: float = 0.02
    """The score with memory may fall by this much."""
    abstention_drop: float = 0.05
    """The share of declined unanswerable questions may fall by this much."""
    drift: float | None = DRIFT_LIMIT
    """Most that it may drift from its base on everyday questions, in nats per token; None for any."""

    def __post_init__(self) -> None:
        """Check all limits."""
        wrong = [
            f"{name}={value}"
            for name, value in vars(self).items()
            if value is not None and not 0 <= value <= (math.inf if name == "drift" else 1)
        ]
        if wrong:
            raise SettingsError(
                f"Gate limits out of range: {', '.join(wrong)}.",
                hint="Give fractions from 0 to 1, and a drift of 0 or more.",
            )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict, with a sentence for each thing that was weighed."""

    accept: bool
    reasons: tuple[str, ...]


def decide(
    before: Scores, after: Scores, limits: GateLimits, *, drift: float | None = None
) -> Decision:
    """Accept the adapter only if it helps alone, hurts neither memory nor honesty, and stays near.

    Args:
        before: Without the adapter.
        after: With it.
        limits: What it must gain and may cost.
        drift: Its divergence from the base on everyday questions, nats per token; None if it was
            not measured.
    """
    checks = [*_checks(before, after, limits), *_drift_check(drift, limits)]
    failed = tuple(reason for passed, reason in checks if not passed)
    reasons = failed or tuple(reason for _, reason in checks)
    return Decision(accept=not failed, reasons=reasons)


def _checks(before: Scores, after: Scores, limits: GateLimits) -> Iterator[tuple[bool, str]]:
    if before.n == 0 or after.n == 0:
        yield False, "there were no quiz questions to judge by"
        return
    gain = after.closed - before.closed
    yield (
        gain > limits.closed_gain and not math.isclose(gain, limits.closed_gain),
        f"closed-book {before.closed:.3f} → {after.closed:.3f} "
        f"(must rise by more than {limits.closed_gain:.3f})",
    )
    yield (
        _within(before.memory - after.memory, limits.memory_drop),
        f"with memory {before.memory:.3f} → {after.memory:.3f} "
        f"(may fall by {limits.memory_drop:.3f})",
    )
    if before.abstention is not None and after.abstention is not None:
        yield (
            _within(before.abstention - after.abstention, limits.abstention_drop),
            f"declined {before.abstention:.3f} → {after.abstention:.3f} of the unanswerable "
            f"(may fall by {limits.abstention_drop:.3f})",
        )


def _drift_check(drift: float | None, limits: GateLimits) -> Iterator[tuple[bool, str]]:
    if drift is not None and limits.drift is not None:
        yield (
            _within(drift, limits.drift),
            f"drift {drift:.3f} nats a token on everyday questions (at most {limits.drift:.3f})",
        )


def _within(drop: float, limit: float) -> bool:
    """Compare; a drop of exactly the limit passes, whatever binary fractions make of it."""
    return drop <= limit or math.isclose(drop, limit, abs_tol=1e-9)
