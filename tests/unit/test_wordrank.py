"""BM25 over a handful of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.memory.wordrank import bm25

MULES = ("A mule ate oats.", "The mule carried salt.", "Kings feared the winter.")


def test_a_text_that_says_more_of_the_question_scores_higher() -> None:
    ate, carried, kings = bm25("Did the mule carry salt?", MULES)
    assert carried > ate > kings == 0.0


def test_a_rare_word_counts_more_than_one_that_most_texts_have() -> None:
    texts = ("The mule slept.", "The mule ate.", "The mule fell in the well.", "Salt fell.")
    slept, _, _, salt = bm25("mule salt", texts)
    assert salt > slept


def test_a_long_text_scores_less_than_a_short_one_with_the_same_words() -> None:
    short, long, _ = bm25("salt", ("Salt fell.", f"Salt fell. {'Kings rode. ' * 40}", "Oats."))
    assert short > long > 0


@pytest.mark.parametrize("query", ["", "the of and", "?!", '"', "NEAR(", "zebra"])
def test_a_query_without_a_word_of_the_texts_scores_nothing(query: str) -> None:
    assert bm25(query, MULES) == [0.0, 0.0, 0.0]


def test_without_texts_there_are_no_scores() -> None:
    assert bm25("salt", ()) == []


@given(st.text(), st.lists(st.text(), max_size=6))
def test_text_of_any_kind_is_data(query: str, texts: list[str]) -> None:
    scores = bm25(query, texts)
    assert len(scores) == len(texts)
    assert all(score >= 0 for score in scores)
