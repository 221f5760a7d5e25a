"""A purge reaches what was said in conversations, and no other conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.chat import ChatContext, OpenStore, open_threads
from ingrained.graphs.erasing import Erasure, erase, prove
from ingrained.graphs.erasing_threads import drop_conversations
from ingrained.graphs.session import Home
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder

MADE = "Mara Vint built the Orlan Bridge in 1402."


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def study(home: Home, text: str) -> None:
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        store.insert([Memory(id="", text=text)], who="study", why="a test")


def purge(home: Home, text: str, user: str | None = None) -> Erasure:
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        known = store.list(status=None, namespace=("user", user) if user else None)
        (id_,) = (one.id for one in known if one.text == text)
        return erase(home, store, [id_], who="me", why="asked to")


def talk(
    home: Home, thread: str, *said: str, reply: str = "I don't know.", user: str = "me"
) -> None:
    """Leave a conversation, and the memories of what was said in it."""
    model = ScriptedModel(script=lambda _: reply)
    with MemoryStore.open(home.path, HashEmbedder()) as store, open_threads(home) as threads:
        context = ChatContext(asker=Asker(model), memory=OpenStore(store), thread=thread, user=user)
        for text in said:
            threads.ask(text, context)


def test_a_conversation_in_which_it_was_said_is_dropped_and_others_stay(home):
    study(home, MADE)
    talk(home, "one", "Who built it?", reply=MADE)
    talk(home, "two", "Who paid for it?")
    assert purge(home, MADE).conversations == 1
    assert prove(home, [MADE]).absent
    assert conversations(home, "me") == {"me": ["two"]}


def test_what_the_user_said_can_be_purged(home):
    said = "My dog is called Rex."
    talk(home, "one", said)
    assert purge(home, said).conversations == 1
    assert prove(home, [said]).absent


def conversations(home: Home, *users: str) -> dict[str, list[str]]:
    with open_threads(home) as threads:
        return {user: threads.names(user) for user in users}


def test_what_was_said_twice_in_other_marks_goes_from_both_conversations(home):
    talk(home, "one", "My dog is called Rex.")
    talk(home, "two", "My dog is called Rex!")
    talk(home, "three", "My cat is called Tom.")
    assert purge(home, "My dog is called Rex.").conversations == 2
    assert conversations(home, "me") == {"me": ["three"]}


def test_a_short_text_drops_the_conversation_in_which_it_was_all_that_was_said(home):
    talk(home, "one", "hi", user="ada")
    talk(home, "two", "What is the history of this heron?", user="bob")
    talk(home, "three", "hi", user="carl")
    assert purge(home, "hi", user="ada").conversations == 1
    assert conversations(home, "ada", "bob", "carl") == {
        "ada": [], "bob": ["two"], "carl": ["three"],
    }  # fmt: skip


@pytest.mark.parametrize("word", ["user", "step", "msgpack", "turns", "channel_values"])
def test_what_a_checkpointer_calls_its_things_is_not_what_was_said(home, word):
    talk(home, "one", "this and that")
    assert drop_conversations(home, [word]) == 0
    assert drop_conversations(home, ["This and that"]) == 1


def test_a_text_inside_of_a_word_goes_too_as_the_proof_would_find_it(home):
    talk(home, "one", "Did the new mill at Teskow cost 17020 crowns?")
    assert drop_conversations(home, ["the new mill at Teskow cost 1702"]) == 1
