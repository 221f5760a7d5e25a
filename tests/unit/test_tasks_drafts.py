"""Drafts: when a reply passes one, settles it, or makes it something to build on."""

from __future__ import annotations

from typing import Any

import pytest

from ingrained.agent.grading import ABSTENTION
from ingrained.agent.tasks.drafts import (
    aimed,
    draft_of,
    knows,
    passes,
    place_of,
    settled,
    unlike,
    verified,
)
from ingrained.agent.tasks.wishes import Wish

PASSAGE = "The Varn Lighthouse was built by Ilsa Pern in 1704. It burns 90 litres of oil a night."
TEXTS = {"tower/1": PASSAGE}
QUESTION = "Who built the Varn Lighthouse?"


def note(text: str) -> dict[str, Any]:
    start = 100 + PASSAGE.index(text)
    return {
        "passage": "tower/1", "document": "tower", "topic": "Varn Lighthouse", "heading": "",
        "text": text, "start": start, "end": start + len(text),
    }  # fmt: skip


NOTES = [
    note("The Varn Lighthouse was built by Ilsa Pern in 1704."),
    note("It burns 90 litres of oil a night."),
]


def draft(question: str = QUESTION, answer: str = "Ilsa Pern", **of: Any) -> dict[str, Any]:
    facts = {"kind": "answer-first", "passages": ("tower/1",), "note": 0, **of}
    wish = Wish(prompt=(), answer=answer, source=PASSAGE, **facts)
    return draft_of(wish, question, NOTES)


def test_a_question_has_one_id_however_it_is_punctuated() -> None:
    assert draft("who built the Varn lighthouse")["id"] == draft()["id"]
    assert draft("Who built the Miren Canal?")["id"] != draft()["id"]


def test_the_same_words_about_another_passage_are_another_question() -> None:
    assert draft(passages=("town/1", "tower/1"), note=None)["id"] != draft()["id"]


def test_phrasings_share_the_target_and_other_answers_and_notes_do_not() -> None:
    assert draft("By whom was the Varn Lighthouse built?")["target"] == draft()["target"]
    assert draft(answer="1704")["target"] != draft()["target"]
    assert draft(note=1)["target"] != draft()["target"]
    assert aimed({**draft(), "answer": "1704"}, NOTES)["target"] == draft(answer="1704")["target"]


def test_a_question_without_a_note_has_a_target_of_its_own() -> None:
    assert draft(note=None)["target"] not in ("", draft()["target"])


def test_the_first_of_equal_questions_stays_unless_it_is_known() -> None:
    first, again = draft(), draft(answer="1704")
    other = draft("In what year was the Varn Lighthouse built?", "1704")
    assert unlike([first, again, other]) == [first, other]
    assert unlike([first, again, other], known=[first["id"]]) == [other]


@pytest.mark.parametrize(
    ("reply", "good"),
    [
        ("Ilsa Pern", True),
        ("It was built by Ilsa Pern.", True),
        ("Ilsa Pern and Tavish Oke", False),
        ("Tavish Oke", False),
        (ABSTENTION, False),
    ],
)
def test_a_reply_passes_if_it_gives_the_answer_and_no_rival(reply: str, good: bool) -> None:
    assert passes(draft(), reply) is good


def test_what_is_known_may_be_said_in_more_words_than_what_is_verified() -> None:
    assert not passes(draft(), "Ilsa Pern, Quell")
    assert knows(draft(), "Ilsa Pern, Quell")
    assert not knows(draft(), "Tavish Oke")


def test_an_unanswerable_question_is_passed_by_declining_alone() -> None:
    one = draft("Who painted the Varn Lighthouse?", ABSTENTION, kind="unanswerable")
    assert passes(one, "The text does not say.")
    assert knows(one, ABSTENTION)
    assert not passes(one, "Ilsa Pern")
    assert not knows(one, "Ilsa Pern")


def test_a_question_of_an_old_home_has_no_kind() -> None:
    assert knows({"question": QUESTION, "answer": "Ilsa Pern"}, "Ilsa Pern")


def test_the_passage_gives_a_free_question_its_answer_and_note() -> None:
    free = draft("How much oil does the Varn Lighthouse use?", "", kind="free-recall", note=0)
    found = settled(free, "90 litres.", PASSAGE, NOTES)
    assert found is not None
    assert (found["answer"], found["note"]) == ("90 litres", 1)
    assert found["target"] == draft(answer="90 litres", note=1)["target"]
    assert (found["id"], found["question"]) == (free["id"], free["question"])


def test_of_two_notes_with_the_answer_the_one_with_the_questions_words_is_its_evidence() -> None:
    free = draft("Who built the Varn Lighthouse in the storm?", "", kind="free-recall", note=None)
    notes = [{**NOTES[1], "text": "Ilsa Pern lit it."}, NOTES[0]]
    found = settled(free, "Ilsa Pern", PASSAGE, notes)
    assert found is not None
    assert found["note"] == 1


@pytest.mark.parametrize(
    "reply",
    [
        ABSTENTION,
        "",
        "Tavish Oke",
        "The Varn Lighthouse was built by Ilsa Pern in 1704. It burns 90 litres",
        "the Varn Lighthouse",
    ],
)
def test_a_reply_that_no_note_holds_or_the_question_names_settles_nothing(reply: str) -> None:
    assert settled(draft(answer="", kind="free-recall"), reply, PASSAGE, NOTES) is None


def test_the_note_of_another_passage_is_no_evidence() -> None:
    elsewhere = [{**one, "passage": "town/1"} for one in NOTES]
    assert settled(draft(answer="", kind="free-recall"), "Ilsa Pern", PASSAGE, elsewhere) is None


def test_only_a_gap_with_a_note_and_an_answer_is_built_on() -> None:
    gap = {**draft(), "verdict": "gap"}
    others = [
        {**draft("Who lit it at the Varn Lighthouse?"), "verdict": "known"},
        {**draft("Who is the Varn Lighthouse named for?"), "verdict": "doubt"},
        {**draft("Who paid for the Varn Lighthouse?", note=None), "verdict": "gap"},
        {
            **draft("Who sold the Varn Lighthouse?", ABSTENTION, kind="unanswerable"),
            "verdict": "gap",
        },
        draft("Who fed the Varn Lighthouse?"),
    ]
    (found,) = verified([gap, *others], NOTES, TEXTS)
    assert (found.id, found.question, found.answer) == (gap["id"], QUESTION, "Ilsa Pern")
    assert found.place == place_of(gap, NOTES, TEXTS)
    assert (found.place.text, found.place.around, found.place.note) == (
        NOTES[0]["text"],
        PASSAGE,
        0,
    )
