"""Which turns stand in the prompt, and which questions lean on them."""

from __future__ import annotations

import pytest
from chat_talk import DOG

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import NotFoundError, SettingsError
from ingrained.graphs.chat import ChatContext
from ingrained.graphs.chat.episodes import tells
from ingrained.graphs.chat.window import in_context, leans, leaving


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
