"""What the model is shown in a conversation, and what it cites."""

from __future__ import annotations

from pathlib import Path

import pytest
from chat_talk import FERRY, MILL

from ingrained.agent.asking import Asker
from ingrained.agent.chatting import Conversation
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import InputError
from ingrained.graphs.chat import (
    ChatContext,
    OpenStore,
    build_chat_graph,
)
from ingrained.memory import Memory, Span
from ingrained.memory.records import sha256


@pytest.mark.parametrize("cell", ["base", "memory"])
@pytest.mark.parametrize("question", ["Who built the mill at Teskow?", "xyzzy?"])
def test_a_first_question_is_asked_as_ask_asks_it(talk, store, cell, question):
    first = talk(cell=cell)
    first.say(question)
    alone = ScriptedModel(script=lambda _: "Ada Kern")
    Conversation(Asker(alone), store, adapter=None, cell=cell).answer(question)
    assert first.model.asked == alone.asked


def test_the_last_turns_stand_in_the_prompt_word_for_word(talk):
    one = talk()
    one.say("Who built the mill at Teskow?")
    one.say("Who paid for the ferry of Orrelsund?")
    prompt = one.model.asked[-1]
    assert "\nWho built the mill at Teskow?\nAda Kern\n" in prompt
    assert prompt.endswith("Question: Who paid for the ferry of Orrelsund?")


def test_a_question_that_stands_by_itself_is_asked_as_ask_asks_it_if_something_studied_fits(
    talk, store
):
    span = Span(
        document="ferry.md", version="", start=0, end=len(FERRY), quote=FERRY, quote_sha256=sha256(FERRY)
    )  # fmt: skip
    store.insert([Memory(id="", text=FERRY, spans=(span,))], who="study", why="a test")
    one = talk()
    one.say("Who built the mill at Teskow?")
    one.say("Who paid for the ferry of Orrelsund?")
    assert "Who built the mill" not in one.model.asked[-1]
    one.say("And who is he?")
    assert "\nWho paid for the ferry of Orrelsund?\nAda Kern\n" in one.model.asked[-1]


def test_a_question_that_leans_on_the_turn_before_is_searched_with_it(talk):
    one = talk()
    one.say("Who built the mill at Teskow?")
    one.say("And when was that?")
    assert f"[1] {MILL}" in one.model.asked[-1]
    assert one.model.asked[-1].endswith("Question: And when was that?")


def test_what_answered_the_turn_before_does_not_come_back_for_what_is_asked_now(talk, store):
    born = "Kern was born in Lorne, in the house of a bell founder."
    store.insert([Memory(id="", text=born, strength=30.0)], who="study", why="a test")
    one = talk(lambda _: MILL)
    one.say("Who built the mill at Teskow?")
    one.say("And where was she born, in whose house?")
    assert f"[1] {born}" in one.model.asked[-1]


def test_what_only_tells_something_is_not_searched_with_the_turn_before(talk):
    one = talk()
    one.say("Who built the mill at Teskow?")
    assert one.say("My umbrella is green.")["sources"] == ()


def test_a_question_that_finds_nothing_alone_is_searched_with_the_turn_before(talk):
    one = talk()
    one.say("Who paid for the ferry of Orrelsund?")
    answer = one.say("How much money?")
    assert [source["quote"] for source in answer["sources"]] == [FERRY]


# With an adapter


class Adaptable(ScriptedModel):
    """Scripted, and able to switch adapters."""

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        """Take any."""


@pytest.fixture
def adaptable(tmp_path: Path) -> Asker:
    asker = Asker(Adaptable(script=lambda _: "Ada Kern"))
    asker.load_adapter("v001", tmp_path, strength_beside_notes=0.25)
    return asker


@pytest.mark.parametrize(
    ("cell", "used"),
    [("base", None), ("memory", None), ("adapter", "v001"), ("both", "v001_beside_notes")],
)
def test_the_adapter_is_used_as_for_a_single_question(talk, adaptable, cell, used):
    one = talk(asker=adaptable, adapter="v001", cell=cell)
    answer = one.say("Who built the mill at Teskow?")
    assert [options["adapter"] for options in adaptable.model.options] == [used]
    assert answer["adapter"] == ("v001" if used else None)
    assert [event["text"] for event in one.told("piece")] == ["Ada Kern"]


def test_beside_notes_a_short_reply_may_also_stand_in_the_last_turns(talk, adaptable):
    one = talk(asker=adaptable, adapter="v001", cell="both")
    adaptable.model.script = lambda _: "Nobody"
    one.say("Who built the mill at Teskow?")
    assert len(adaptable.model.asked) == 2, "it stands in no note: the base is asked"
    one.say("Who paid for the ferry of Orrelsund?")
    assert len(adaptable.model.asked) == 3, "it stands in the turn before"


# What is cited


def test_a_number_that_was_not_shown_is_taken_out_and_told(talk):
    one = talk(lambda _: "Ada Kern [1] and Tobin Ashe [7].")
    answer = one.say("Who built the mill at Teskow?")
    assert answer["reply"] == "Ada Kern [1] and Tobin Ashe."
    assert "".join(event["text"] for event in one.told("piece")) == answer["reply"]
    (told,) = one.told("answered")
    assert told["unknown"] == [7]
    assert one.turns()[-1][1] == "Ada Kern and Tobin Ashe.", "numbers mean nothing later"


def test_what_is_answered_from_the_weights_keeps_its_brackets(talk):
    one = talk(lambda _: "Write numbers[7].", cell="base")
    assert one.say("How do I read the eighth number?")["reply"] == "Write numbers[7]."


def test_it_abstains_as_a_single_question_does(talk):
    answer = talk(lambda _: "I don't know.").say("Who is the moon?")
    assert answer["abstained"]


# For hosts


def test_a_host_compiles_it_as_it_likes(store):
    graph = build_chat_graph().compile()
    context = ChatContext(
        asker=Asker(ScriptedModel(script=lambda _: "Ada Kern")),
        memory=OpenStore(store),
        question="Who built the mill at Teskow?",
    )
    pieces = graph.stream({}, context=context, stream_mode="custom")
    assert [one["text"] for one in pieces if one["event"] == "piece"] == ["Ada Kern"]


def test_it_does_without_a_memory():
    graph = build_chat_graph().compile()
    model = ScriptedModel(script=lambda _: "Hello")
    context = ChatContext(asker=Asker(model), question="Who built the mill?")
    done = graph.invoke({}, context=context)
    assert done["answer"]["reply"] == "Hello"
    assert done["answer"]["sources"] == ()


def test_without_its_own_context_it_says_what_it_needs():
    with pytest.raises(InputError, match=r"needs a ChatContext .* not NoneType") as caught:
        build_chat_graph().compile().invoke({})
    assert "question=" in caught.value.hint
