"""Long nodes tell LangGraph that they get on, and stop between two batches or steps when they have to."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from pathlib import Path
from typing import Any, TypedDict

import pytest
from bridge import memories, questions, reader
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphDrained, NodeTimeoutError
from langgraph.graph import START, StateGraph
from langgraph.runtime import RunControl, Runtime
from langgraph.types import TimeoutPolicy

from ingrained.agent.asking import Asker
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.testing import ScriptedModel
from ingrained.agent.watching import watched_config
from ingrained.graphs import (
    StudyContext,
    StudyPolicy,
    build_consolidation_graph,
    build_study_graph,
    open_study,
)
from ingrained.graphs.consolidate import consolidate
from ingrained.graphs.serving import served_study
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model

CONFIG = RunnableConfig(configurable={"thread_id": "1"})


class State(TypedDict, total=False):
    kept: int
    adapter: str


class Counting:
    """A watch that counts."""

    def __init__(self) -> None:
        self.begun = self.beaten = 0

    def begins(self) -> None:
        self.begun += 1

    def beats(self) -> None:
        self.beaten += 1


def opened(home: Path, corpus: Path, script: Any = reader) -> Any:
    return open_study(
        Settings(home=home), (corpus,), StudyPolicy(sealed_share=0.5),
        model=ScriptedModel(script=script), embedder=HashEmbedder(),
    )  # fmt: skip


def hosted(node: Any, timeout: TimeoutPolicy | None = None, **compiled: Any) -> Any:
    builder = StateGraph(State, context_schema=StudyContext)
    builder.add_node("within", node, timeout=timeout)
    builder.add_edge(START, "within")
    return builder.compile(**compiled)


def slowly(prompt: str) -> str:
    time.sleep(0.03)
    return reader(prompt)


def test_an_idle_time_out_is_not_tripped_by_a_batch_that_takes_longer(home: Path, corpus: Path):
    """Only heartbeats count here, and each prompt that has its reply is one."""
    strict = TimeoutPolicy(idle_timeout=0.25, refresh_on="heartbeat")
    with opened(home, corpus, slowly) as context:
        graph = hosted(build_study_graph().compile(), strict)
        seconds: list[float] = []
        heard = dataclasses.replace(
            context, listener=lambda event: seconds.append(event.get("seconds", 0))
        )
        state = asyncio.run(graph.ainvoke({}, context=heard))
    assert state["kept"] > 0
    assert max(seconds) > 0.25


def test_a_model_that_hangs_is_timed_out(home: Path, corpus: Path):
    """The beats are of what gets done, not of a clock."""
    strict = TimeoutPolicy(idle_timeout=0.25, refresh_on="heartbeat")
    hung: list[int] = []

    def hang(prompt: str) -> str:
        if not hung:
            hung.append(1)
            time.sleep(0.8)
        return reader(prompt)

    with opened(home, corpus, hang) as context:
        graph = hosted(build_study_graph().compile(), strict)
        with pytest.raises(NodeTimeoutError):
            asyncio.run(graph.ainvoke({}, context=context))


def test_our_own_model_beats_within_a_batch(tmp_path: Path):
    model = IngrainedChat.load(make_tiny_model(tmp_path / "tiny"))
    watch, told = Counting(), []
    model = model.model_copy(update={"progress": lambda done, of: told.append((done, of))})
    asker = Asker(model).watched_by(watch)
    asker.ask([(("user", text),) for text in ("one", "two", "three")], phase="ask", max_tokens=4)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert watch.begun == 1
    # Three that begin, three that are finished while the others go on, three replies at the end.
    assert watch.beaten == 9
    model.close()


def test_who_listens_to_the_run_hears_of_the_models_calls_as_before():
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.runnables import RunnableLambda

    class Tracer(BaseCallbackHandler):
        ends = 0

        def on_llm_end(self, *_: Any, **__: Any) -> None:
            self.ends += 1

    watch, tracer = Counting(), Tracer()
    model = ScriptedModel(script={})

    def call(_: object) -> object:
        return model.invoke([HumanMessage("Hm?")], watched_config(watch))

    RunnableLambda(call).invoke(None, {"callbacks": [tracer]})
    assert (tracer.ends, watch.beaten) == (1, 2)


@pytest.mark.parametrize("within_a_host", [False, True])
def test_a_study_that_is_drained_stops_before_the_next_batch_and_goes_on_to_the_same(
    tmp_path: Path, corpus: Path, within_a_host: bool
):
    home, control, phases, asked = tmp_path / "home", RunControl(), [""], []
    saver = InMemorySaver()

    def script(prompt: str) -> str:
        asked.append(prompt)
        if phases[-1] == "attempt":
            control.request_drain("the machine is wanted")
        return reader(prompt)

    def graph() -> Any:
        if within_a_host:
            return hosted(build_study_graph().compile(), checkpointer=saver)
        return build_study_graph().compile(checkpointer=saver)

    with opened(home, corpus, script) as context:
        heard = dataclasses.replace(context, listener=lambda event: phases.append(event["phase"]))
        with pytest.raises(GraphDrained, match="the machine is wanted"):
            graph().invoke({}, CONFIG, context=heard, control=control)
        first = len(asked)
        assert phases[-1] == "attempt"
        assert graph().get_state(CONFIG).next == (("within",) if within_a_host else ("attempt",))
        assert context.store.list() == []
        state = graph().invoke(None, CONFIG, context=heard)
        assert asked[first] in asked[:first]
    with opened(tmp_path / "undisturbed", corpus) as context:
        calm = build_study_graph().compile().invoke({}, context=context)
    assert state["kept"] == calm["kept"] > 0
    assert memory_texts(home) == memory_texts(tmp_path / "undisturbed")
    assert questions(home) == questions(tmp_path / "undisturbed")


def memory_texts(home: Path) -> list[str]:
    return [one.text for one in memories(home)]


@pytest.fixture
def trainable(learnt: StudyContext) -> StudyContext:
    recipe = LoraRecipe(
        rank=2, alpha=4, first_layer=1, epochs=4, batch_rows=4, batch_tokens=8192, replay=0
    )
    return dataclasses.replace(learnt, recipe=recipe)


def test_a_training_that_is_drained_goes_on_to_the_same_losses(trainable: StudyContext):
    saver, control, steps = InMemorySaver(), RunControl(), []

    def hear(event: dict[str, Any]) -> None:
        if event.get("event") == "step":
            steps.append(event["step"])
            if event["step"] == 3:
                control.request_drain()

    graph = build_consolidation_graph().compile(checkpointer=saver)
    context = dataclasses.replace(trainable, listener=hear)
    with pytest.raises(GraphDrained):
        graph.invoke({}, CONFIG, context=context, control=control)
    assert steps == [1, 2, 3]
    assert trainable.registry.list() == []
    made = graph.invoke(None, CONFIG, context=context)["adapter"]
    resumed = trainable.registry.show(made)
    assert steps == list(range(1, len(resumed.losses) + 1))
    assert len(steps) > 3

    other = dataclasses.replace(
        trainable, policy=dataclasses.replace(trainable.policy, approve=True),
        recipe=dataclasses.replace(trainable.recipe, checkpoint_seconds=1.0),
    )  # fmt: skip
    calm = build_consolidation_graph().compile().invoke({}, context=other)["adapter"]
    assert calm != made
    assert json.dumps(trainable.registry.show(calm).losses) == json.dumps(resumed.losses)


def test_each_step_of_a_training_is_a_heartbeat(trainable: StudyContext):
    beats: list[int] = []
    at_steps: list[int] = []

    def hear(event: dict[str, Any]) -> None:
        if event.get("event") == "step":
            at_steps.append(len(beats))

    context = dataclasses.replace(trainable, listener=hear)
    consolidate({}, Runtime(context=context, heartbeat=lambda: beats.append(1)))
    assert len(at_steps) > 3
    assert at_steps == sorted(set(at_steps))


def test_a_served_study_is_drained_with_its_server_s_run(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, home: Path
):
    monkeypatch.setenv("INGRAINED_CORPUS", str(corpus))
    monkeypatch.setenv("INGRAINED_HOME", str(home))
    control = RunControl()

    def script(prompt: str) -> str:
        control.request_drain()
        return reader(prompt)

    def graph(script: Any) -> Any:
        model = ScriptedModel(script=script)
        return served_study(model=model, embedder=HashEmbedder()).compile()

    with pytest.raises(GraphDrained):
        graph(script).invoke({"round": 0}, control=control)
    events = list(graph(reader).stream({"round": 0}, stream_mode="custom"))
    assert (events[0]["phase"], events[0]["event"]) == ("run", "resumed")
    assert memories(home)
