"""Whose memory a call touches is said by the application, in one of two places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from ingrained.errors import InputError
from ingrained.graphs.chat import ChatContext
from ingrained.graphs.context import StudyContext
from ingrained.graphs.identity import namespace_of
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder

MINE = ("team", "mine")


@dataclass(frozen=True)
class Context:
    user_id: object = None
    namespace: object = None


@pytest.mark.parametrize(
    ("context", "configured", "expected"),
    [
        (Context(user_id="ada"), {}, ("user", "ada")),
        ({"user_id": "ada"}, {}, ("user", "ada")),
        (None, {"user_id": "ada"}, ("user", "ada")),
        (Context(namespace=("team", "a")), {}, ("team", "a")),
        ({"namespace": ["team", "a"]}, {}, ("team", "a")),
        (None, {"namespace": "team"}, ("team",)),
        (Context(namespace=("team", "a"), user_id="ada"), {}, ("team", "a")),
        (Context(user_id=7), {}, ("user", "7")),
        (Context(user_id=UUID(int=7)), {}, ("user", "00000000-0000-0000-0000-000000000007")),
        (None, {}, MINE),
        ({"tenant": None}, {"thread_id": "1"}, MINE),
        ("a context of another kind", {}, MINE),
    ],
)
def test_it_is_read_from_the_context_then_from_the_configuration(context, configured, expected):
    assert namespace_of(context, {"configurable": configured}, MINE) == expected


def test_a_client_that_chooses_the_configuration_cannot_overrule_the_context():
    chosen = {"configurable": {"user_id": "bob", "namespace": ("user", "bob")}}

    assert namespace_of(Context(user_id="ada"), chosen, MINE) == ("user", "ada")


def test_the_context_of_a_study_hides_nobody():
    """Its namespace is where studied things go, and is no caller's."""
    context = StudyContext(asker=None, store=None, library=None, registry=None)
    assert namespace_of(context, {"configurable": {"user_id": "ada"}}, MINE) == ("user", "ada")
    assert namespace_of(context, {}, MINE) == MINE


def test_the_context_of_a_conversation_says_who_talks():
    chosen = {"configurable": {"user_id": "bob"}}
    assert namespace_of(ChatContext(asker=None, user="ada"), chosen, MINE) == ("user", "ada")


def test_without_a_configuration_it_is_the_default():
    assert namespace_of(None, {}, MINE) == MINE


@pytest.mark.parametrize(
    "context",
    [
        Context(user_id=""),
        Context(user_id=["ada"]),
        Context(user_id=True),
        Context(namespace=()),
        Context(namespace=("team", "")),
        Context(namespace={"team": 1}),
        Context(namespace=7),
        Context(),
        {"user_id": None},
        {"namespace": None},
        {"namespace": None, "user_id": "ada"},
        {"namespace": "team", "user_id": None},
    ],
)
def test_what_names_nobody_is_refused_and_not_taken_for_the_default(context):
    with pytest.raises(InputError) as refused:
        namespace_of(context, {"configurable": {}}, MINE)

    assert "user_id" in refused.value.hint


@pytest.mark.parametrize("anonymous", [Context(), {"user_id": None}, {"namespace": None}])
def test_an_anonymous_request_is_not_for_whom_the_client_chose(anonymous):
    with pytest.raises(InputError, match="cannot be None"):
        namespace_of(anonymous, {"configurable": {"user_id": "eve"}}, MINE)


@pytest.mark.parametrize("name", ["user_id", "namespace"])
def test_none_in_the_configuration_is_not_the_default_either(name):
    with pytest.raises(InputError, match="cannot be None"):
        namespace_of(None, {"configurable": {name: None}}, MINE)


def test_ids_that_look_alike_are_kept_apart(tmp_path: Path):
    users = ["ada@example.org", "ada.example@org", "ada@example", "ada", "users/ada", "a.d.a"]
    spaces = [namespace_of({"user_id": user}, {}, MINE) for user in users]
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        for user, space in zip(users, spaces, strict=True):
            told = Memory(id="", text=f"The fox of {user} is red.", namespace=space)
            store.insert([told], who="test", why="a test")
        for user, space in zip(users, spaces, strict=True):
            (found,) = store.recall("Whose fox is red?", namespace=space)
            assert found.memory.text == f"The fox of {user} is red."
