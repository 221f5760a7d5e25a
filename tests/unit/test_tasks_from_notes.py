"""Cloze questions, and the choice of candidates nearest to an objective."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tasks_town import place

from ingrained.agent.answering import ClosedBook
from ingrained.agent.tasks.cloze import cloze, clozes, fill_prompt
from ingrained.agent.tasks.selecting import choose, nearest
from ingrained.agent.tasks.wishes import question_of
from ingrained.memory.testing import HashEmbedder

NOTE = (
    "The bridge is old. In the spring of 1402, when the river (then called Orl) was low, the guild "
    "of Teskow laid the first nine piles of black oak for it."
)


def test_six_words_on_either_side_of_the_gap_are_shown() -> None:
    assert cloze("Orlan Bridge", NOTE, "guild of Teskow") == (
        "Which words are missing in “the river then called Orl was low, the … laid the "
        "first nine piles of black” about Orlan Bridge?"
    )


def test_a_gap_is_filled_with_the_recalled_notes_in_view() -> None:
    text = fill_prompt("Orlan Bridge:\nIt is old.", "At last it was\nopened in 1402.", "1402")[-1][
        1
    ]
    assert text == "Text: Orlan Bridge: It is old.\nGap: was opened in ___ ."


def test_what_is_shown_stays_within_the_sentence() -> None:
    assert "old" not in cloze("Orlan Bridge", NOTE, "1402")


@pytest.mark.parametrize(
    ("topic", "note", "answer"),
    [
        ("Guild of Teskow", NOTE, "Teskow"),
        ("Orlan Bridge", NOTE, "Mara Vint"),
        ("Orlan Bridge", "In May the ice came and in May it went away again.", "May"),
        ("Orlan Bridge", "It fell in May.", "May"),
    ],
)
def test_without_a_gap_that_can_be_filled_there_is_no_question(
    topic: str, note: str, answer: str
) -> None:
    assert cloze(topic, note, answer) == ""


def test_clozes_are_ready_made_fit_for_use_and_right() -> None:
    wishes = clozes([place("tower"), place("school")], per_note=2)
    assert [wish.answer for wish in wishes] == ["1704", "Ilsa Pern", "1810", "Tavish Oke"]
    assert all(question_of(wish) == (wish.question, "") and not wish.prompt for wish in wishes)
    assert wishes[2].passages == ("school/1",)


@given(
    st.lists(
        st.sampled_from("Mara-Vint's dark, (old) 1,402 of 3.5 the “Orl” x—y z".split()), min_size=9
    )
)
def test_no_cloze_shows_a_run_of_the_passage_that_a_closed_book_may_not(parts: list[str]) -> None:
    note = f"{' '.join(parts)} Teskow {' '.join(parts[::-1])}."
    assert not ClosedBook([note]).leaks(cloze("Orlan Bridge", note, "Teskow"))


def test_the_nearest_are_chosen_but_not_all_of_one_note() -> None:
    vectors = [(1.0, 0.0), (0.9, 0.1), (0.8, 0.2), (0.0, 1.0), (0.9, 0.1)]
    groups = ["a", "a", "a", "b", "c"]
    assert choose((1.0, 0.0), vectors, groups, most=4, per_group=2) == [0, 1, 4, 3]
    assert choose((1.0, 0.0), vectors, groups, most=2, per_group=1) == [0, 4]


def test_each_candidate_needs_its_group() -> None:
    with pytest.raises(ValueError, match="1 candidates in 2 groups"):
        choose((1.0,), [(1.0,)], ["a", "b"], most=1)


def test_an_objective_is_a_text() -> None:
    candidates = ["oil and slate", "the builder of the lighthouse", "canals"]
    chosen = nearest(
        "who is the builder of the lighthouse",
        candidates,
        range(3),
        embedder=HashEmbedder(),
        most=1,
    )
    assert [candidates[n] for n in chosen] == ["the builder of the lighthouse"]


def test_nothing_to_choose_from() -> None:
    assert nearest("oil", [], [], embedder=HashEmbedder(), most=3) == []
