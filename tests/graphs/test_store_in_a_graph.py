"""A small LangGraph application: its store is swapped for ChromaStore, and nothing else is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from ingrained.memory import ChromaStore
from ingrained.memory.store_conformance import INDEX


class State(TypedDict, total=False):
    said: str
    known: list[str]


class Context(TypedDict):
    user: str


def remember(state: State, runtime: Runtime[Context]) -> State:
    assert runtime.store is not None
    runtime.store.put((runtime.context["user"], "notes"), state["said"], {"text": state["said"]})
    return {}


async def recall(state: State, runtime: Runtime[Context]) -> State:
    assert runtime.store is not None
    found = await runtime.store.asearch((runtime.context["user"],), query=state["said"], limit=2)
    return {"known": [item.value["text"] for item in found]}


def application(store: BaseStore) -> Any:
    builder = StateGraph(State, context_schema=Context)
    builder.add_node(remember)
    builder.add_node(recall)
    builder.add_edge(START, "remember")
    builder.add_edge("remember", "recall")
    builder.add_edge("recall", END)
    return builder.compile(store=store, checkpointer=InMemorySaver())


def conversation(store: BaseStore, *, user: str, said: list[str]) -> list[str]:
    app = application(store)

    async def talk() -> list[str]:
        for text in said:
            config = {"configurable": {"thread_id": text}}
            state = await app.ainvoke({"said": text}, config, context={"user": user})
        known: list[str] = state["known"]
        return known

    return asyncio.run(talk())


SAID = ["the red fox", "a blue whale", "an owl at night", "red fox again"]


def test_the_application_behaves_the_same_on_either_store(tmp_path: Path):
    expected = conversation(InMemoryStore(index=INDEX), user="ada", said=SAID)
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert conversation(store, user="ada", said=SAID) == expected


def test_what_it_remembers_is_there_after_a_restart_and_for_its_user_only(tmp_path: Path):
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        conversation(store, user="ada@example.org", said=SAID)
        conversation(store, user="bob@example.org", said=["bob's fox"])
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        known = conversation(store, user="ada@example.org", said=["red fox"])
        assert known == ["red fox", "the red fox"]
        assert conversation(store, user="bob@example.org", said=["fox"]) == ["fox", "bob's fox"]


@tool
def save_note(text: str, runtime: ToolRuntime) -> str:
    """Save a note."""
    assert runtime.store is not None
    runtime.store.put(("notes", "paper.pdf"), text, {"text": text})
    return "saved"


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_tools_of_an_agent_reach_it(tmp_path: Path, asynchronous: bool):
    call = {"name": "save_note", "args": {"text": "the red fox"}, "id": "1", "type": "tool_call"}
    replies = [AIMessage("", tool_calls=[call]), AIMessage("Done.")]
    asked = {"messages": [{"role": "user", "content": "Note the red fox."}]}
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        agent = create_agent(Scripted(messages=iter(replies)), [save_note], store=store)
        state = asyncio.run(agent.ainvoke(asked)) if asynchronous else agent.invoke(asked)
        assert state["messages"][-1].content == "Done."
        assert store.search(("notes",), query="fox")[0].value == {"text": "the red fox"}
