"""Scores of a reply: what counts as the same answer, and what as declining to answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.grading import (
    ABSTENTION,
    abstained,
    agrees,
    contains,
    exact_match,
    f1,
    score,
    words,
)

texts = st.text(max_size=60) | st.lists(
    st.sampled_from(
        ["the", "Bridge", "1,402", "İ", "ﬁfty", "½", "ẞ", "e\u0301", "don't", ".", "-"]
    ),
    max_size=8,
).map(" ".join)


@given(texts)
def test_what_is_normalised_stays_as_it_is(text: str) -> None:
    once = words(text)
    assert words(" ".join(once)) == once


@given(texts, texts)
def test_f1_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    assert 0.0 <= f1(one, other) <= 1.0
    assert f1(one, other) == pytest.approx(f1(other, one))
    assert f1(one, one) == 1.0


@given(texts, texts, texts)
def test_what_is_put_around_an_answer_does_not_hide_it(left: str, answer: str, right: str) -> None:
    assert contains(f"{left} {answer} {right}", answer) == bool(words(answer))


@given(texts, texts)
def test_an_exact_match_contains_the_answer_and_has_full_f1(reply: str, answer: str) -> None:
    if exact_match(reply, [answer]) and words(answer):
        assert contains(reply, answer)
        assert f1(reply, answer) == 1.0
    if contains(reply, answer):
        assert f1(reply, answer) > 0.0


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("The Orlan Bridge!", "orlan bridge"),
        ("1,250 kilograms", "1250 kilograms"),
        ("1\u202f250 kilograms", "1250 kilograms"),
        ("1\u00a0250\u00a0000", "1250000"),
        ("\uff2frlan\u3000ﬁeld", "Orlan field"),
        ("nine-arched", "nine arched"),
    ],
)
def test_case_marks_articles_and_ways_to_write_a_number_do_not_count(one: str, same: str) -> None:
    assert words(one) == words(same)


def test_a_list_of_numbers_stays_a_list() -> None:
    assert words("3, 250 or 4,25") == ["3", "250", "or", "4", "25"]


def test_words_must_stand_in_order_and_adjacent() -> None:
    assert contains("It was built by Mara Vint in 1402.", "Mara Vint")
    assert not contains("Vint, whose first name was Mara", "Mara Vint")
    assert not contains("Mara and Oda Vint", "Mara Vint")
    assert not contains("Maravint", "Mara")


@pytest.mark.parametrize(
    ("reply", "answer", "same"),
    [
        ("Mara Vint built it, I think", "Mara Vint", True),
        ("Mara Vint built it, I do now think", "Mara Vint", False),
        ("in the year of 1402", "year of 1402", True),
        ("Oda Vint", "Mara Vint", False),
    ],
)
def test_a_short_reply_agrees_with_its_answer(reply: str, answer: str, same: bool) -> None:
    assert agrees(reply, answer) is same


@pytest.mark.parametrize(
    ("reply", "declines"),
    [
        (ABSTENTION, True),
        ("I don\u2019t know that.", True),
        ("", True),
        ("The text does not mention it.", True),
        ("It isn't specified.", True),
        ("Mara Vint", False),
        ("Nobody knows it better than Mara Vint.", False),
    ],
)
def test_a_reply_that_declines_is_told_from_an_answer(reply: str, declines: bool) -> None:
    assert abstained(reply) is declines


def test_a_score_takes_the_best_of_the_accepted_answers() -> None:
    told = score("Mara Vint", ["Oda Vint", "Mara Vint of Teskow", "Mara Vint"])
    assert (told.exact, told.f1, told.contained, told.abstained) == (1.0, 1.0, 1.0, 0.0)


def test_without_accepted_answers_only_declining_scores() -> None:
    assert vars(score("Mara Vint", [])) == {"exact": 0, "f1": 0, "contained": 0, "abstained": 0}
    assert score(ABSTENTION, []).abstained == 1.0
