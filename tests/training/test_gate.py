"""The gate, as a table."""

from __future__ import annotations

import pytest

from ingrained.errors import SettingsError
from ingrained.trainer.gate import GateLimits, Scores, decide

BASE = Scores(closed=0.10, memory=0.60, abstention=0.90, n=50)
LIMITS = GateLimits(closed_gain=0.05, memory_drop=0.02, abstention_drop=0.05)


@pytest.mark.parametrize(
    ("closed", "memory", "abstention", "accepted"),
    [
        (0.40, 0.65, 0.90, True),
        (0.40, 0.58, 0.85, True),  # exactly at both limits
        (0.15, 0.60, 0.90, False),  # gained the limit, not more
        (0.05, 0.60, 0.90, False),  # got worse
        (0.40, 0.57, 0.90, False),  # hurts memory
        (0.40, 0.60, 0.84, False),  # makes things up
        (0.40, 0.60, None, True),  # nobody asked unanswerable questions
    ],
)
def test_an_adapter_must_help_alone_and_hurt_nothing(
    closed: float, memory: float, abstention: float | None, accepted: bool
) -> None:
    after = Scores(closed=closed, memory=memory, abstention=abstention, n=50)
    assert decide(BASE, after, LIMITS).accept is accepted


def test_every_failed_check_is_a_reason() -> None:
    decision = decide(BASE, Scores(closed=0.0, memory=0.0, abstention=0.0, n=50), LIMITS)
    assert [reason.split()[0] for reason in decision.reasons] == ["closed-book", "with", "declined"]


@pytest.mark.parametrize(("drift", "accepted"), [(None, True), (0.2, True), (0.21, False)])
def test_an_adapter_must_stay_near_its_base(drift: float | None, accepted: bool) -> None:
    after = Scores(closed=0.40, memory=0.60, n=50)
    decision = decide(BASE, after, LIMITS, drift=drift)
    assert decision.accept is accepted
    told = [reason for reason in decision.reasons if reason.startswith("drift")]
    assert told == ([] if drift is None else [
        f"drift {drift:.3f} nats a token on everyday questions (at most 0.200)"
    ])  # fmt: skip


def test_a_gate_without_a_limit_lets_it_drift() -> None:
    after = Scores(closed=0.40, memory=0.60, n=50)
    assert decide(BASE, after, GateLimits(drift=None), drift=9.0).accept


def test_no_questions_no_promotion() -> None:
    nothing = Scores(closed=0.0, memory=0.0)
    decision = decide(nothing, nothing, LIMITS)
    assert not decision.accept
    assert "no quiz questions" in decision.reasons[0]


def test_limits_are_fractions_but_that_of_the_drift() -> None:
    with pytest.raises(SettingsError, match="memory_drop=2, drift=-1"):
        GateLimits(memory_drop=2, drift=-1)
    assert GateLimits(drift=3).drift == 3, "nats have no upper limit"
