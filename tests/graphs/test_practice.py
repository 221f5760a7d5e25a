"""Looking back at the end of a round: review and Reflexion, on practice questions alone."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from bridge import (
    BORN,
    PLAIN,
    Pupil,
    asked,
    memories,
    question_in,
    questions,
    task_of,
    traces,
    write_town,
)

from ingrained.agent.library import Library
from ingrained.agent.report.steering import steering

FAILING = BORN
CLAIM = "I took the place where she worked for the one she came from."
ADVICE = "Look for the place that is named with the word born."
OPEN = {"sealed_share": 0, "mastered": 1.0}
"""No sealed questions, so that no round ends the run early."""


@pytest.fixture(autouse=True)
def town(corpus: Path, model) -> None:
    write_town(corpus)
    model.script = forgetful()


def forgetful(*failing: str, heeds: bool = False, advice=None, **roles) -> Pupil:
    """A pupil that cannot answer one question from notes, unless it is advised and heeds it."""
    never = failing or (FAILING,)

    def recall(prompt: str) -> str | None:
        advised = "Advice from earlier tries:" in prompt
        return "a goat" if question_in(prompt) in never and not (heeds and advised) else None

    return Pupil(memory=recall, claim=lambda _: CLAIM, advise=advice or (lambda _: ADVICE), **roles)


def failing_id(home: Path) -> str:
    (one,) = (one for one in questions(home) if one["question"] == FAILING)
    return one["id"]


def insights(home: Path) -> list[str]:
    return [one.text for one in memories(home) if one.kind == "insight"]


def practised(events: list[dict]) -> list[dict]:
    return [event for event in events if event["event"] == "practised"]


@pytest.mark.parametrize("used", [True, False])
def test_a_review_says_of_each_failure_what_went_wrong(study, model, home, used):
    study(mechanisms=PLAIN | ({"review"} if used else set()), **OPEN)

    asked_for = [question_in(prompt) for prompt in asked(model.asked, "claim")]
    assert asked_for == ([FAILING] if used else [])
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        found = steering(library, library.questions())
    claims = [claim for one in found.rounds for claim in one.claims]
    wanted = {"question": failing_id(home), "topic": "Mara Vint", "text": CLAIM}
    assert claims == ([wanted] if used else [])
    assert set(found.reviewed) == ({failing_id(home)} if used else set())


def test_a_review_that_only_repeats_what_it_was_shown_is_dropped(study, model, home):
    model.script = forgetful()
    model.script.roles["claim"] = lambda _: FAILING
    _, events = study(mechanisms=PLAIN | {"review"}, **OPEN)

    assert [event["claims"] for event in practised(events)] == [0]


def test_what_is_answered_when_it_is_practised_needs_no_review(study, model, home):
    said = Counter()

    def at_first(prompt: str) -> str | None:
        said[question_in(prompt)] += 1
        return "a goat" if question_in(prompt) == FAILING and said[FAILING] == 1 else None

    model.script = Pupil(memory=at_first, claim=lambda _: CLAIM)
    _, events = study(mechanisms=PLAIN | {"review"}, **OPEN)

    (told,) = practised(events)
    assert (told["asked"], told["failed"], told["claims"]) == (1, 0, 0)
    assert not asked(model.asked, "claim")


def test_without_failures_nothing_is_practised(study, model):
    model.script = Pupil()
    _, events = study(mechanisms=PLAIN | {"review", "reflexion"}, rounds=2, **OPEN)

    assert practised(events) == []


@pytest.mark.parametrize(("rounds", "times"), [(1, 0), (2, 1), (3, 2)])
def test_advice_is_asked_for_only_after_a_failure_that_recurs(study, model, rounds, times):
    study(mechanisms=PLAIN | {"reflexion"}, rounds=rounds, **OPEN)

    prompts = asked(model.asked, "advise")
    assert len(prompts) == times
    assert all("Wrong reply: a goat" in prompt for prompt in prompts)


def test_without_reflexion_no_advice_is_asked_for(study, model):
    study(mechanisms=PLAIN | {"review"}, rounds=3, **OPEN)

    assert asked(model.asked, "claim")
    assert not asked(model.asked, "advise")


def test_at_most_three_pieces_of_advice_are_kept_and_shown(study, model, home):
    numbered = iter(["first", "second", "third", "fourth", "fifth", "sixth"])
    model.script = forgetful(advice=lambda _: f"Look the {next(numbered)} time at the word born.")
    study(mechanisms=PLAIN | {"reflexion"}, rounds=6, **OPEN)

    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        (kept,) = library.gradebook.reflections([failing_id(home)]).values()
    assert [text.split()[2] for text in kept] == ["third", "fourth", "fifth"]
    advised = [prompt for prompt in model.asked if "Advice from earlier tries:" in prompt]
    assert max(prompt.count("\n- Look the ") for prompt in advised) == 3


@pytest.mark.parametrize("heeds", [True, False])
def test_advice_becomes_an_insight_only_if_it_turned_the_failure(study, model, home, heeds):
    model.script = forgetful(heeds=heeds)
    _, events = study(mechanisms=PLAIN | {"reflexion"}, rounds=2, **OPEN)

    assert insights(home) == ([ADVICE] if heeds else [])
    assert practised(events)[-1]["insights"] == heeds
    kept = [one for one in memories(home) if one.kind == "insight"]
    assert all(len(one.derived_from) >= 2 for one in kept)


def test_advice_that_gives_the_answer_away_is_not_used(study, model, home):
    model.script = forgetful(heeds=True, advice=lambda _: "Say that it was Quell Harbour.")
    study(mechanisms=PLAIN | {"reflexion"}, rounds=2, **OPEN)

    assert asked(model.asked, "advise")
    assert not any("Advice from earlier tries:" in prompt for prompt in model.asked)
    assert insights(home) == []


def test_sealed_questions_are_never_practised(study, model, home):
    never = {one for one, *_ in Pupil().facts}
    model.script = forgetful(*never, heeds=True)
    used = PLAIN | {"paraphrase", "reversed", "two-hop", "unanswerable", "review", "reflexion"}
    _, events = study(mechanisms=used, rounds=3, sealed_share=0.9, mastered=1.0)

    sealed = {one["question"] for one in questions(home) if one["sealed"]}
    assert sealed
    assert practised(events)
    looked_at = [p for p in model.asked if task_of(p) in ("claim", "advise") or "Advice from" in p]
    assert looked_at
    assert not sealed & {question_in(prompt.split("\n\nAdvice")[0]) for prompt in looked_at}
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        reviewed = {id_ for claims in library.gradebook.reviews().values() for id_ in claims}
        rows = {one["id"]: one["sealed"] for one in library.questions()}
    assert reviewed
    assert not any(rows[id_] for id_ in reviewed)


def test_how_a_question_fares_in_practice_is_how_it_stands(study, model, home):
    said = Counter()

    def at_first(prompt: str) -> str | None:
        said[question_in(prompt)] += 1
        return "a goat" if question_in(prompt) == FAILING and said[FAILING] == 1 else None

    model.script = Pupil(memory=at_first)
    study(mechanisms=PLAIN | {"review"}, **OPEN)

    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        outcome = {one.question: one.passed for one in library.gradebook.outcomes()}
    assert outcome[failing_id(home)] is True
    (trace,) = traces(home)
    score = trace["evaluation"]["kinds"]["answer-first"]
    assert score["passed"] == score["asked"]


def test_a_failed_question_of_a_home_of_an_older_version_can_be_practised(study, home):
    study(mechanisms=PLAIN, **OPEN)
    with closing(Library(home / "library.sqlite")) as library:
        library.put_questions(
            [{k: v for k, v in one.items() if k != "span"} for one in library.questions()]
        )
    study(mechanisms=PLAIN | {"review"}, rounds=2, **OPEN)
