"""The graphs of `langgraph.json`: what `langgraph dev` shows and runs."""

from __future__ import annotations

import asyncio
import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from bridge import reader
from dev_server import dev_server, needs_server
from langgraph.checkpoint.memory import InMemorySaver

from ingrained.agent.testing import ScriptedModel
from ingrained.errors import ModelError, SettingsError, StoreError
from ingrained.graphs.serving import served_consolidation, served_study
from ingrained.memory import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.testing import make_tiny_model

CHOSEN = {"round": 0, "corpus": "/", "home": "/", "namespace": ["others"]}
"""What a client may try to choose beside the start of a run."""


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, corpus: Path, home: Path) -> None:
    """Let the settings name the page and the home."""
    monkeypatch.setenv("INGRAINED_CORPUS", str(corpus))
    monkeypatch.setenv("INGRAINED_HOME", str(home))


def remembered(home: Path) -> list[str]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        assert store.namespaces() == [("default",)]
        return [one.text for one in store.list()]


def doubled(model: ScriptedModel) -> Any:
    return served_study(model=model, embedder=HashEmbedder()).compile(checkpointer=InMemorySaver())


def test_every_graph_of_the_file_is_there(root: Path):
    told = json.loads((root / "langgraph.json").read_text(encoding="utf-8"))
    assert sorted(told["graphs"]) == ["consolidate", "study"]
    for graph in told["graphs"].values():
        module, _, name = graph["path"].partition(":")
        assert getattr(importlib.import_module(module), name)().compile().nodes


@pytest.mark.usefixtures("named")
def test_a_run_studies_what_the_settings_name_and_nothing_that_the_client_does(
    home: Path, model: ScriptedModel
):
    async def run() -> list[Any]:
        config = {"configurable": {"thread_id": "1", **CHOSEN}}
        stream = doubled(model).astream(CHOSEN, config, stream_mode=["custom", "values"])
        return [part async for part in stream]

    parts = asyncio.run(run())
    phases = {part["phase"] for mode, part in parts if mode == "custom"}
    assert {"read", "quiz", "remember", "examine"} <= phases
    assert parts[-1][1]["kept"] == len(remembered(home)) > 0
    assert any("Mara Vint" in text for text in remembered(home))


@pytest.mark.usefixtures("named")
def test_a_study_that_was_cut_short_goes_on_in_the_next_run(corpus: Path):
    (corpus / "ferry.md").write_text("# The Ferry\n\nThe ferry carries forty goats.\n")
    asked: list[str] = []

    def cut(prompt: str) -> str:
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(prompt)
        return reader(prompt)

    config = {"configurable": {"thread_id": "1"}}
    with pytest.raises(KeyboardInterrupt):
        doubled(ScriptedModel(script=cut)).invoke({"round": 0}, config)
    training = served_consolidation(embedder=HashEmbedder()).compile()
    with pytest.raises(StoreError, match="was cut short"):
        training.invoke({"round": 0})
    graph = doubled(ScriptedModel(script=reader))
    events = list(graph.stream({"round": 0}, config, stream_mode="custom"))
    assert (events[0]["phase"], events[0]["event"]) == ("run", "resumed")


def test_without_documents_a_run_says_which_setting_is_missing(model: ScriptedModel):
    with pytest.raises(SettingsError, match="no documents are named") as refused:
        doubled(model).invoke({"round": 0}, {"configurable": {"thread_id": "1"}})
    assert "INGRAINED_CORPUS" in refused.value.hint


@pytest.mark.usefixtures("named")
def test_a_model_that_is_not_here_is_refused_before_anything_is_opened(home: Path):
    model = ScriptedModel(script={})
    graph = served_consolidation(model=model, embedder=HashEmbedder()).compile()
    with pytest.raises(ModelError, match="cannot be trained here"):
        graph.invoke({"round": 0})
    assert not (home / "memory").exists()


@pytest.mark.slow
@needs_server
def test_the_dev_server_shows_the_graphs_of_the_file(root: Path):
    from langgraph_sdk import get_sync_client

    shutil.copy(root / "langgraph.json", Path.cwd())
    with dev_server() as address:
        client = get_sync_client(url=address)
        shown = {one["graph_id"]: one for one in client.assistants.search()}
        inputs = {
            name: client.assistants.get_schemas(one["assistant_id"])["input_schema"]["properties"]
            for name, one in shown.items()
        }
    assert {name: list(fields) for name, fields in inputs.items()} == {
        "study": ["round"],
        "consolidate": ["round"],
    }


@pytest.mark.slow
@needs_server
@pytest.mark.usefixtures("named")
def test_the_dev_server_studies_and_trains(
    tmp_path: Path, root: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    from langgraph_sdk import get_sync_client

    monkeypatch.setenv("INGRAINED_MODEL", str(make_tiny_model(tmp_path / "base")))
    for name in ("served.py", "bridge.py"):
        shutil.copy(root / "tests" / "graphs" / name, Path.cwd())
    graphs = {name: f"./served.py:{name}" for name in ("study", "consolidate")}
    told = {"dependencies": ["."], "graphs": graphs}
    Path("langgraph.json").write_text(json.dumps(told), encoding="utf-8")

    def run(graph: str) -> tuple[list[str], dict[str, Any]]:
        """Return the phases that the custom stream told of, and the last values."""
        stream = client.runs.stream(None, graph, input=CHOSEN, stream_mode=["custom", "values"])
        parts = list(stream)
        return [part.data["phase"] for part in parts if part.event == "custom"], parts[-1].data

    with dev_server() as address:
        client = get_sync_client(url=address)
        phases, studied = run("study")
        assert {"read", "quiz", "remember", "examine"} <= set(phases)
        assert studied["kept"] == len(remembered(home)) > 0
        phases, trained = run("consolidate")
        assert set(phases) == {"consolidate", "trial"}
        assert trained["adapter"] == "v001"
    assert AdapterRegistry(home).show("v001").memory_ids
