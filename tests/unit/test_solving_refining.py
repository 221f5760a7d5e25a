"""Self-Refine: three calls, feedback that says where and what, and an end without a right answer."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.solving import Case, flips, self_refine
from ingrained.agent.solving.crafts import (
    ADDS,
    COPIED,
    EMPTY,
    LOSES,
    TOO_LONG,
    Extract,
    answer_fault,
    answers,
    note_fault,
    notes,
)
from ingrained.agent.solving.refining import Flips, Refined, parse_feedback
from ingrained.agent.testing import ScriptedModel

CASE = Case(
    passage="The kiln of Averley was lit in 1588. Its keeper, Odo Prane, fed it with peat.",
    question="When was the kiln lit?",
)
CRITIC, REFINER, FIRST = "Check the draft", "Heed the feedback", "If the"
WRONG_YEAR = "Place: 1585\nFix: Give the year that the text names."


def scripted(**replies: str | list[str]) -> ScriptedModel:
    """A model with a script per role; a list is given out one by one."""
    roles: Mapping[str, str] = {
        "critic": CRITIC, "refine": REFINER, "first": FIRST,
    }  # fmt: skip
    queues = {role: iter([x] * 9 if isinstance(x, str) else x) for role, x in replies.items()}

    def reply(asked: str) -> str:
        role = next(role for role, mark in roles.items() if mark in asked.splitlines()[0])
        return next(queues[role])

    return ScriptedModel(script=reply)


def refined(model: ScriptedModel, **options: bool | int | list[str]) -> Refined:
    (got,) = self_refine(Asker(model), [CASE], answers(), **options)  # type: ignore[arg-type]
    return got


def test_draft_feedback_and_refinement_are_three_calls_and_the_critic_ends_it() -> None:
    model = scripted(first="1585", critic=[WRONG_YEAR, "Nothing to fix."], refine="1588")
    got = refined(model)
    assert (got.drafts, got.text, got.ended) == (("1585", "1588"), "1588", "satisfied")
    assert [asked.split(".")[0] for asked in model.asked] == [
        "Answer in a few words, from the text",
        "Check the draft against the text",
        "Answer in a few words, from the text",
        "Check the draft against the text",
    ]


def test_the_refiner_sees_the_whole_history() -> None:
    second = "Place: 1586\nFix: Look at the first sentence."
    model = scripted(first="1585", critic=[WRONG_YEAR, second], refine=["1586", "1588"])
    got = refined(model)
    assert model.asked[-1].endswith(
        "Draft: 1585\n"
        "Feedback: Place: 1585 Fix: Give the year that the text names.\n"
        "Draft: 1586\n"
        "Feedback: Place: 1586 Fix: Look at the first sentence."
    )
    assert (got.text, got.ended) == ("1588", "")


def test_tries_bound_the_rounds() -> None:
    years = [str(year) for year in range(1586, 1599)]
    critic = [f"Place: {year}\nFix: Look again." for year in ["1585", *years]]
    got = refined(scripted(first="1585", critic=critic, refine=years), tries=3)
    assert len(got.drafts) == 4


@pytest.mark.parametrize(
    ("reply", "place", "specific", "satisfied"),
    [
        (WRONG_YEAR, "1585", True, False),
        ('- Place: "in 1585"\n- Fix: Give another year.', "in 1585", True, False),
        ("Place: 1586\nFix: Give another year.", "", False, False),
        ("Place: 1585\nFix: 1585", "", False, False),
        ("Place: 1585", "1585", False, False),
        ("Make it better.", "", False, False),
        ("", "", False, False),
        ("It is right. Nothing to fix!", "", False, True),
    ],
)
def test_feedback_quotes_the_draft_and_says_what_to_do(
    reply: str, place: str, specific: bool, satisfied: bool
) -> None:
    got = parse_feedback(reply, "It was lit in 1585.")
    assert (got.place, got.specific, got.satisfied) == (place, specific, satisfied)


def test_generic_feedback_leaves_the_draft_as_it_is() -> None:
    got = refined(scripted(first="1588", critic="Be more precise."))
    assert (got.drafts, got.ended) == (("1588",), "generic")


@pytest.mark.parametrize(("reply", "ended"), [("1585", "unchanged"), ("", "faulty")])
def test_a_refinement_that_is_none_ends_it(reply: str, ended: str) -> None:
    got = refined(scripted(first="1585", critic=WRONG_YEAR, refine=reply))
    assert (got.text, got.ended) == ("1585", ended)


def test_drafts_that_are_there_already_are_taken() -> None:
    got = refined(scripted(critic="Nothing to fix."), drafts=["1588"])
    assert got.drafts == ("1588",)


def test_items_are_asked_about_together_and_only_while_they_are_open() -> None:
    model = scripted(
        first=["1585", "1588"], critic=[WRONG_YEAR, "Nothing to fix.", "Nothing to fix."],
        refine="1588",
    )  # fmt: skip
    one, other = self_refine(Asker(model), [CASE, CASE], answers())
    assert (one.text, other.text) == ("1588", "1588")
    assert sum(CRITIC in asked for asked in model.asked) == 3


def test_flips_are_counted_after_the_fact() -> None:
    pairs = [("1585", "1588"), ("1588", "1585"), ("1588", "in 1588"), ("1", "2")]
    done = [Refined(drafts=pair) for pair in pairs]
    assert flips(done, [["1588"]] * 4) == Flips(right_to_wrong=1, wrong_to_right=1, same=2)


def test_an_answer_is_short() -> None:
    assert (answer_fault(""), answer_fault("word " * 17), answer_fault("1588")) == (
        EMPTY, TOO_LONG, "",
    )  # fmt: skip


EXTRACT = Extract(
    topic="Kiln of Averley",
    passage="The kiln was lit in 1588 by Odo Prane. In two years he burned nine boats in it.",
    sentence="In two years he burned nine boats in it.",
)
ALONE = "In two years Odo Prane burned nine boats in the kiln of Averley."


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (ALONE, ""),
        ("In 2 years Odo Prane burned 9 boats in the kiln.", ""),
        ("In two years Mara Vint burned nine boats in the kiln.", ADDS),
        ("In three years Odo Prane burned nine boats in the kiln.", ADDS),
        ("Lorne saw Odo Prane burn nine boats in two years.", ADDS),
        ("Odo Prane burned boats in the kiln.", LOSES),
        ("", EMPTY),
        ("Odo Prane burned nine boats in two years. " * 8, TOO_LONG),
        ("The Marrow Map shows eleven harbours.", COPIED),
    ],
)
def test_a_note_adds_and_loses_nothing(draft: str, expected: str) -> None:
    assert note_fault(EXTRACT, draft) == expected


def noted(first: str, critic: str = "Nothing to fix.", better: str = "") -> Refined:
    script = {"Can the draft": critic, "Heed the feedback": better, "Put names for": first}
    (got,) = self_refine(Asker(ScriptedModel(script=script)), [EXTRACT], notes())
    return got


def test_a_note_names_what_its_sentence_only_points_at() -> None:
    assert noted(f"Note: {ALONE} It was hot.").text == ALONE


def test_a_note_that_makes_something_up_gives_way_to_the_sentence() -> None:
    assert noted("In two years Mara Vint burned nine boats.").text == EXTRACT.sentence


def test_a_note_is_refined_where_the_critic_points() -> None:
    got = noted(EXTRACT.sentence, critic='Place: he\nFix: Say "Odo Prane".', better=ALONE)
    assert got.drafts == (EXTRACT.sentence, ALONE)


def test_a_refined_note_that_makes_something_up_is_not_taken() -> None:
    got = noted(
        EXTRACT.sentence,
        critic='Place: he\nFix: Say "Mara Vint".',
        better="In two years Mara Vint burned nine boats in it.",
    )
    assert (got.text, got.ended) == (EXTRACT.sentence, "faulty")
