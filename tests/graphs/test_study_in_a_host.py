"""The study graph and the consolidation graph inside a host's graph with a state of its own."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypedDict

import pytest
from bridge import memories
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from ingrained.agent.testing import ScriptedModel
from ingrained.errors import InputError
from ingrained.graphs import (
    StudyContext,
    StudyPolicy,
    build_consolidation_graph,
    build_study_graph,
    open_study,
)
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.recipe import LoraRecipe

both = pytest.mark.parametrize("asynchronous", [False, True])


class HostState(TypedDict, total=False):
    """A host's own keys, and one that it shares with the study's output."""

    question: str
    answer: str
    kept: int


def answer(state: HostState, runtime: Runtime[StudyContext]) -> HostState:
    (found,) = runtime.context.store.recall(state["question"], k=1)
    return {"answer": found.memory.text}


def host(**compiled: Any) -> Any:
    """A graph that studies, then answers: the study is a node of it."""
    builder = StateGraph(HostState, context_schema=StudyContext)
    builder.add_node("study", build_study_graph().compile())
    builder.add_node(answer)
    builder.add_edge(START, "study")
    builder.add_edge("study", "answer")
    builder.add_edge("answer", END)
    return builder.compile(**compiled)


def opened(home: Path, corpus: Path, model: ScriptedModel) -> Any:
    return open_study(
        Settings(home=home), (corpus,), StudyPolicy(), model=model, embedder=HashEmbedder()
    )


ASKED: HostState = {"question": "Who built the Orlan Bridge?"}


@both
def test_a_study_is_a_node_and_leaves_only_what_the_host_declares(
    home: Path, corpus: Path, model: ScriptedModel, asynchronous: bool
):
    with opened(home, corpus, model) as context:
        graph = host()
        if asynchronous:
            state = asyncio.run(graph.ainvoke(ASKED, context=context))
        else:
            state = graph.invoke(ASKED, context=context)

    assert state.keys() == {"question", "answer", "kept"}
    assert state["kept"] == len(memories(home)) > 0
    assert state["answer"].startswith("Mara Vint built the Orlan Bridge")


def test_its_steps_are_in_the_checkpoints_of_the_host_which_goes_on_with_them(
    home: Path, corpus: Path, model: ScriptedModel
):
    saver, config = InMemorySaver(), RunnableConfig(configurable={"thread_id": "1"})

    def stop(event: dict[str, Any]) -> None:
        if (event["phase"], event.get("event")) == ("remember", "start"):
            raise KeyboardInterrupt

    with opened(home, corpus, model) as context:
        stopping = dataclasses.replace(context, listener=stop)
        with pytest.raises(KeyboardInterrupt):
            host(checkpointer=saver).invoke(ASKED, config, context=stopping, durability="sync")
        assert context.store.list() == []
    with opened(home, corpus, model) as context:
        heard: list[dict[str, Any]] = []
        again = dataclasses.replace(context, listener=heard.append)
        state = host(checkpointer=saver).invoke(None, config, context=again, durability="sync")

    assert "read" not in [event["phase"] for event in heard]
    assert state.keys() == {"question", "answer", "kept"}
    assert state["kept"] == len(memories(home)) > 0


def test_a_host_with_a_context_of_its_own_calls_it_from_a_node(
    home: Path, corpus: Path, model: ScriptedModel
):
    class HostContext(TypedDict):
        user_id: str

    with opened(home, corpus, model) as context:
        study = build_study_graph().compile()

        def learn(state: HostState, runtime: Runtime[HostContext]) -> HostState:
            assert runtime.context["user_id"] == "ada"
            return {"kept": study.invoke({"round": 0}, context=context)["kept"]}

        builder = StateGraph(HostState, context_schema=HostContext)
        builder.add_node(learn)
        builder.add_edge(START, "learn")
        graph = builder.compile(checkpointer=InMemorySaver())
        config = RunnableConfig(configurable={"thread_id": "1"})
        state = graph.invoke(ASKED, config, context={"user_id": "ada"})

    assert state == {**ASKED, "kept": len(memories(home))}


def test_the_progress_of_a_study_is_on_the_host_s_custom_stream(
    home: Path, corpus: Path, model: ScriptedModel
):
    with opened(home, corpus, model) as context:
        parts = host().stream(ASKED, context=context, stream_mode="custom", subgraphs=True)
        phases = {event["phase"] for _, event in parts}

    assert {"plan", "read", "quiz", "remember", "examine"} <= phases


@pytest.fixture
def trainable(learnt: StudyContext) -> StudyContext:
    recipe = LoraRecipe(
        rank=2, alpha=4, first_layer=1, epochs=1, batch_rows=16, batch_tokens=8192, replay=0
    )
    return dataclasses.replace(learnt, recipe=recipe)


def test_a_consolidation_needs_no_study_around_it(trainable: StudyContext):
    result = build_consolidation_graph().compile().invoke({}, context=trainable)

    assert result.keys() == {"adapter", "known_adapter", "consolidated", "documents_then", "spent"}
    assert trainable.registry.show(result["adapter"]).memory_ids


def test_as_a_node_it_neither_reads_nor_changes_the_host_s_state(trainable: StudyContext):
    """A key of the host's that a study happens to use as well is its own."""

    class State(TypedDict, total=False):
        adapter: str
        batch: str
        stop: str

    builder = StateGraph(State, context_schema=StudyContext)
    builder.add_node("consolidate", build_consolidation_graph().compile())
    builder.add_edge(START, "consolidate")
    mine: State = {"batch": "nightly", "stop": "at noon"}
    state = builder.compile().invoke(mine, context=trainable)

    assert state == {**mine, "adapter": trainable.registry.list()[-1].version}


@pytest.mark.parametrize("graph", [build_study_graph, build_consolidation_graph])
def test_without_its_own_context_it_says_what_it_needs(graph: Any):
    """The first mistake of whoever plugs it in."""
    for context, name in ((None, "NoneType"), (SimpleNamespace(user="ada"), "SimpleNamespace")):
        with pytest.raises(InputError, match=rf"needs a StudyContext .* not {name}") as caught:
            graph().compile().invoke({"round": 0}, context=context)
        assert "open_study" in caught.value.hint
