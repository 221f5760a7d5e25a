"""The gate, as a table."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ingrained.errors import SettingsError
from ingrained.trainer.gate import ENOUGH_ANSWERS, Count, GateLimits, Scores, decide

BASE = Scores(closed=0.10, memory=0.60, abstention=0.90, n=50)
GOOD = Scores(closed=0.40, memory=0.65, abstention=0.90, n=50)
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


def verdict(**changed: Any) -> tuple[bool, tuple[str, ...]]:
    decision = decide(BASE, dataclasses.replace(GOOD, **changed), LIMITS)
    return decision.accept, decision.reasons


@pytest.mark.parametrize(
    ("n", "of", "accepted"),
    [
        (60, 60, True),
        (54, 60, True),  # exactly the limit of a tenth
        (53, 60, False),
        (0, 0, True),  # the base answers none of them
    ],
)
def test_what_the_base_answers_of_everyday_questions_must_not_be_lost(
    n: int, of: int, accepted: bool
) -> None:
    accept, reasons = verdict(controls=Count(n=n, of=of))
    assert accept is accepted
    told = [reason for reason in reasons if reason.startswith("everyday")]
    assert told == ([f"everyday questions {n} of {of} (may lose 6)"] if of else [])


def test_an_adapter_that_was_weakened_to_keep_them_says_so() -> None:
    after = dataclasses.replace(GOOD, controls=Count(n=56, of=60))
    decision = decide(BASE, after, LIMITS, strength=0.375)
    assert "everyday questions 56 of 60 (may lose 6), weakened to 0.375 for it" in decision.summary


@pytest.mark.parametrize(("n", "of", "accepted"), [(19, 20, True), (18, 20, False), (0, 0, True)])
def test_what_the_adapter_in_use_answers_must_not_be_lost(n: int, of: int, accepted: bool) -> None:
    accept, reasons = verdict(known=Count(n=n, of=of))
    assert accept is accepted
    told = [reason for reason in reasons if reason.startswith("what the adapter in use")]
    assert told == (
        [f"what the adapter in use answers alone: {n} of {of} (may lose 1)"] if of else []
    )


@pytest.mark.parametrize(
    ("n", "of", "accepted"),
    [
        (9, 17, True),
        (8, 17, False),  # less than half
        (20, 17, True),  # wrong in many ways, which is another matter
        (1, ENOUGH_ANSWERS, False),
        (1, ENOUGH_ANSWERS - 1, True),  # too few to judge by
    ],
)
def test_an_adapter_that_says_one_thing_to_everything_is_rejected(
    n: int, of: int, accepted: bool
) -> None:
    accept, reasons = verdict(distinct=Count(n=n, of=of))
    assert accept is accepted
    if (n, of) == (8, 17):
        assert reasons == ("8 different replies where 17 answers are right (at least 9)",)


def test_a_line_tells_the_failures_or_else_the_most_telling_checks() -> None:
    everything = {
        "controls": Count(n=54, of=55), "known": Count(n=9, of=9), "distinct": Count(n=9, of=9),
    }  # fmt: skip
    good = dataclasses.replace(GOOD, **everything)  # type: ignore[arg-type]
    decision = decide(BASE, good, LIMITS, drift=0.1)
    assert len(decision.reasons) == 7
    assert [reason.split(" (")[0] for reason in decision.summary] == [
        "closed-book 0.100 → 0.400",
        "with memory 0.600 → 0.650",
        "everyday questions 54 of 55",
        "drift 0.100 nats a token on everyday questions",
    ]
    bad = dataclasses.replace(good, known=Count(n=3, of=9))
    assert decide(BASE, bad, LIMITS, drift=0.1).summary == (
        "what the adapter in use answers alone: 3 of 9 (may lose 0)",
    )


def test_scores_survive_json_and_those_of_an_earlier_version_are_read() -> None:
    full = dataclasses.replace(
        GOOD, unanswerable=10, distinct=Count(n=9, of=12), controls=Count(n=54, of=55),
        known=Count(n=3, of=4), kinds={"reversed": Count(n=1, of=3)},
    )  # fmt: skip
    assert Scores.from_dict(json.loads(json.dumps(dataclasses.asdict(full)))) == full
    old = {"closed": 0.4, "memory": 0.6, "abstention": None, "n": 10}
    assert Scores.from_dict(old) == Scores(closed=0.4, memory=0.6, n=10)


def test_no_questions_no_promotion() -> None:
    nothing = Scores(closed=0.0, memory=0.0)
    decision = decide(nothing, nothing, LIMITS)
    assert not decision.accept
    assert "no quiz questions" in decision.reasons[0]


def test_limits_are_fractions_but_that_of_the_drift() -> None:
    with pytest.raises(SettingsError, match="memory_drop=2, drift=-1"):
        GateLimits(memory_drop=2, drift=-1)
    assert GateLimits(drift=3).drift == 3, "nats have no upper limit"
