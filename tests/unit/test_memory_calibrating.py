"""A memory's own questions tell how similar is similar enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ingrained.errors import InputError
from ingrained.memory.calibrating import (
    MIN_QUESTIONS,
    Calibration,
    asked,
    calibrate,
    fit_sigmoid,
    groups_of,
    similarities,
)
from ingrained.memory.records import Evidence, Memory, Span, sha256

RIGHT = np.linspace(0.3, 0.9, 100)
STRANGERS = np.linspace(0.0, 0.4, 100)


def memory(text: str, *documents: str, title: str = "", questions: tuple[str, ...] = ()) -> Memory:
    spans = tuple(
        Span(document=d, version="1", start=0, end=4, quote=text, quote_sha256=sha256(text))
        for d in documents
    )
    evidence = tuple(
        Evidence(question=question, answer="yes", passed_before=False, passed_after=True)
        for question in questions
    )
    return Memory(id=text, text=text, title=title, spans=spans, evidence=evidence)


def test_the_floor_is_the_largest_that_keeps_98_of_100_right_memories() -> None:
    found = calibrate(RIGHT, STRANGERS)
    assert found.kept == 0.98
    assert (found.floor + 0.001 <= RIGHT).sum() < 98
    assert found.junk == pytest.approx((found.floor <= STRANGERS).mean())
    assert found.questions == 100


def test_another_share_can_be_kept() -> None:
    assert calibrate(RIGHT, STRANGERS, keep=1.0).kept == 1.0
    assert calibrate(RIGHT, STRANGERS, keep=0.5).kept == 0.5


def test_a_floor_on_top_of_a_similarity_is_not_lost_to_rounding() -> None:
    right = np.full(50, 0.1 + 0.2)
    found = calibrate(right, STRANGERS)
    assert found.floor == 0.3
    assert found.kept == 1.0


@pytest.mark.parametrize(
    ("right", "strangers", "says"),
    [(29, 100, "29 questions"), (100, 29, "29 questions have memories of another")],
)
def test_too_few_questions_are_refused_with_a_way_out(
    right: int, strangers: int, says: str
) -> None:
    with pytest.raises(InputError, match=says) as raised:
        calibrate(RIGHT[:right], STRANGERS[:strangers])
    assert "Study" in raised.value.hint
    assert calibrate(RIGHT[:MIN_QUESTIONS], STRANGERS[:MIN_QUESTIONS]).questions == MIN_QUESTIONS


def test_confidence_grows_with_similarity_and_is_one_half_between_right_and_wrong() -> None:
    found = calibrate(RIGHT, STRANGERS)
    told = [found.confidence(value) for value in np.linspace(-1.0, 1.0, 41)]
    assert told == sorted(told)
    assert 0.0 <= told[0] < 0.01
    assert 0.99 < told[-1] <= 1.0
    middle = -found.intercept / found.slope
    assert 0.3 < middle < 0.4
    assert found.confidence(middle) == pytest.approx(0.5)


def test_a_calibration_is_plain_numbers() -> None:
    found = calibrate(RIGHT, STRANGERS)
    assert Calibration(**vars(found)) == found
    assert {type(value) for value in vars(found).values()} == {float, int}


@pytest.mark.parametrize(("slope", "intercept"), [(12.0, -5.0), (3.0, 0.5), (40.0, -20.0)])
def test_a_known_sigmoid_is_found_again(slope: float, intercept: float) -> None:
    draws = np.random.default_rng(3)
    values = draws.uniform(-1.0, 1.0, 40_000)
    right = draws.random(40_000) < 1.0 / (1.0 + np.exp(-(slope * values + intercept)))
    found_slope, found_intercept = fit_sigmoid(values, right)
    assert found_slope == pytest.approx(slope, rel=0.1)
    assert found_intercept == pytest.approx(intercept, rel=0.1, abs=0.1)


def test_right_above_all_wrong_gives_a_finite_slope() -> None:
    slope, intercept = fit_sigmoid([0.1, 0.2, 0.8, 0.9], [False, False, True, True])
    assert 0.0 < slope < 50.0
    assert math.isfinite(intercept)


def test_an_embedder_that_has_it_backwards_gets_no_slope() -> None:
    slope, intercept = fit_sigmoid([0.9, 0.8, 0.1], [False, False, True])
    assert slope == 0.0
    assert 0.0 < 1.0 / (1.0 + math.exp(-intercept)) < 0.5


def test_a_sigmoid_needs_both_sorts() -> None:
    with pytest.raises(InputError, match="right and wrong"):
        fit_sigmoid([0.1, 0.2], [True, True])


def test_strangers_are_memories_of_other_documents() -> None:
    memories = [memory("a", "d1"), memory("b", "d1", "d2"), memory("c", "d3"), memory("d")]
    vectors = np.eye(4)
    question = [[0.5, 0.9, 0.4, 1.0]]
    right, strangers = similarities(question, [0], vectors, groups_of(memories))
    assert right == pytest.approx([0.5])
    assert strangers == pytest.approx([0.4])


def test_of_a_single_document_the_memories_of_other_titles_are_strangers() -> None:
    memories = [memory("a", "d", title="Mill"), memory("b", "d", title="Mill")]
    memories += [memory("c", "d", title="Bridge"), memory("e", "d")]
    question = [[0.5, 0.9, 0.4, 1.0]]
    _, strangers = similarities(question, [0], np.eye(4), groups_of(memories))
    assert strangers == pytest.approx([0.4])


def test_a_question_without_strangers_counts_as_right_only() -> None:
    groups = groups_of([memory("a", "d1"), memory("b", "d2"), memory("c")])
    right, strangers = similarities(np.eye(3), [0, 1, 2], np.eye(3), groups)
    assert right.tolist() == [1.0, 1.0, 1.0]
    assert strangers.tolist() == [0.0, 0.0]


def test_more_questions_than_one_block_are_each_compared_with_their_own() -> None:
    groups = [frozenset({str(row)}) for row in range(3)]
    own = [row % 3 for row in range(700)]
    right, strangers = similarities(np.eye(3)[own], own, np.eye(3), groups)
    assert set(right) == {1.0}
    assert set(strangers) == {0.0}
    assert len(right) == len(strangers) == 700


def test_each_question_is_asked_once_of_its_memory() -> None:
    memories = [memory("a", questions=("Who?", "Who?", "When?")), memory("b", questions=("Who?",))]
    assert list(asked(memories)) == [(0, "Who?"), (0, "When?"), (1, "Who?")]
