"""A person approves before a memory is replaced or forgotten."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from bridge import Killed, dying
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from plugged import ADA, calling, put, saying, texts, tool_graph
from pydantic import ValidationError

from ingrained.graphs import IngrainedMiddleware, memory_tools
from ingrained.graphs.approving import Proposal, refusal
from ingrained.memory import MemoryStore
from ingrained.memory.store import StoreOptions
from ingrained.memory.testing import HashEmbedder

FOX = "Ada keeps a fox."
WOLF = "Ada keeps a wolf."
THREAD: Any = {"configurable": {"thread_id": "1"}}


class Host:
    """An agent whose first reply calls these tools, with a checkpointer."""

    def __init__(self, store: MemoryStore, *calls: AIMessage) -> None:
        tools = memory_tools(store, approve=True)
        self._graph = create_agent(saying(*calls, "Done."), tools, checkpointer=InMemorySaver())

    def go(self, given: Any) -> Any:
        return self._graph.invoke(given, THREAD, context=ADA)

    async def ago(self, given: Any) -> Any:
        return await self._graph.ainvoke(given, THREAD, context=ADA)

    def ask(self) -> Any:
        """Return the only question that the agent is interrupted by."""
        (interrupt,) = self.go({"messages": [("user", "Go on.")]})["__interrupt__"]
        return interrupt

    @property
    def waiting(self) -> Any:
        return self._graph.get_state(THREAD).interrupts


def decision(asked: Any, *, approved: bool) -> Command[Any]:
    return Command(resume={"approved": approved, "change": asked.value["change"]})


def test_the_change_is_shown_and_nothing_is_done_before_it_is_approved(store: MemoryStore):
    old = put(store, FOX)
    events = len(store.events())
    host = Host(store, calling("remember", text=WOLF, replaces=old))
    asked = host.ask()

    assert asked.value | {"change": ""} == {
        "action": "replace", "memory": old, "old": FOX, "new": WOLF, "change": "",
    }  # fmt: skip
    assert set(asked.response_schema["required"]) == {"approved", "change"}
    assert len(store.events()) == events

    said = host.go(decision(asked, approved=True))["messages"]
    assert said[-2].content.startswith("Remembered as memory")
    assert texts(store) == [WOLF]
    assert store.get(old).status == "superseded"


def test_what_is_rejected_is_not_done_and_the_model_is_told(store: MemoryStore):
    old = put(store, FOX)
    host = Host(store, calling("forget", memory_id=old))
    asked = host.ask()
    said = host.go(decision(asked, approved=False))["messages"]

    assert (asked.value["action"], asked.value["new"]) == ("forget", None)
    assert said[-2].content == "The user rejected this change. Nothing was changed."
    assert texts(store) == [FOX]


@pytest.mark.parametrize(
    "answer",
    [
        True,
        "yes",
        {"approved": True},
        {"approved": "yes", "change": "1"},
        {"approve": True, "change": "1"},
    ],
)
def test_an_invalid_answer_changes_nothing_and_the_question_stays_open(store: MemoryStore, answer):
    old = put(store, FOX)
    host = Host(store, calling("forget", memory_id=old))
    asked = host.ask()
    with pytest.raises(ValidationError):
        host.go(Command(resume=answer))

    assert texts(store) == [FOX]
    assert [one.id for one in host.waiting] == [asked.id]
    host.go(decision(asked, approved=True))
    assert texts(store) == []


def test_what_is_new_needs_no_approval(store: MemoryStore):
    host = Host(store, calling("remember", text=FOX))
    assert "__interrupt__" not in host.go({"messages": [("user", "Go on.")]})
    assert texts(store) == [FOX]


def test_it_is_asked_asynchronously_too(store: MemoryStore):
    old = put(store, FOX)
    host = Host(store, calling("forget", memory_id=old))

    async def talk() -> None:
        (asked,) = (await host.ago({"messages": [("user", "Go on.")]}))["__interrupt__"]
        assert texts(store) == [FOX]
        await host.ago(decision(asked, approved=True))

    asyncio.run(talk())
    assert texts(store) == []


def test_an_approval_is_of_the_text_that_was_shown(store: MemoryStore):
    """The memory may change while a person is thinking."""
    old = put(store, FOX)
    host = Host(store, calling("forget", memory_id=old))
    asked = host.ask()
    changed = dataclasses.replace(store.get(old), text=WOLF)
    store.update(changed, who="test", why="somebody else was faster")
    said = host.go(decision(asked, approved=True))["messages"]

    assert said[-2].content.startswith("What was approved is another change than this one.")
    assert texts(store) == [WOLF]


def test_an_id_that_the_model_used_before_is_not_taken_for_an_approval(store: MemoryStore):
    old = put(store, FOX)
    wolf = calling("remember", id="1", text=WOLF, replaces=old)
    host = Host(store, wolf, calling("remember", id="1", text="Ada keeps a bear.", replaces=old))
    said = host.go(decision(host.ask(), approved=True))["messages"]

    assert said[-2].content.startswith(f"Memory {old} is superseded and holds no longer.")
    assert texts(store) == [WOLF]


def test_what_somebody_else_forgot_meanwhile_is_not_forgotten_again(store: MemoryStore):
    old = put(store, FOX)
    host = Host(store, calling("forget", memory_id=old))
    asked = host.ask()
    store.forget([old], who="test", why="somebody else was faster")
    said = host.go(decision(asked, approved=True))["messages"]

    assert said[-2].content == f"Memory {old} was forgotten before. Nothing was changed."


def test_two_changes_of_one_node_are_each_made_once_by_their_own_approval(store: MemoryStore):
    """A ToolNode of one's own runs all calls of a message again, each time that it is resumed."""
    fox, sails = put(store, FOX), put(store, "Ada sails on Sundays.")
    calls = [
        *calling("forget", memory_id=fox, id="1").tool_calls,
        *calling("forget", memory_id=sails, id="2").tool_calls,
        *calling("remember", text="Ada rows.", id="3").tool_calls,
    ]
    graph = tool_graph(memory_tools(store, approve=True), checkpointer=InMemorySaver())
    one_by_one: Any = {**THREAD, "max_concurrency": 1}

    def go(given: Any) -> Any:
        return graph.invoke(given, one_by_one, context=ADA)

    (first,) = go({"messages": [AIMessage("", tool_calls=calls)]})["__interrupt__"]
    (second,) = go(decision(first, approved=True))["__interrupt__"]
    assert [first.value["old"], second.value["old"]] == [FOX, "Ada sails on Sundays."]
    said = [message.content for message in go(decision(second, approved=False))["messages"][1:]]

    assert texts(store) == ["Ada sails on Sundays.", "Ada rows."]
    assert said[0].startswith("Forgot memory")
    assert said[1].startswith("The user rejected")
    assert said[2].startswith("Remembered as memory")
    assert [event.kind for event in store.events()].count("forget") == 1


