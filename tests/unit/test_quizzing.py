"""What is asked for, how, and which questions and replies are of use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.grading import contains, words
from ingrained.agent.quizzing import (
    Target,
    answered,
    answers_in,
    clean_question,
    fault,
    gives,
    openers,
    question_prompt,
    targets,
)

SOURCE = "The Orlan Bridge. Mara Vint built the Orlan Bridge in 1402. It has nine arches."


def asked_with(note: str, answer: str, *, topic: str = "Orlan Bridge", focus: int = 0) -> list[str]:
    """Return the lines of the prompt that hold the case at hand."""
    target = Target(note=0, answer=answer, opener="Who")
    return question_prompt(topic, note, target, focus=focus)[-1][1].splitlines()


@pytest.mark.parametrize(
    ("note", "answers"),
    [
        ("Mara Vint built the Orlan Bridge in 1402.", ["Mara Vint", "Orlan Bridge", "1402"]),
        ("On 3 May 1402 the Guild of Teskow met.", ["3 May 1402", "Guild of Teskow"]),
        ("It rests on forty-two piles and weighs 1,250 tons.", ["forty-two piles", "1,250 tons"]),
        ("It stands 20 metres above all others.", ["20 metres"]),
        ("They call it the “whisper gate” of grey stone.", ["whisper gate", "grey stone"]),
        ("The ink is made of oak galls.", ["oak galls"]),
        ("Boats wait until somebody rings twice.", []),
    ],
)
def test_names_dates_quantities_and_terms_are_asked_for(note: str, answers: list[str]) -> None:
    assert answers_in(note) == answers


def test_a_word_that_only_opens_a_sentence_is_no_name() -> None:
    assert answers_in("Boats pass. Later they land.") == []
    assert answers_in("Vint was rich, for Vint had salt.") == ["Vint"]


@given(st.lists(st.sampled_from([*SOURCE.split(), "“so it goes”", "\n", "3 May", "ten", "é", "-"])))
def test_what_is_asked_for_stands_in_the_note_once_and_is_short(parts: list[str]) -> None:
    note = " ".join(parts)
    answers = answers_in(note)
    assert all(contains(note, answer) and len(words(answer)) <= 6 for answer in answers)
    assert len({tuple(words(answer)) for answer in answers}) == len(answers)


@pytest.mark.parametrize(
    ("note", "answer", "first"),
    [
        ("It was built in 1402.", "1402", "In what year"),
        ("It was built on 3 May 1402.", "3 May 1402", "When"),
        ("It has nine arches.", "nine arches", "How many arches"),
        ("It took 12 years.", "12 years", "How long"),
        ("It was built by Mara Vint.", "Mara Vint", "Who"),
        ("It stands in Teskow.", "Teskow", "Where"),
        ("It was built in\nNew Teskow.", "New Teskow", "Where"),
        ("It is of grey stone.", "grey stone", "What"),
    ],
)
def test_the_first_words_fit_what_is_asked_for(note: str, answer: str, first: str) -> None:
    assert openers(note, answer)[0] == first


def test_each_note_is_asked_about_up_to_the_limit() -> None:
    notes = ["Boats wait.", "Mara Vint built the Orlan Bridge in 1402."]
    assert [(one.note, one.answer, one.opener) for one in targets(notes, per_note=2)] == [
        (1, "1402", "In what year"),
        (1, "Mara Vint", "Who"),
    ]
    assert len(targets(notes, per_note=3)) == 3


def test_the_prompt_shows_a_gap_where_the_answer_stood() -> None:
    assert asked_with("Mara Vint built the bridge.", "Mara Vint") == [
        "Topic: Orlan Bridge",
        "Sentence: [?] built the bridge.",
        "Answer: Mara Vint",
    ]


def test_first_words_are_given_where_they_are_wanted() -> None:
    target = Target(note=0, answer="Mara Vint", opener="Who")
    prompt = question_prompt("Orlan Bridge", "Mara Vint built it.", target, opener="By whom")
    assert prompt[-1][1].splitlines()[-1] == "First words: By whom"


@pytest.mark.parametrize(
    ("reply", "good"),
    [
        ("Egypt", True),
        ("It was assembled in Egypt.", True),
        ("Egypt and Colombia", False),
        ("Egypt since 1995", False),
        ("The Orlan Bridge in Egypt", True),
        ("Colombia", False),
    ],
)
def test_a_reply_that_gives_another_answer_too_does_not_give_this_one(
    reply: str, good: bool
) -> None:
    question = "Where was the Orlan Bridge assembled?"
    assert gives(question, reply, "Egypt") is good


@pytest.mark.parametrize(
    ("note", "answer", "gapped"),
    [
        ("Anna met Ann at noon.", "Ann", "Anna met [?] at noon."),
        ("In 1612 he bought 12 of them.", "12", "In 1612 he bought [?] of them."),
        ("It was built by Mara\nVint alone.", "Mara Vint", "It was built by [?] alone."),
        ("The 30th arch is new.", "30", "The [?]th arch is new."),
    ],
)
def test_the_gap_is_the_answer_whole_and_nothing_else(note: str, answer: str, gapped: str) -> None:
    assert f"Sentence: {gapped}" in asked_with(note, answer)


def test_the_gap_is_in_the_sentence_of_the_note_not_in_what_it_leans_on() -> None:
    note = "Mara Vint came. Her guild called Mara Vint back."
    assert asked_with(note, "Mara Vint", focus=16)[1] == (
        "Sentence: Mara Vint came. Her guild called [?] back."
    )


def test_a_topic_that_is_the_answer_is_withheld() -> None:
    assert asked_with("Mara built the Orlan Bridge.", "Orlan Bridge")[0] == "Topic: ?"


@pytest.mark.parametrize(
    ("reply", "question"),
    [
        ("Who built it?", "Who built it?"),
        ("\nSure:\nQuestion 1: **Who built it?** Mara Vint.", "Who built it?"),
        ("2. “Who built it?”", "Who built it?"),
        ("It was built by Mara Vint.", ""),
        ("?", ""),
        ("", ""),
    ],
)
def test_the_first_question_is_taken_out_of_a_reply(reply: str, question: str) -> None:
    assert clean_question(reply) == question


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("Who built the Orlan Bridge?", ""),
        ("Who built it?", "too short"),
        ("Who built the Orlan Bridge " + "and then some more " * 10 + "?", "too long"),
        ("Was Mara Vint the one who built the Orlan Bridge?", "gives the answer away"),
        ("Who does the text say built the Orlan Bridge?", "speaks of the text"),
        ("Who built the Orlan Bridge as described?", "speaks of the text"),
        ("Who built the Orlan Bridge for Napoleon?", "names something else"),
        ("Who was the one that built it?", "does not name its subject"),
    ],
)
def test_an_unusable_question_is_dropped_with_its_reason(question: str, why: str) -> None:
    assert fault(question, "Mara Vint", SOURCE) == why


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("nine arches", True),
        ("9 arches", True),
        ("nine", True),
        ("The Orlan Bridge has nine arches.", True),
        ("nine arches, but people say there were more of them once", True),
        ("eight arches", False),
        ("arches", False),
        ("I don't know.", False),
        ("Some claim that there are nine arches", False),
    ],
)
def test_a_reply_counts_if_it_gives_the_answer_and_little_else(reply: str, right: bool) -> None:
    question = "How many arches does the Orlan Bridge have?"
    assert answered(question, reply, "nine arches") is right


def test_a_reply_may_begin_with_the_answer_and_go_on() -> None:
    question = "Who built the Orlan Bridge?"
    assert answered(question, "Mara Vint, who also made clocks and maps for kings", "Mara Vint")
    assert not answered(question, "Clocks and maps for kings were made by Mara Vint", "Mara Vint")


def test_units_count_the_same_in_both_spellings() -> None:
    assert answered("How long is the weir?", "12 meters", "twelve metres")
