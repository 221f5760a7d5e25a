"""From a reply to a question that is fit for use, and how alike two questions are."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.tasks import kinds
from ingrained.agent.tasks.likeness import rouge_l
from ingrained.agent.tasks.wishes import Place, Wish, question_of, repeats

WISH = Wish(
    kind=kinds.REVERSED,
    prompt=(("user", "?"),),
    answer="Orlan Bridge",
    passages=("p",),
    note=0,
    source="Orlan Bridge. Mara Vint built the Orlan Bridge in 1402.",
    must=("Mara Vint",),
    unlike=("Who built the Orlan Bridge?",),
)


def test_every_kind_is_made_from_notes_or_from_questions() -> None:
    assert sorted(kinds.KINDS) == sorted({*kinds.FIRST, *kinds.DERIVED})


@pytest.mark.parametrize(
    "reply",
    [
        "What did Mara Vint build?",
        "Question: What did Mara Vint build?",
        "New question: What did Mara Vint build? Orlan Bridge",
        "The reversed question is: What did Mara Vint build?",
        "4. What did Mara Vint build?",
        "- “What did Mara Vint build?”",
        "**What did Mara Vint build?**",
        "What did Mara Vint build?\nWhen did Mara Vint die?",
        '{"question": "What did Mara Vint build?", "answer": "Orlan Bridge"}',
        '```json\n[{"new_question":\n"What did Mara Vint build?"}]\n```',
        "Sure, here it is:\n1) What did Mara Vint build?",
    ],
)
def test_the_first_question_is_found_in_what_a_small_model_says(reply: str) -> None:
    assert question_of(WISH, reply) == ("What did Mara Vint build?", "")


@given(st.text(max_size=60))
def test_no_reply_makes_it_stumble(reply: str) -> None:
    question, fault = question_of(WISH, reply)
    assert fault or question.endswith("?")


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("I cannot do that.", "too short"),
        ("What was built there in 1402?", "leaves out what it must name"),
        ("Did Mara Vint build the Orlan Bridge?", "gives the answer away"),
        ("What did Mara Vint build in Teskow?", "names something else"),
    ],
)
def test_a_reversed_question_holds_the_old_answer_and_not_the_new(reply: str, fault: str) -> None:
    assert question_of(WISH, reply)[1] == fault


def test_a_bridge_may_not_be_named() -> None:
    wish = dataclasses.replace(WISH, must=(), never=("Mara Vint",))
    assert question_of(wish, "What did Mara Vint build?")[1] == "names what it may not"


def test_a_question_may_not_come_again() -> None:
    wish = dataclasses.replace(WISH, must=(), unlike=("What did Mara Vint build?",))
    assert question_of(wish, "And what did Mara Vint build?")[1] == "says the same again"
    assert question_of(wish, "Which work made Mara Vint known in 1402?")[1] == ""


def test_a_ready_made_question_needs_no_reply() -> None:
    wish = dataclasses.replace(WISH, prompt=(), question="What did Mara Vint build?")
    assert question_of(wish) == ("What did Mara Vint build?", "")


def test_a_place_is_made_of_a_note_of_the_state() -> None:
    note = {"passage": "p", "document": "d", "topic": "Orlan", "text": "It is old.", "start": 7}
    place = Place.of(note, "Orlan stands. It is old.", 3)
    assert (place.note, place.source) == (3, "Orlan. Orlan stands. It is old.")


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [
        ("Who built it?", "Who built it?", 1.0),
        ("Who built the old mill?", "Who burnt the old mill?", 0.75),
        ("Who built it?", "When did that fall", 0.0),
        ("a b c d", "d c b", 2 / 6),
        ("", "", 0.0),
    ],
)
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(
    one: str, other: str, score: float
) -> None:
    assert rouge_l(one, other) == pytest.approx(score)


def test_from_seven_tenths_on_a_question_is_a_repetition() -> None:
    assert repeats("Who built the old mill?", ["When?", "Who burnt the old mill?"])
    assert not repeats("Who built the old mill?", ["Where is the new mill?"])
    assert not repeats("Who built the old mill?", [])