def test_what_was_made_is_told_as_made_though_its_node_is_given_answers_in_another_order(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
):
    """Calls that run beside each other ask in any order when their node runs again."""
    fox, sails = put(store, FOX), put(store, "Ada sails on Sundays.")
    asked: list[str] = []

    def mixed_up(proposal: Proposal) -> str:
        asked.append(proposal.memory)
        refused = refusal(proposal)
        others = proposal.memory == fox and asked.count(fox) == 3
        return "What was approved is another change." if others else refused

    monkeypatch.setattr("ingrained.graphs.calls.refusal", mixed_up)
    calls = [
        *calling("forget", memory_id=fox, id="1").tool_calls,
        *calling("forget", memory_id=sails, id="2").tool_calls,
    ]
    graph = tool_graph(memory_tools(store, approve=True), checkpointer=InMemorySaver())
    one_by_one: Any = {**THREAD, "max_concurrency": 1}
    given: Any = {"messages": [AIMessage("", tool_calls=calls)]}
    for _ in range(2):
        (question,) = graph.invoke(given, one_by_one, context=ADA)["__interrupt__"]
        given = decision(question, approved=True)
    said = [one.content for one in graph.invoke(given, one_by_one, context=ADA)["messages"][1:]]

    assert [text.startswith("Forgot memory") for text in said] == [True, True]
    assert [event.kind for event in store.events()].count("forget") == 2


@pytest.mark.parametrize("approve", [False, True])
def test_what_the_store_refuses_unattended_is_not_even_asked(tmp_path, approve):
    options = StoreOptions(unattended={"replace": "refuse"})
    with MemoryStore.open(tmp_path / "strict", HashEmbedder(), options=options) as store:
        old = put(store, FOX)
        calls = calling("remember", text=WOLF, replaces=old), calling("forget", memory_id=old)
        agent = create_agent(saying(*calls, "Done."), memory_tools(store, approve=approve))
        said = agent.invoke({"messages": [("user", "Go on.")]}, context=ADA)["messages"]

        assert said[-4].content == "To replace is switched off here. Nothing was changed."
        assert said[-2].content == "To forget is switched off here. Nothing was changed."
        assert texts(store) == [FOX]


def test_what_the_store_asks_for_is_asked_by_the_middleware_too_though_it_was_not_told_so(tmp_path):
    options = StoreOptions(unattended={"replace": "ask"})
    with MemoryStore.open(tmp_path / "careful", HashEmbedder(), options=options) as store:
        old = put(store, FOX)
        agent = create_agent(
            saying(calling("forget", memory_id=old), "Done."),
            middleware=[IngrainedMiddleware(store)],
            checkpointer=InMemorySaver(),
        )
        state = agent.invoke({"messages": [("user", "Go on.")]}, THREAD, context=ADA)
        (asked,) = state["__interrupt__"]
        assert (asked.value["action"], texts(store)) == ("forget", [FOX])
        agent.invoke(decision(asked, approved=True), THREAD, context=ADA)
        assert texts(store) == []


@pytest.mark.parametrize("after", [False, True])
def test_one_that_is_killed_after_the_answer_replaces_once_when_it_runs_again(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, after
):
    old = put(store, FOX)
    host = Host(store, calling("remember", text=WOLF, replaces=old))
    asked = host.ask()
    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "supersede", dying(MemoryStore.supersede, after=after))
        with pytest.raises(Killed):
            host.go(decision(asked, approved=True))
    host.go(None)

    assert texts(store) == [WOLF]
    assert [event.kind for event in store.history(old)] == ["insert", "supersede"]


def test_the_reason_for_a_rejection_is_handed_on(store: MemoryStore):
    old = put(store, FOX)
    host = Host(store, calling("forget", memory_id=old))
    change = host.ask().value["change"]
    said = host.go(Command(resume={"approved": False, "change": change, "reason": "It is true."}))
    assert said["messages"][-2].content.endswith('They say: "It is true.".')
