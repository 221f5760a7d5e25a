"""Which turns stand in the prompt, and which questions lean on them."""

from __future__ import annotations

import pytest
from chat_talk import DOG

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import NotFoundError, SettingsError
from ingrained.graphs.chat import ChatContext
from ingrained.graphs.chat.telling import tells, tells_of_self
from ingrained.graphs.chat.window import in_context, leans, leaving, prompt_for


@pytest.mark.parametrize(
    ("question", "leaning"),
    [
        ("And when was that?", True),
        ("Where was she born?", True),
        ("What about the goats?", True),
        ("Who lives there?", True),
        ("Who designed the bridge that fell in 1460?", False),
        ("How many looms are there in Dorrim?", False),
        ("Who built the mill?", False),
        ("My dog is called Rex and he is nine.", False),
        ("When did it set out?", True),
        ("Why?", True),
        ("But why not?", True),
        ("Why did he leave?", True),
        ("Why was that?", True),
        ("Why the mill?", True),
        ("Why was the mill at Teskow built?", False),
        ("Why is the sky blue?", False),
        ("Why do we dream?", False),
        ("And Rome?", True),
        ("Or the mill at Teskow?", True),
        ("And who paid?", True),
        ("And who paid for it?", True),
        ("So Ada built the mill?", False),
        ("Then who built the mill of Teskow?", False),
        ("And why did the bridge fall?", False),
        ("What time is it in Berlin?", False),
        ("Did it rain?", False),
        ("Is it true that Ada built the mill?", False),
        ("Is it true that he built the mill?", True),
        ("How long does it take to build a mill?", False),
        ("How long was it?", True),
        ("Was it built to last?", True),
    ],
)
def test_what_leans_on_the_turns_before_it(question, leaning):
    assert leans(question) is leaning


@pytest.mark.parametrize(
    ("text", "telling"),
    [
        (DOG, True),
        ("My dog is called Rex. What does he eat?", True),
        ("No, it was built in 1703.", True),
        ("Who built it?", False),
        ("and when was that", False),
        ("Tell me about the mill.", False),
        ("...", False),
    ],
)
def test_what_tells_something_and_does_not_only_ask(text, telling):
    assert tells(text) is telling


def test_a_chain_of_questions_is_followed_to_one_that_stands_by_itself():
    said = [
        ("Who paid for the ferry?", "Tobin Ashe"),
        ("Who built the mill?", "Ada Kern"),
        ("And when was that?", "I don't know."),
    ]
    turns = [{"id": str(n), "time": 0.0, "user": u, "agent": a} for n, (u, a) in enumerate(said)]
    assert in_context("And where?", turns) == (
        "Who built the mill? Ada Kern And when was that? And where?"
    )


@pytest.mark.parametrize(
    ("sizes", "room", "count"),
    [([4, 4], 8, 0), ([4, 4, 4], 8, 2), ([2, 2, 2, 4], 8, 3), ([1, 7, 7], 8, 2), ([9], 8, 1)],
)
def test_the_oldest_turns_leave_until_half_the_window_is_free_but_not_the_last(sizes, room, count):
    turns = [{"id": "", "time": 0.0, "user": "x" * size, "agent": ""} for size in sizes]
    assert leaving(turns, room, len) == count


def test_a_window_needs_room():
    with pytest.raises(SettingsError, match="window_tokens"):
        ChatContext(asker=Asker(ScriptedModel(script={})), window_tokens=0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"user": " "}, SettingsError),
        ({"cell": "nope"}, SettingsError),
        ({"cell": "adapter"}, NotFoundError),
    ],
)
def test_a_conversation_needs_a_user_and_a_cell_that_can_answer(options, error):
    with pytest.raises(error):
        ChatContext(asker=Asker(ScriptedModel(script={})), **options)


@pytest.mark.parametrize(
    ("said", "of_self"),
    [
        ("My name is Lena.", True),
        ("I like to walk by the mill.", True),
        ("Yesterday we ran ten kilometres!", True),
        ("Good morning!", False),
        ("The mill was built in 1703.", False),
        ("I have a cat. What is it called?", False),
        ("I want to know who built the mill.", False),
        ("I\u2019d like a list of the mills.", False),
        ("Write a poem on my cat for me.", False),
    ],
)
def test_what_somebody_says_of_themselves_has_a_prompt_of_its_own(said, of_self):
    assert tells_of_self(said) is of_self
    asked = prompt_for([], said, [], "")
    assert ("in one short sentence" in asked[0][1]) is of_self
    assert asked[-1] == ("user", said)


def test_notes_that_fit_it_come_first():
    asked = prompt_for(["[1] The mill is old."], "My mill is old.", [], "")
    assert "from the notes" in asked[0][1]
