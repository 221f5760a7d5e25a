"""A host's agent for the tests of what is plugged into it: it calls what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import BaseTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from ingrained.agent.testing import ScriptedModel
from ingrained.memory import Memory, MemoryStore

ADA = {"user_id": "ada@example.org"}
ADAS = ("user", "ada@example.org")
BOB = {"user_id": "bob@example.org"}


class Context(TypedDict, total=False):
    """What a host says of a run."""

    user_id: Any
    namespace: Any


def calling(name: str, id: str = "1", **args: Any) -> AIMessage:
    """Return a reply that calls one tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": id, "type": "tool_call"}])


def saying(*replies: str | AIMessage) -> ScriptedModel:
    """Return a model that gives these replies one after the other."""
    left = iter(replies)
    return ScriptedModel(script=lambda _prompt: next(left))


def tool_graph(tools: Iterable[BaseTool], **compiled: Any) -> Any:
    """Return a graph of one ToolNode."""
    builder = StateGraph(MessagesState, context_schema=Context)
    builder.add_node("tools", ToolNode(list(tools)))
    builder.add_edge(START, "tools")
    return builder.compile(**compiled)


def called(
    tools: Iterable[BaseTool],
    name: str,
    *,
    context: Any = None,
    config: Any = None,
    asynchronous: bool = False,
    **args: Any,
) -> BaseMessage:
    """Call one tool in a ToolNode and return its message."""
    asked = {"messages": [calling(name, **args)]}
    graph = tool_graph(tools)
    if asynchronous:
        state = asyncio.run(graph.ainvoke(asked, config, context=context))
    else:
        state = graph.invoke(asked, config, context=context)
    message: BaseMessage = state["messages"][-1]
    return message


def run(agent: Any, said: str, *, asynchronous: bool = False, **options: Any) -> Sequence[Any]:
    """Say something to an agent and return the messages of its state."""
    asked = {"messages": [HumanMessage(said)]}
    if asynchronous:
        return list(asyncio.run(agent.ainvoke(asked, **options))["messages"])
    return list(agent.invoke(asked, **options)["messages"])


def put(store: MemoryStore, text: str, namespace: tuple[str, ...] = ADAS, **fields: Any) -> str:
    """Remember a text and return its id."""
    memory = Memory(id="", text=text, namespace=namespace, **fields)
    (kept,) = store.insert([memory], who="test", why="a test")
    return kept.id


def texts(store: MemoryStore, namespace: tuple[str, ...] = ADAS) -> list[str]:
    """Return what is recalled in a namespace."""
    return [memory.text for memory in store.list(namespace=namespace)]
