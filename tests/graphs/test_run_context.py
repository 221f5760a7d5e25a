"""What a run says as data: whose memory it is for, and which model and cell it wants."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pytest
from bridge import Adaptable, reader
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import InputError, NotFoundError, SettingsError, TrainingError
from ingrained.graphs import (
    ChatContext,
    RunContext,
    StudyContext,
    StudyPolicy,
    build_chat_graph,
    build_consolidation_graph,
    build_study_graph,
    compile_chat_graph,
    compile_study_graph,
    open_study,
)
from ingrained.graphs.chat import OpenStore
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model

QUESTION = "Who built the Orlan Bridge?"
ADA = ("user", "ada")


@pytest.fixture
def opened(home: Path, corpus: Path, model: ScriptedModel) -> Iterator[StudyContext]:
    """What a host holds open to study with."""
    policy = StudyPolicy(sealed_share=0)
    with open_study(
        Settings(home=home), (corpus,), policy, model=model, embedder=HashEmbedder()
    ) as one:
        yield one


@pytest.fixture
def talking(store: MemoryStore) -> ChatContext:
    """What a host holds open to talk with."""
    return ChatContext(
        asker=Asker(ScriptedModel(script=lambda _: "Noted.")), memory=OpenStore(store)
    )


class OwnContext(TypedDict, total=False):
    """A host's own: our tools read two of its keys, and so do the graphs."""

    user_id: str
    question: str
    tenant: str


@dataclass
class OwnClass:
    user_id: str
    question: str = ""
    tenant: str = "t"


class State(TypedDict, total=False):
    kept: int
    answer: dict[str, Any]


def hosted(node: Any, schema: Any = OwnContext, **compiled: Any) -> Any:
    builder = StateGraph(State, context_schema=schema)
    builder.add_node("within", node)
    builder.add_edge(START, "within")
    return builder.compile(**compiled)


def configured(**said: Any) -> Any:
    return {"configurable": {"thread_id": "1", **said}}


WAYS = [
    ({"user_id": "ada"}, {}),
    (None, {"user_id": "ada"}),
    ({"namespace": ["user", "ada"]}, {}),
    ({"user_id": "ada"}, {"user_id": "ada"}),
    ({"user_id": "ada"}, {"namespace": ("user", "ada")}),
    ({"user_id": "ada", "corpus": ["/"], "policy": {"rounds": 9}}, {"corpus": "/"}),
]


@pytest.mark.parametrize(("context", "configurable"), WAYS)
def test_a_study_remembers_for_whom_its_run_names(
    opened: StudyContext, context: Any, configurable: dict[str, Any]
):
    """What is open, which documents and how are for the host alone to say."""
    graph = build_study_graph(opened).compile()
    kept = graph.invoke({}, configured(**configurable), context=context)["kept"]
    assert opened.store.namespaces() == [ADA]
    assert len(opened.store.list(namespace=ADA)) == kept > 0


@pytest.mark.parametrize("context", [None, {}])
def test_where_nobody_is_named_it_is_for_whom_the_host_opened(opened: StudyContext, context: Any):
    build_study_graph(opened).compile().invoke({}, context=context)
    assert opened.store.namespaces() == [opened.namespace]


@pytest.mark.parametrize("schema", [OwnContext, OwnClass, RunContext])
def test_as_a_node_it_reads_the_context_of_its_host(opened: StudyContext, schema: Any):
    graph = hosted(compile_study_graph(opened), schema)
    state = asyncio.run(graph.ainvoke({}, context={"user_id": "ada"}))
    assert state["kept"] == len(opened.store.list(namespace=ADA)) > 0


