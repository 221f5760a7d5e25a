"""The compiled graphs, and the chat as a node of a host's graph."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from chat_talk import DOG, NOON
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import (
    ChatContext,
    compile_chat_graph,
    compile_consolidation_graph,
    compile_study_graph,
)


class Host(TypedDict, total=False):
    answer: dict[str, Any]


def test_the_chat_keeps_its_turns_as_a_node_and_apart_by_thread():
    host = StateGraph(Host, context_schema=ChatContext)
    host.add_node("chat", compile_chat_graph())
    host.add_edge(START, "chat")
    graph = host.compile(checkpointer=InMemorySaver())
    model = ScriptedModel(script=lambda prompt: "Rex" if DOG in prompt else "I don't know.")
    context = ChatContext(asker=Asker(model), clock=lambda: NOON)

    def say(text: str, thread: str) -> str:
        asked = dataclasses.replace(context, question=text)
        config: Any = {"configurable": {"thread_id": thread}}
        return str(graph.invoke({}, config, context=asked)["answer"]["reply"])

    say(DOG, "1")
    assert say("And what is its name?", "1") == "Rex"
    assert say("And what is its name?", "2") != "Rex"


@pytest.mark.parametrize(
    "compiled", [compile_chat_graph, compile_consolidation_graph, compile_study_graph]
)
def test_the_options_of_compile_are_passed_on(compiled):
    graph = compiled(checkpointer=InMemorySaver(), name="mine")
    assert isinstance(graph.checkpointer, InMemorySaver)
    assert graph.name == "mine"
