"""An adapter that passed the gate is put before a person, by an interrupt of the consolidation graph."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge import Adaptable, Killed, dying, reader
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command
from pydantic import ValidationError

from ingrained.agent.asking import Asker
from ingrained.graphs import (
    StudyContext,
    StudyPolicy,
    compile_consolidation_graph,
    compile_study_graph,
    open_study,
)
from ingrained.graphs.consolidate import judge
from ingrained.graphs.session import run_consolidation
from ingrained.graphs.state import ConsolidationOutput
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model

THREAD: Any = {"configurable": {"thread_id": "1"}}
RECIPE = LoraRecipe(
    rank=2, alpha=4, first_layer=1, epochs=1, batch_rows=16, batch_tokens=8192, replay=0
)


@pytest.fixture
def unattended() -> dict[str, str]:
    return {"promote": "ask"}


@pytest.fixture
def events() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def context(study, tmp_path: Path, events, unattended) -> Iterator[StudyContext]:
    """What was studied, with a tiny network to train; a promotion is to be asked for."""
    study(sealed_share=0.9, mastered=1.0)
    settings = Settings(home=tmp_path / "home", unattended=unattended)
    model = Adaptable(script=reader)
    with open_study(settings, (), StudyPolicy(), model=model, embedder=HashEmbedder()) as opened:
        yield dataclasses.replace(
            opened, base_path=make_tiny_model(tmp_path / "base"), recipe=RECIPE,
            listener=events.append,
        )  # fmt: skip


class Host:
    """Whoever runs the graph, and resumes it."""

    def __init__(self, context: StudyContext) -> None:
        self.context = context
        self.registry = context.registry
        self.graph = compile_consolidation_graph(checkpointer=InMemorySaver())

    def go(self, given: Any) -> Any:
        return self.graph.invoke(given, THREAD, context=self.context)

    def ask(self) -> Any:
        (asked,) = self.go({"round": 0})["__interrupt__"]
        return asked

    def answer(self, asked: Any, *, approved: bool, **more: Any) -> Any:
        said = {"approved": approved, "change": asked.value["change"], **more}
        return self.go(Command(resume=said))

    @property
    def made(self) -> list[tuple[str, str]]:
        return [(one.version, one.decision) for one in self.registry.list()]


@pytest.fixture
def host(context: StudyContext) -> Host:
    return Host(context)


def times(events: list[dict[str, Any]], phase: str, event: str) -> int:
    return sum((one["phase"], one["event"]) == (phase, event) for one in events)


def test_the_change_is_shown_with_its_figures_and_nothing_is_used_before_it_is_approved(
    host: Host, events
):
    asked = host.ask()
    shown = asked.value
    made = host.registry.show("v001")

    assert json.loads(json.dumps(shown)) == shown, "plain data"
    assert (shown["action"], shown["serving"], shown["proposed"]) == ("promote", None, "v001")
    assert shown["after"]["closed"] > shown["before"]["closed"]
    assert shown["reasons"] == list(made.reasons)
    assert shown["enter"] == {"memories": len(made.memory_ids), "documents": 1}
    assert shown["leave"] == {"memories": 0, "documents": 0}
    assert set(asked.response_schema["required"]) == {"approved", "change"}
    assert host.registry.active() is None

    done = host.answer(asked, approved=True)
    assert (done["adapter"], host.registry.active()) == ("v001", "v001")
    assert host.made == [("v001", "promoted")]
    assert times(events, "consolidate", "rows") == 1, "it was not trained again"
    assert times(events, "trial", "gate") == 1, "nor judged again"


def test_what_leaves_with_the_one_in_use_is_counted(host: Host):
    host.answer(host.ask(), approved=True)
    (memory, *_) = host.context.store.list()
    host.context.store.forget([memory.id], who="me", why="a test")
    shown = host.ask().value

    assert (shown["serving"], shown["proposed"]) == ("v001", "v002")
    assert shown["enter"]["memories"] == 0
    assert shown["leave"] == {"memories": 1, "documents": 1}


def test_what_is_rejected_is_on_record_and_asked_for_again_only_after_another_trial(host: Host):
    host.answer(host.ask(), approved=False, reason="It is too early.")
    made = host.registry.show("v001")
    assert (made.decision, made.refused) == ("rejected", "It is too early.")
    assert host.registry.active() is None

    assert host.go({"round": 0})["known_adapter"] == "v001"
    assert host.made == [("v001", "rejected")]
    assert host.registry.show("v001").exam_after == made.exam_after

    judge(host.context, "v001")
    assert host.ask().value["proposed"] == "v001"


def test_one_that_waits_is_asked_for_again_and_neither_trained_nor_judged(host: Host, events):
    run_consolidation(host.context, events.append)
    assert host.made == [("v001", "candidate")], "a command cannot be resumed: it waits"
    events.clear()

    host.answer(host.ask(), approved=True)
    assert times(events, "consolidate", "rows") + times(events, "trial", "gate") == 0
    assert host.made == [("v001", "promoted")]


def test_an_answer_to_what_was_shown_before_something_else_was_promoted_changes_nothing(host: Host):
    host.answer(host.ask(), approved=True)
    (memory, *_) = host.context.store.list()
    host.context.store.forget([memory.id], who="me", why="a test")
    asked = host.ask()
    host.registry.rollback()
    host.answer(asked, approved=True)

    assert host.registry.active() is None
    assert host.made[-1] == ("v002", "candidate")


def test_an_invalid_answer_leaves_the_question_open(host: Host):
    asked = host.ask()
    with pytest.raises(ValidationError):
        host.go(Command(resume=True))
    host.answer(asked, approved=True)
    assert host.registry.active() == "v001"


@pytest.mark.parametrize("method", ["promote", "_write_manifest"])
@pytest.mark.parametrize("after", [False, True])
def test_one_that_is_killed_after_the_answer_is_promoted_once_when_it_runs_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, events, method, after
):
    asked = host.ask()
    with monkeypatch.context() as patch:
        original = getattr(AdapterRegistry, method)
        patch.setattr(AdapterRegistry, method, dying(original, after=after))
        with pytest.raises(Killed):
            host.answer(asked, approved=True)
    host.go(None)

    assert host.made == [("v001", "promoted")]
    history = json.loads((host.registry.folder / "active.json").read_text())["history"]
    assert history == ["v001"]
    assert times(events, "consolidate", "rows") == 1


@pytest.mark.parametrize("after", [False, True])
def test_one_that_is_killed_after_the_answer_is_rejected_once_when_it_runs_again(
    host: Host, monkeypatch: pytest.MonkeyPatch, after
):
    asked = host.ask()
    with monkeypatch.context() as patch:
        patch.setattr(AdapterRegistry, "reject", dying(AdapterRegistry.reject, after=after))
        with pytest.raises(Killed):
            host.answer(asked, approved=False, reason="No.")
    host.go(None)
    assert (host.made, host.registry.show("v001").refused) == ([("v001", "rejected")], "No.")


def test_as_a_node_of_a_host_s_graph_it_is_resumed_there(context: StudyContext, events):
    builder = StateGraph(ConsolidationOutput, context_schema=StudyContext)
    builder.add_node("consolidate", compile_consolidation_graph())
    builder.add_edge(START, "consolidate")
    graph = builder.compile(checkpointer=InMemorySaver())
    (asked,) = graph.invoke({}, THREAD, context=context)["__interrupt__"]
    said = {"approved": True, "change": asked.value["change"]}
    graph.invoke(Command(resume=said), THREAD, context=context)

    assert context.registry.active() == "v001"
    assert times(events, "consolidate", "rows") == 1


@pytest.mark.parametrize(
    ("unattended", "made", "active"),
    [({}, "promoted", "v001"), ({"promote": "refuse"}, "rejected", None)],
)
def test_the_settings_say_what_is_done_where_nobody_watches(host: Host, made, active):
    assert "__interrupt__" not in host.go({"round": 0})
    assert host.made == [("v001", made)]
    assert host.registry.active() == active
    assert ("INGRAINED_UNATTENDED" in host.registry.show("v001").refused) == (active is None)


@pytest.mark.parametrize("unattended", [{}])
def test_a_study_s_own_policy_asks_too(host: Host):
    policy = dataclasses.replace(host.context.policy, approve=True)
    host.context = dataclasses.replace(host.context, policy=policy)
    assert host.ask().value["proposed"] == "v001"


def test_within_a_study_it_is_asked_before_the_examination_which_then_sits_with_it(
    context: StudyContext, corpus: Path, events
):
    policy = StudyPolicy(consolidate=True, sealed_share=0.9, mastered=1.0)
    studying = dataclasses.replace(context, policy=policy, corpus=(corpus,))
    graph = compile_study_graph(checkpointer=InMemorySaver())
    (asked,) = graph.invoke({"round": 0}, THREAD, context=studying)["__interrupt__"]
    assert times(events, "examine", "scores") == 0
    said = {"approved": True, "change": asked.value["change"]}
    # Another process goes on, whose model knows of no adapter yet.
    model = Adaptable(script=reader)
    anew = Asker(model)
    done = graph.invoke(
        Command(resume=said), THREAD, context=dataclasses.replace(studying, asker=anew)
    )

    assert done["adapter"] == "v001"
    assert "adapter" in done["scores"]
    assert "v001" in model.loaded
    assert times(events, "consolidate", "rows") == 1
