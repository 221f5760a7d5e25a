"""Filters: near enough to the answer, agreed upon often enough, about its topic at all."""

from __future__ import annotations

from typing import Literal

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.solving import (
    guessable,
    metric_filter,
    topic_free,
)
from ingrained.agent.solving.filtering import topic_free_prompts
from ingrained.agent.testing import ScriptedModel


@pytest.mark.parametrize(
    ("reply", "measure", "threshold", "expected"),
    [
        ("The Odo Prane.", "exact", 1.0, True),
        ("Odo Prane, the keeper", "exact", 1.0, False),
        ("Odo Prane, the keeper", "f1", 0.8, True),
        ("Odo Prane, the keeper", "f1", 0.9, False),
        ("Prane", "f1", 0.5, True),
        ("Mara Vint", "f1", 0.1, False),
    ],
)
def test_a_metric_tells_how_near_a_reply_is(
    reply: str, measure: Literal["exact", "f1"], threshold: float, expected: bool
) -> None:
    assert metric_filter(reply, "Odo Prane", measure, threshold) is expected


@pytest.mark.parametrize(
    ("question", "topic", "expected"),
    [
        ("Who lit the Kiln of Averley?", "Kiln of Averley", "Who lit it?"),
        ("Who lit Averley's kiln?", "Kiln of Averley", "Who lit its it?"),
        ("When did Odo Prane's kiln burn?", "Odo Prane", "When did its kiln burn?"),
        ("Which fuel does the Pell engine burn?", "Pell engine, Fuel", "Which it does it burn?"),
        ("What is peat?", "Kiln of Averley", "What is peat?"),
        ("Who found the map?", "", "Who found the map?"),
        ("Who wrote C++?", "C++ (1.*)", "Who wrote C++?"),
    ],
)
def test_the_names_of_the_topic_are_blanked(question: str, topic: str, expected: str) -> None:
    assert topic_free(question, topic) == expected


def test_what_is_answered_without_its_topic_is_guessable() -> None:
    questions = ["Who lit the kiln of Averley?", "How many days has a week of Averley?"]
    model = ScriptedModel(script={"week": "seven", "lit": "Nero"})
    got = guessable(Asker(model), questions, ["Averley"] * 2, ["Odo Prane", "seven days"])
    assert got == [False, True]
    assert not any("Averley" in asked for asked in model.asked)


def test_the_prompts_are_closed_book() -> None:
    assert topic_free_prompts(["Who lit the kiln?"], ["Kiln"]) == [
        (("system", "Answer in a few words."), ("user", "Who lit it?"))
    ]
