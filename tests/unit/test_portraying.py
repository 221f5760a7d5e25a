"""What stays of a summary or a portrait that a model wrote: what was said."""

from __future__ import annotations

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.portraying import held, portrayed
from ingrained.agent.testing import ScriptedModel

SAID = [
    "2024-10-04: “My dog is called Rex. I went to Orrelsund with my sister.”",
    "2024-10-05: “I don't eat meat. I have two boats.”",
]


@pytest.mark.parametrize(
    "sentence",
    [
        "The user has a dog named Rex.",
        "The user went to Orrelsund with his sister.",
        "The user has 2 boats.",
        "- The user does not eat meat.",
    ],
)
def test_what_was_said_stays(sentence):
    assert held(sentence, SAID) == sentence.lstrip("- ")


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("another name", "The user has a dog named Max."),
        ("another number", "The user has 3 boats."),
        ("a number of a line's date", "The user has 10 boats."),
        ("the year of a line's date", "The user went to Orrelsund in 2024."),
        ("whose, it does not say", "His sister went to Orrelsund."),
        ("a date", "The user went to Orrelsund in 2019."),
        ("a month", "The user went to Orrelsund with his sister in May."),
        ("a denial", "The user has no dog."),
        ("a denial left out", "The user does eat meat."),
        ("other words", "The user enjoys sailing across stormy northern seas."),
        ("another name in small letters", "The user has a dog called max."),
        ("nothing", "The user said so."),
        ("not of the user", "My dog is called Rex."),
        ("to somebody else", "The user has a dog, and you know Rex."),
        ("declines", "The user went to Orrelsund, nothing else is not specified."),
        ("cut short", "The user went to Orrelsund with his"),
        ("a question", "The user has a dog?"),
    ],
)
def test_what_was_not_said_is_dropped(why, sentence):
    assert held(sentence, SAID) == "", why
    assert held(f"{sentence} The user has two boats.", SAID).endswith("The user has two boats.")


def test_each_sentence_stands_for_itself_and_once():
    reply = "Summary: The user has a dog named Rex.\n* The user owns Max.\n* The user has a dog named Rex."
    assert held(reply, SAID) == "The user has a dog named Rex."


def test_the_model_is_asked_once_with_the_lines_as_they_are():
    model = ScriptedModel(script=lambda _: "The user has a dog named Rex.")
    assert portrayed(Asker(model), "portray", SAID) == "The user has a dog named Rex."
    (asked,) = model.asked
    assert asked.endswith("\n".join(SAID))