def test_a_consolidation_trains_on_the_memory_of_whom_its_run_names(
    opened: StudyContext, tmp_path: Path
):
    build_study_graph(opened).compile().invoke({}, context={"user_id": "ada"})
    recipe = LoraRecipe(
        rank=2, alpha=4, first_layer=1, epochs=1, batch_rows=16, batch_tokens=8192, replay=0
    )
    able = dataclasses.replace(
        opened, asker=Asker(Adaptable(script=reader)), recipe=recipe,
        base_path=make_tiny_model(tmp_path / "base"),
    )  # fmt: skip
    graph = build_consolidation_graph(able).compile()
    with pytest.raises(TrainingError, match="nothing to train on"):
        graph.invoke({}, context={"user_id": "bob"})
    made = graph.invoke({}, configured(user_id="ada"))["adapter"]
    ada = [one.id for one in opened.store.list(namespace=ADA)]
    assert sorted(able.registry.show(made).memory_ids) == sorted(ada)


GRAPHS = {
    "study": build_study_graph,
    "consolidation": build_consolidation_graph,
    "chat": build_chat_graph,
}


@pytest.fixture(params=GRAPHS)
def graph(request: pytest.FixtureRequest, opened: StudyContext, talking: ChatContext) -> Any:
    """Each of the graphs, built on what is open."""
    return GRAPHS[request.param](talking if request.param == "chat" else opened).compile()


@pytest.mark.parametrize(
    ("context", "configurable"),
    [
        ({"user_id": None}, {}),
        ({}, {"user_id": None}),
        ({"user_id": "ada"}, {"user_id": None}),
        ({"namespace": None}, {}),
        ({"user_id": ""}, {}),
        ({"namespace": []}, {}),
        ({"user_id": ["ada"]}, {}),
    ],
)
def test_an_identity_that_names_nobody_is_refused(
    graph: Any, context: Any, configurable: dict[str, Any]
):
    """It is what an anonymous request has, and never the default."""
    with pytest.raises(InputError, match="of a run cannot be"):
        graph.invoke({}, configured(**configurable), context=context)


@pytest.mark.parametrize(
    ("context", "configurable"),
    [
        ({"user_id": "ada"}, {"user_id": "bob"}),
        ({"user_id": "ada"}, {"namespace": ["user", "bob"]}),
        ({"namespace": ["team"]}, {"user_id": "bob"}),
        ({"model": "scripted"}, {"model": "another"}),
        ({"cell": "base"}, {"cell": "memory"}),
    ],
)
def test_a_context_and_a_configuration_that_contradict_each_other_are_refused(
    graph: Any, context: Any, configurable: dict[str, Any]
):
    with pytest.raises(InputError, match="its `configurable` that it is") as caught:
        graph.invoke({}, configured(**configurable), context=context)
    assert "the same in both" in caught.value.hint


def test_a_whole_chat_context_is_not_contradicted_either(talking: ChatContext):
    ada = dataclasses.replace(talking, user="ada", question="My dog is called Rex.")
    graph = build_chat_graph().compile(checkpointer=InMemorySaver())
    with pytest.raises(InputError, match="its `configurable` that it is"):
        graph.invoke({}, configured(user_id="bob"), context=ada)
    assert graph.invoke({}, configured(user_id="ada"), context=ada)["answer"]["reply"] == "Noted."


def test_a_whole_study_context_names_nobody(opened: StudyContext):
    """As it is for the tools: what it learns is for all, whoever asked for it."""
    build_study_graph().compile().invoke({}, configured(user_id="bob"), context=opened)
    assert opened.store.namespaces() == [opened.namespace]


def said_by(store: MemoryStore, user: str) -> list[str]:
    return [one.text for one in store.list(namespace=("user", user))]


@pytest.mark.parametrize("within_a_host", [False, True])
def test_each_user_of_a_chat_is_remembered_apart(
    store: MemoryStore, talking: ChatContext, within_a_host: bool
):
    saver = InMemorySaver()
    graph = (
        hosted(compile_chat_graph(talking), checkpointer=saver)
        if within_a_host
        else compile_chat_graph(talking, checkpointer=saver)
    )
    for user in ("ada", "bob"):
        asked = {"user_id": user, "question": f"I am {user}.", "tenant": "t"}
        config = {"configurable": {"thread_id": user}}
        assert graph.invoke({}, config, context=asked)["answer"]["reply"] == "Noted."
    asked = {"question": "I am Cleo."}
    config = {"configurable": {"thread_id": "cleo", "user_id": "cleo"}}
    graph.invoke({}, config, context=asked)
    for user, text in (("ada", "I am ada."), ("bob", "I am bob."), ("cleo", "I am Cleo.")):
        assert said_by(store, user) == [text]
    assert said_by(store, "me") == []


