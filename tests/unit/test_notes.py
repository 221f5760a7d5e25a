"""Candidate notes: sentences that can stand alone, verbatim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.notes import candidate_notes

sentences = st.sampled_from(
    [
        "Mara Vint built the bridge. ",
        "It has nine arches. ",
        "Yes! ",
        "This  is\nwide. ",
        "- a list item\n",
        "日本語。",
        "Größe 🏰 \n\n",
    ]
)
passages = st.lists(sentences, max_size=8).map("".join) | st.text(max_size=200)


@given(passages, st.integers(min_value=1, max_value=80))
def test_a_note_is_a_verbatim_stretch_that_ends_with_its_own_sentence(
    passage: str, max_chars: int
) -> None:
    ends = []
    for note in candidate_notes(passage, max_chars=max_chars):
        assert note.text == passage[note.start : note.end] == note.text.strip()
        assert 0 <= note.focus < len(note.text)
        assert len(note.text[note.focus :].split()) >= 4
        assert not note.focus or len(note.text) <= max_chars
        ends.append(note.end)
    assert ends == sorted(set(ends))


def test_each_sentence_is_a_note() -> None:
    passage = "Mara Vint built the bridge. The salt guild paid for it."
    assert [note.text for note in candidate_notes(passage)] == [
        "Mara Vint built the bridge.",
        "The salt guild paid for it.",
    ]


@pytest.mark.parametrize("opening", ["She", "Its", "This", "There", "The latter", "Since then"])
def test_a_sentence_that_leans_on_the_one_before_takes_it_along(opening: str) -> None:
    leaning = f"{opening} had nine arches once."
    first, second = candidate_notes(f"Mara Vint built a bridge. {leaning}")
    assert first.text == "Mara Vint built a bridge."
    assert second.text == f"Mara Vint built a bridge. {leaning}"
    assert second.text[second.focus :] == leaning


def test_a_name_that_begins_like_a_pronoun_leans_on_nothing() -> None:
    _, second = candidate_notes("Mara Vint built a bridge. Theyra Holm paid for it.")
    assert second.text == "Theyra Holm paid for it."


def test_the_first_sentence_has_nothing_to_lean_on() -> None:
    (note,) = candidate_notes("She built the bridge alone.")
    assert (note.text, note.start, note.focus) == ("She built the bridge alone.", 0, 0)


def test_a_note_that_would_be_too_long_stays_one_sentence() -> None:
    passage = "Mara Vint built a bridge. It has nine arches."
    assert candidate_notes(passage, max_chars=len(passage))[1].focus > 0
    assert candidate_notes(passage, max_chars=len(passage) - 1)[1].text == "It has nine arches."


def test_a_few_words_are_no_note_but_can_be_leant_on() -> None:
    (note,) = candidate_notes("Enter Mara Vint. She built the bridge alone.")
    assert note.text == "Enter Mara Vint. She built the bridge alone."
