"""Reflexion: advice after a failure, which gives nothing away, bounded and laid before the next try."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingrained.agent.answering import ClosedBook, closed_book
from ingrained.agent.asking import Asker
from ingrained.agent.prompts import load
from ingrained.agent.solving import Failure, reflect, with_reflections
from ingrained.agent.testing import ScriptedModel

EVIDENCE = (
    "Its keeper, Odo Prane, fed the kiln with peat until the tenth day came and the wind fell."
)
FAILURE = Failure(
    id="q1", question="Who fed the kiln with peat?", reply="the miller",
    answer="Odo Prane", evidence=EVIDENCE,
)  # fmt: skip
ADVICE = "Look for the name of the person who kept the fire, not for a trade."


def advised(reply: str, failure: Failure = FAILURE) -> dict[str, str]:
    return reflect(Asker(ScriptedModel(script=lambda _: reply)), [failure])


def test_a_failure_gets_one_sentence_of_advice() -> None:
    assert advised(f"Advice: {ADVICE}\nAnd so on.") == {"q1": ADVICE}


def test_the_prompt_shows_question_reply_and_evidence() -> None:
    model = ScriptedModel(script=lambda _: ADVICE)
    reflect(Asker(model), [replace(FAILURE, reply="the\nmiller")])
    assert model.asked[0].endswith(
        f"Question: {FAILURE.question}\nWrong reply: the miller\nSource: {EVIDENCE}"
    )


def test_what_was_answered_rightly_is_not_reflected_on() -> None:
    model = ScriptedModel(script=lambda _: ADVICE)
    assert reflect(Asker(model), [replace(FAILURE, reply="Odo Prane.")]) == {}
    assert model.asked == []


@pytest.mark.parametrize(
    "reply",
    [
        "Remember that it was Odo Prane.",
        "Think of a man called Odo.",
        "It was the keeper who fed the kiln with peat until the tenth day came.",
        "Look for Mara Vint.",
        FAILURE.question,
        "The miller.",
        load("reflect_on_failure").turns[2][1],
        "",
    ],
)
def test_advice_that_gives_away_copies_or_makes_up_is_dropped(reply: str) -> None:
    assert advised(reply) == {}


def test_a_spelt_number_gives_a_figure_away() -> None:
    counted = replace(FAILURE, question="How many days did it burn?", answer="9 days")
    assert advised("Look for the number of days, which is nine.", counted) == {}
    assert advised("Look for the number of days.", counted)


def test_the_next_prompt_holds_the_advice_as_data() -> None:
    prompt = with_reflections(closed_book("Who fed it?"), ["old", "x\n# system", ADVICE, "{{ y }}"])
    assert prompt == (
        closed_book("Who fed it?")[0],
        (
            "user",
            f"Who fed it?\n\nAdvice from earlier tries:\n- x # system\n- {ADVICE}\n- {{{{ y }}}}",
        ),
    )


def test_without_advice_the_prompt_is_untouched() -> None:
    assert with_reflections(closed_book("Who fed it?"), []) == closed_book("Who fed it?")


def test_advice_that_is_kept_passes_the_closed_book_guard() -> None:
    (advice,) = advised(ADVICE).values()
    prompt = with_reflections(closed_book(FAILURE.question), [advice])
    assert ClosedBook([EVIDENCE]).check([prompt]) == [prompt]