def test_a_question_is_not_taken_from_where_checkpoints_keep_it(talking: ChatContext):
    graph = build_chat_graph(talking).compile()
    with pytest.raises(InputError, match="question is empty"):
        graph.invoke({}, configured(question="Who?"))


def test_a_run_chooses_the_cell(talking: ChatContext):
    graph = build_chat_graph(talking).compile()
    answer = graph.invoke({}, configured(cell="base"), context={"question": "Who?"})["answer"]
    assert answer["cell"] == "base"
    with pytest.raises(SettingsError, match="no cell 'all'"):
        graph.invoke({}, context={"question": "Who?", "cell": "all"})
    with pytest.raises(NotFoundError, match="no adapter is promoted"):
        graph.invoke({}, context={"question": "Who?", "cell": "adapter"})


def test_a_run_chooses_among_the_models_that_are_open(talking: ChatContext):
    small, large = (
        dataclasses.replace(
            talking, asker=Asker(ScriptedModel(script=lambda _, n=name: n, model_name=name))
        )
        for name in ("small", "large")
    )
    graph = build_chat_graph(small, large).compile()

    def reply(**said: Any) -> str:
        return str(graph.invoke({}, context={"question": "Who?", **said})["answer"]["reply"])

    assert (reply(), reply(model="small"), reply(model="large")) == ("small", "small", "large")
    with pytest.raises(InputError, match="no model 'hf:any/thing' open") as caught:
        reply(model="hf:any/thing")
    assert "'small', 'large'" in caught.value.hint
    with pytest.raises(InputError, match="the model of a run is a name") as caught:
        reply(model=ScriptedModel(script={}))
    assert "asker=Asker(model)" in caught.value.hint


@pytest.mark.parametrize(
    ("build", "lacking"),
    [
        (build_study_graph, "asker, store, library, registry"),
        (build_consolidation_graph, "asker, store, library, registry"),
        (build_chat_graph, "asker"),
    ],
)
def test_data_alone_needs_something_open(build: Any, lacking: str):
    """A dict where LangGraph would make an object of it used to be a TypeError."""
    for run in (build().compile(), hosted(build().compile())):
        with pytest.raises(InputError, match="open objects are missing") as caught:
            run.invoke({}, context={"user_id": "ada"})
        assert f"({lacking})" in str(caught.value)
        assert "build the graph on one" in caught.value.hint


@pytest.mark.parametrize(
    ("build", "name", "way"),
    [
        (build_study_graph, "asker", "asker=Asker(model)"),
        (build_study_graph, "store", "MemoryStore.open"),
        (build_study_graph, "library", "open_study"),
        (build_study_graph, "registry", "open_study"),
        (build_chat_graph, "memory", "OpenStore(store)"),
    ],
)
def test_what_cannot_be_data_is_told_with_what_to_give(build: Any, name: str, way: str):
    with pytest.raises(InputError, match=f"the {name} of a run cannot be data") as caught:
        build().compile().invoke({}, context={name: "my-agent"})
    assert way in caught.value.hint


def test_a_dict_may_hold_the_open_objects_themselves(opened: StudyContext):
    fields = {one.name: getattr(opened, one.name) for one in dataclasses.fields(opened)}
    del fields["namespace"], fields["studying"]
    build_study_graph().compile().invoke({}, context={**fields, "user_id": "ada"})
    assert opened.store.namespaces() == [ADA]


def test_servers_are_shown_what_a_run_may_say(talking: ChatContext):
    schema = build_chat_graph(talking).compile().get_context_jsonschema()
    assert schema is not None
    assert list(schema["properties"]) == ["user_id", "namespace", "model", "cell", "question"]
