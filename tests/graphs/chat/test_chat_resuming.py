"""A turn that was cut short goes on, alone and within a host's graph, and no checkpoint holds it."""

from __future__ import annotations

from typing import Any

import pytest
from chat_talk import MILL, NOON
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.chat import ChatContext, OpenStore, build_chat_graph

QUESTION = "Who built the mill at Teskow?"
CONFIG: Any = {"configurable": {"thread_id": "1"}}
NODES = ["answer", "check", "keep", "remember"]


class Host(TypedDict, total=False):
    answer: dict[str, Any]


class FailsOnce:
    """A script whose model is away when it is first asked."""

    def __init__(self) -> None:
        self.fails = True

    def __call__(self, prompt: str) -> str:
        if self.fails:
            self.fails = False
            raise RuntimeError("the model is away")
        return "Ada Kern [1]."


def hosted(chat: Any, saver: InMemorySaver) -> Any:
    host = StateGraph(Host, context_schema=ChatContext)
    host.add_node("chat", chat)
    host.add_edge(START, "chat")
    return host.compile(checkpointer=saver)


def context_of(store: Any, model: ScriptedModel, **options: Any) -> ChatContext:
    given = {"memory": OpenStore(store), "question": QUESTION, "clock": lambda: NOON}
    return ChatContext(asker=Asker(model), **{**given, **options})


@pytest.mark.parametrize("within_a_host", [False, True])
def test_a_turn_that_failed_is_resumed_by_the_host(store, within_a_host):
    saver = InMemorySaver()
    builder = build_chat_graph()
    graph = (
        hosted(builder.compile(), saver) if within_a_host else builder.compile(checkpointer=saver)
    )
    context = context_of(store, ScriptedModel(script=FailsOnce()))
    with pytest.raises(RuntimeError, match="away"):
        graph.invoke({}, CONFIG, context=context)
    state = graph.invoke(None, CONFIG, context=context)
    assert state["answer"]["reply"] == "Ada Kern [1]."
    assert [one["quote"] for one in state["answer"]["sources"]] == [MILL]


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("refine", [False, True])
def test_a_turn_that_was_stopped_goes_on_from_each_node(store, node, refine):
    model = ScriptedModel(script=lambda _: "Ada Kern [1].")
    graph = build_chat_graph().compile(checkpointer=InMemorySaver(), interrupt_before=[node])
    context = context_of(store, model, refine=refine)
    graph.invoke({}, CONFIG, context=context)
    state = graph.invoke(None, CONFIG, context=context)
    assert state["answer"]["question"] == QUESTION
    assert "Ada Kern" in state["answer"]["reply"]
    (turn,) = graph.get_state(CONFIG).values["turns"]
    assert turn["user"] == QUESTION
    assert [one.text for one in store.list(namespace=("user", "me"))] == [QUESTION]


def test_a_turn_that_was_kept_is_not_answered_twice(store):
    model = ScriptedModel(script=lambda _: "Ada Kern [1].")
    graph = build_chat_graph().compile(checkpointer=InMemorySaver(), interrupt_before=["remember"])
    context = context_of(store, model)
    graph.invoke({}, CONFIG, context=context)
    asked = len(model.asked)
    graph.invoke(None, CONFIG, context=context)
    assert len(model.asked) == asked


def test_no_checkpoint_holds_what_a_resumed_turn_found(store):
    saver = InMemorySaver()
    graph = build_chat_graph().compile(checkpointer=saver, interrupt_before=["answer", "keep"])
    context = context_of(store, ScriptedModel(script=lambda _: "Ada Kern [1]."))
    for given in ({}, None):
        graph.invoke(given, CONFIG, context=context)
    assert graph.get_state(CONFIG).next == ("keep",)
    held = repr([saver.storage, saver.writes, saver.blobs])
    assert MILL not in held
    assert QUESTION not in held
