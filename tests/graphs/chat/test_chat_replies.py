"""What becomes of a reply: which brackets cite, what of it is kept, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chat_talk import own
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.chat import HomeMemory
from ingrained.graphs.chat.window import prompt_for
from ingrained.memory import StoreOptions
from ingrained.memory.screening import PatternScreen
from ingrained.memory.testing import HashEmbedder

INDEXED = "In the list [1, 7] take xs[0], or [2]."


@pytest.mark.parametrize("cell", ["base", "memory"])
def test_where_nothing_was_shown_brackets_cite_nothing_and_are_kept(talk, cell):
    one = talk(lambda _: INDEXED, cell=cell)
    assert one.say("How do I frobnicate?")["reply"] == INDEXED
    assert one.told("answered")[0]["unknown"] == []
    assert one.turns() == [("How do I frobnicate?", INDEXED)]


def test_of_a_reply_that_cites_what_is_no_citation_is_kept(talk):
    one = talk(lambda _: "Ada Kern [1]; it has [1,200] sails, see xs[1].")
    one.say("Who built the mill at Teskow?")
    assert one.turns()[0][1] == "Ada Kern; it has [1,200] sails, see xs[1]."


class Thinking(ScriptedModel):
    """Streams blocks of content, as some providers do."""

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for block in (
            {"type": "reasoning", "reasoning": "Who was it?", "index": 0},
            {"type": "text", "text": "Ada", "index": 1},
            {"type": "text", "text": " Kern", "index": 1},
        ):
            yield ChatGenerationChunk(message=AIMessageChunk(content=[block]))


def test_of_a_reply_in_blocks_the_text_is_told(talk):
    one = talk(asker=Asker(Thinking(script={})))
    assert one.say("Who built the mill at Teskow?")["reply"] == "Ada Kern"
    assert [event["text"] for event in one.told("piece")] == ["Ada", " Kern"]


@pytest.mark.parametrize(
    ("reply", "strength"), [("No", 1.0), ("a collar", 1.0), ("No collar and no name", 2.0)]
)
def test_a_reply_of_one_word_does_not_say_what_it_rests_on(talk, store, reply, strength):
    said = "My dog has no collar and no name."
    talk().say(said)
    answer = talk(lambda _: reply, thread="another").say("Is my dog a cat?")
    assert said in [source["quote"] for source in answer["sources"]]
    assert own(store)[said].strength == strength


def test_an_empty_reply_is_no_message_and_roles_stay_in_turn(talk):
    replies = iter(["Ada Kern", "", "", "Hello"])
    one = talk(lambda _: next(replies))
    for text in ("Who built the mill at Teskow?", "xyzzy?", "plugh?"):
        one.say(text)
    prompt = prompt_for([], "hello?", one.threads.turns(one.context), "")
    assert [role for role, _ in prompt] == ["system", "user", "assistant", "user"]
    assert prompt[-1][1] == "xyzzy?\n\nplugh?\n\nhello?"
    one.say("hello?")
    assert one.model.asked[-1] == "\n".join(text for _, text in prompt)


@pytest.mark.parametrize(
    ("question", "reply"),
    [("Write to ada@example.org.", "Ada Kern"), ("Whom do I write to?", "To ada@example.org.")],
)
def test_a_turn_is_withheld_for_what_either_side_says(home, store, talk, question, reply):
    store.close()
    options = StoreOptions(screen=PatternScreen(), screening="refuse")
    memory = HomeMemory(home, HashEmbedder, reading=lambda: options, writing=options)
    one = talk(lambda _: reply, memory=memory)
    assert one.say(question)["reply"] == reply
    assert one.told("withheld")
    assert one.turns() == []
    assert own(memory.reading()) == {}
    memory.close()
