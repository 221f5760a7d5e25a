"""Whether a new adapter may replace what is there: a pure function of scores and drift."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingrained.errors import SettingsError

from .recipe import DRIFT_LIMIT

ENOUGH_ANSWERS = 8
"""Different right answers from which on it is judged how many different ones an adapter gives."""
_COUNTS = ("distinct", "controls", "known")


@dataclass(frozen=True, kw_only=True)
class Count:
    """So many of so many."""

    n: int
    of: int

    @property
    def share(self) -> float:
        """As a fraction; 0 of nothing is 0."""
        return self.n / self.of if self.of else 0.0

    @property
    def lost(self) -> float:
        """The fraction that is missing; nothing is missing of nothing."""
        return (self.of - self.n) / self.of if self.of else 0.0


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What one candidate scored on the sealed quiz and on what it shall not cost; fractions are from 0 to 1."""

    closed: float
    """Answered from the weights alone."""
    memory: float
    """Answered with recalled notes in view."""
    abstention: float | None = None
    """Unanswerable questions that were declined, with recalled notes in view; None if none were asked."""
    n: int = 0
    """Number of questions behind `closed` and `memory`."""
    unanswerable: int = 0
    """Number of questions behind `abstention`."""
    distinct: Count | None = None
    """Different replies from the weights alone, of the different answers that would have been right:
    of the questions that were not declined."""
    controls: Count | None = None
    """Answered of the everyday questions that the base answers."""
    known: Count | None = None
    """Answered from the weights alone of what the adapter in use answers so; None if none is."""
    kinds: Mapping[str, Count] = dataclasses.field(default_factory=dict)
    """`closed` by kind of question: too few of each to judge by."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scores:
        """Rebuild from `dataclasses.asdict` or its JSON round trip; what is missing was not measured."""
        names = {field.name for field in dataclasses.fields(cls)}
        plain = {name: value for name, value in data.items() if name in names}
        for name in _COUNTS:
            plain[name] = Count(**plain[name]) if plain.get(name) is not None else None
        plain["kinds"] = {kind: Count(**one) for kind, one in plain.get("kinds", {}).items()}
        return cls(**plain)


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
    distinct: float = 0.5
    """So many different replies there must be for each different right answer: an adapter that says
    one thing to everything is right now and then. Judged from `ENOUGH_ANSWERS` on."""
    controls_drop: float = 0.1
    """Of the everyday questions that the base answers, so many may be lost. A small model's answers to
    some hang by a hair: five of 60 change even at a third of the strength (LOG.md)."""
    known_drop: float = 0.05
    """Of the sealed questions that the adapter in use answers alone, so many may be lost."""
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
    """Of what failed; of everything if nothing did."""
    summary: tuple[str, ...] = ()
    """The same on one line: of what passed, the most telling checks alone."""


@dataclass(frozen=True, kw_only=True)
class _Check:
    passed: bool
    reason: str
    telling: bool = True
    """Whether a summary names it though it passed."""


def decide(
    before: Scores,
    after: Scores,
    limits: GateLimits,
    *,
    drift: float | None = None,
    strength: float = 1.0,
) -> Decision:
    """Accept the adapter only if it helps alone, costs nothing that was there, and stays near.

    What was not measured is not weighed, but for the sealed quiz itself.

    Args:
        before: Without the adapter.
        after: With it.
        limits: What it must gain and may cost.
        drift: Its divergence from the base on everyday questions, nats per token; None if it was
            not measured.
        strength: What it was multiplied by so that enough everyday questions are still answered.
    """
    checks = [
        *_quiz_checks(before, after, limits),
        *_honesty_checks(before, after, limits),
        *_kept_checks(after, limits, strength),
        *_drift_check(drift, limits),
    ]
    failed = tuple(one.reason for one in checks if not one.passed)
    return Decision(
        accept=not failed,
        reasons=failed or tuple(one.reason for one in checks),
        summary=failed or tuple(one.reason for one in checks if one.telling),
    )


def _quiz_checks(before: Scores, after: Scores, limits: GateLimits) -> Iterator[_Check]:
    if before.n == 0 or after.n == 0:
        yield _Check(passed=False, reason="there were no quiz questions to judge by")
        return
    gain = after.closed - before.closed
    yield _Check(
        passed=gain > limits.closed_gain and not math.isclose(gain, limits.closed_gain),
        reason=f"closed-book {before.closed:.3f} → {after.closed:.3f} "
        f"(must rise by more than {limits.closed_gain:.3f})",
    )
    yield _Check(
        passed=_within(before.memory - after.memory, limits.memory_drop),
        reason=f"with memory {before.memory:.3f} → {after.memory:.3f} "
        f"(may fall by {limits.memory_drop:.3f})",
    )


def _honesty_checks(before: Scores, after: Scores, limits: GateLimits) -> Iterator[_Check]:
    """Weigh whether it declines what it cannot know, and does not say one thing to everything."""
    if before.abstention is not None and after.abstention is not None:
        yield _Check(
            passed=_within(before.abstention - after.abstention, limits.abstention_drop),
            reason=f"declined {before.abstention:.3f} → {after.abstention:.3f} of the unanswerable "
            f"(may fall by {limits.abstention_drop:.3f})",
            telling=False,
        )
    said = after.distinct
    if said is not None and said.of >= ENOUGH_ANSWERS:
        least = math.ceil(limits.distinct * said.of - 1e-9)
        yield _Check(
            passed=said.n >= least,
            reason=f"{said.n} different replies where {said.of} answers are right (at least {least})",
            telling=False,
        )


def _kept_checks(after: Scores, limits: GateLimits, strength: float) -> Iterator[_Check]:
    """Weigh what the base, or the adapter in use, answers and this one does not."""
    if after.controls is not None and after.controls.of:
        weakened = f", weakened to {strength:.3g} for it" if strength < 1 else ""
        yield _Check(
            passed=_within(after.controls.lost, limits.controls_drop),
            reason=f"everyday questions {_kept(after.controls, limits.controls_drop)}{weakened}",
        )
    if after.known is not None and after.known.of:
        yield _Check(
            passed=_within(after.known.lost, limits.known_drop),
            reason="what the adapter in use answers alone: "
            f"{_kept(after.known, limits.known_drop)}",
            telling=False,
        )


def _kept(count: Count, drop: float) -> str:
    return f"{count.n} of {count.of} (may lose {math.floor(drop * count.of + 1e-9)})"


def _drift_check(drift: float | None, limits: GateLimits) -> Iterator[_Check]:
    if drift is not None and limits.drift is not None:
        yield _Check(
            passed=_within(drift, limits.drift),
            reason=f"drift {drift:.3f} nats a token on everyday questions (at most {limits.drift:.3f})",
        )


def _within(drop: float, limit: float) -> bool:
    """Compare; a drop of exactly the limit passes, whatever binary fractions make of it."""
    return drop <= limit or math.isclose(drop, limit, abs_tol=1e-9)
