"""The model's review of its failures: claims that carry their item, nothing empty, nothing copied."""

from __future__ import annotations

import dataclasses

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.solving import Claim, Failure, review
from ingrained.agent.solving.checking import copies, first_sentence, gives_away, invents
from ingrained.agent.testing import ScriptedModel

LIT = Failure(
    id="q1", topic="Kiln", question="When was the kiln lit?", reply="1590", answer="1588",
    recalled=("The kiln burned\nuntil 1590.",),
)  # fmt: skip
FED = Failure(id="q2", topic="Kiln", question="Who fed the kiln?", reply="", answer="Odo Prane")
RUNG = Failure(id="q3", topic="Bell", question="Who rang it?", reply="Odo", answer="Mara")
SAID = {
    LIT.question: "I took the end of the fire for its beginning.",
    FED.question: "I knew nothing of its keeper.",
    RUNG.question: "I mixed two people up.",
}


def reviewed(script: dict[str, str], **options: int) -> list[Claim]:
    return review(Asker(ScriptedModel(script=script)), [LIT, FED, RUNG], **options)


def test_each_claim_carries_the_id_of_its_item() -> None:
    claims = reviewed(SAID)
    assert [(one.item, one.topic) for one in claims] == [
        ("q1", "Kiln"), ("q2", "Kiln"), ("q3", "Bell"),
    ]  # fmt: skip
    assert claims[0].text == SAID[LIT.question]


def test_only_the_first_ones_are_reviewed() -> None:
    assert [one.item for one in reviewed(SAID, most=1)] == ["q1"]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "When was the kiln lit?",
        "1588.",
        "The kiln burned until 1590.",
        "I had no note on the fuel of the engine and did not know it.",
    ],
)
def test_empty_and_copied_claims_are_dropped(reply: str) -> None:
    claims = reviewed({**SAID, LIT.question: reply})
    assert [one.item for one in claims] == ["q2", "q3"]


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("The note was about who fed the kiln, not about who kept geese there.", False),
        ("I took the year of the flood for that of the kiln.", False),
        ("I took the end of the fire for its beginning, though the note had both.", True),
        ("I did not know it, and the question was about the kiln.", True),
    ],
)
def test_a_claim_with_words_of_the_examples_is_dropped(reply: str, kept: bool) -> None:
    claims = reviewed({**SAID, LIT.question: reply})
    assert ("q1" in [one.item for one in claims]) is kept


def test_words_of_an_example_that_the_case_has_too_are_its_own() -> None:
    case = dataclasses.replace(LIT, recalled=("Nobody kept geese in the kiln.",))
    model = ScriptedModel(script=lambda _: "The note was about geese.")
    assert review(Asker(model), [case])


def test_a_prompt_says_what_lay_before_the_model() -> None:
    model = ScriptedModel(script=lambda _: "I was wrong about something.")
    review(Asker(model), [LIT, FED])
    assert model.asked[0].endswith(
        "Your reply: 1590\nRight answer: 1588\nNotes: The kiln burned until 1590."
    )
    assert model.asked[1].endswith("Your reply: \nRight answer: Odo Prane\nNotes: none")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('Claim 1: "It rained." And more.', "It rained."),
        ("\n\n**Review:** It rained\nIt snowed", "It rained"),
        ("", ""),
        ("Advice:\nLook twice.", "Look twice."),
    ],
)
def test_one_sentence_of_a_reply(reply: str, expected: str) -> None:
    assert first_sentence(reply) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Odo Prane fed the kiln for 9 days.", False),
        ("Then Prane fed it.", False),
        ("One of them fed it.", False),
        ("Mara fed the kiln.", True),
        ("Odo fed it for ten days.", True),
        ("Odo fed it in 1588.", True),
    ],
)
def test_names_and_numbers_come_from_somewhere(text: str, expected: bool) -> None:
    assert invents(text, ["Odo Prane fed the kiln", "for nine days"]) is expected


def test_the_first_word_may_be_let_off() -> None:
    assert invents("Look for Odo.", ["Odo"])
    assert not invents("Look for Odo.", ["Odo"], opening=False)
    assert invents("Mara Vint fed it.", ["Odo"], opening=False)


def test_a_text_that_adds_a_word_is_no_copy() -> None:
    assert copies("The kiln burned.", "what_went_wrong", ["The kiln burned until 1590."])
    assert not copies("The kiln burned badly.", "what_went_wrong", ["The kiln burned until 1590."])


@pytest.mark.parametrize(
    ("text", "answer", "question", "expected"),
    [
        ("Think of Prane.", "Odo Prane", "Who fed it?", True),
        ("Think of the kiln.", "the kiln of Averley", "What burned in the kiln?", False),
        ("Think of Averley.", "the kiln of Averley", "What burned in the kiln?", True),
        ("It is the kiln.", "the kiln", "Was it the kiln or the mill?", True),
    ],
)
def test_a_part_of_an_answer_gives_it_away(
    text: str, answer: str, question: str, expected: bool
) -> None:
    assert gives_away(text, answer, question) is expected
