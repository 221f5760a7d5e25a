"""A node that failed for the moment is run again; nothing is written twice, and all else ends the run."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import torch
from bridge import PAGE, memories, questions, reader, traces

from ingrained.agent.testing import ScriptedModel
from ingrained.errors import HomeBusyError, IngrainedError, InputError, ModelError, StoreError
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.retrying import AGAIN, passes_by_itself
from ingrained.graphs.session import Home, open_study, run_study
from ingrained.graphs.study import build_study_graph
from ingrained.memory.chroma import ChromaIndex
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

NODES = ["plan", "read", "quiz", "attempt", "grade", "reflect", "vary", "remember", "forget", "examine"]  # fmt: skip
ASKING = ["quiz", "attempt", "vary", "remember", "examine"]
POLICY = {"sealed_share": 0.5, "rounds": 2, "mastered": 1.0}


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is waited between two tries; nothing is."""
    waited: list[float] = []
    monkeypatch.setattr("langgraph.pregel._retry.time.sleep", waited.append)
    return waited


def caused(error: IngrainedError, cause: BaseException) -> IngrainedError:
    error.__cause__ = cause
    return error


def locked(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = code
    return error


REQUEST = httpx.Request("GET", "http://127.0.0.1/")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        TimeoutError(),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        openai.APIConnectionError(request=REQUEST),
        openai.APITimeoutError(request=REQUEST),
        locked(sqlite3.SQLITE_BUSY),
        locked(sqlite3.SQLITE_BUSY_SNAPSHOT),
        caused(StoreError("the ledger cannot be used"), locked(sqlite3.SQLITE_LOCKED)),
        caused(StoreError("the server of the index is away"), httpx.ConnectError("refused")),
    ],
    ids=repr,
)
def test_what_is_of_the_moment_is_tried_again(error: Exception):
    assert passes_by_itself(error)


@pytest.mark.parametrize(
    "error",
    [
        InputError("no such thing"),
        StoreError("it is damaged"),
        caused(StoreError("it is damaged"), sqlite3.DatabaseError("malformed")),
        caused(StoreError("it is full"), locked(sqlite3.SQLITE_FULL)),
        HomeBusyError("another run writes"),
        # The client of a vLLM server has tried for long before it says so.
        caused(ModelError("the server is away"), ConnectionRefusedError()),
        caused(InputError("no such file"), TimeoutError()),
        torch.OutOfMemoryError("CUDA out of memory"),
        PermissionError(),
        sqlite3.OperationalError("no such table: notes"),
        ValueError(),
    ],
    ids=repr,
)
def test_what_would_fail_again_is_not(error: Exception):
    assert not passes_by_itself(error)


class Study:
    """A study with something in the way once, and all that it left."""

    def __init__(self, home: Path, corpus: Path) -> None:
        self.home, self.corpus = home, corpus
        self.phase = ""
        self.starts: list[str] = []
        self.failed = 0

    def run(self, script: Callable[[str], str] = reader, fails: Any = None) -> dict[str, Any]:
        opened = open_study(
            Settings(home=self.home), (self.corpus,), StudyPolicy(**POLICY),
            model=ScriptedModel(script=script), embedder=HashEmbedder(),
        )  # fmt: skip

        def hear(event: dict[str, Any]) -> None:
            self.phase = event["phase"]
            self.starts += [self.phase] if event.get("event") == "start" else []
            if fails == (self.phase, event.get("event")) and not self.failed:
                self.failed = 1
                raise ConnectionResetError("the listener's line broke")

        with opened as context:
            state = run_study(Home(self.home), context, hear).state
        with MemoryStore.open(self.home, HashEmbedder(), read_only=True) as store:
            kept = memories(self.home)
            told = {
                one.id: (one.text, one.strength, one.count, len(store.history(one.id)))
                for one in kept
            }
        left = {name: state[name] for name in ("round", "kept", "scores", "rejected", "stop")}
        return {**left, "told": told, "asked": questions(self.home), "traces": traces(self.home)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    corpus = folder / "corpus"
    corpus.mkdir()
    (corpus / "bridge.md").write_text(PAGE, encoding="utf-8")
    return Study(folder / "home", corpus).run()


@pytest.mark.parametrize("node", NODES)
def test_a_node_that_fails_after_all_its_work_comes_to_the_same(
    tmp_path: Path, corpus: Path, undisturbed: dict[str, Any], node: str
):
    study = Study(tmp_path / "home", corpus)
    assert study.run(fails=(node, "end")) == undisturbed
    assert study.failed


@pytest.mark.parametrize("node", ASKING)
def test_a_model_that_is_away_once_is_asked_again(
    tmp_path: Path, corpus: Path, undisturbed: dict[str, Any], waits: list[float], node: str
):
    study = Study(tmp_path / "home", corpus)

    def script(prompt: str) -> str:
        if study.phase == node and not study.failed:
            study.failed = 1
            raise ConnectionRefusedError("the model is away")
        return reader(prompt)

    assert study.run(script) == undisturbed
    assert study.failed
    assert len(waits) == 1
    assert AGAIN.initial_interval <= waits[0] <= AGAIN.initial_interval + 1


def test_an_index_that_is_away_once_gets_each_memory_once(
    tmp_path: Path, corpus: Path, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    study, put = Study(tmp_path / "home", corpus), ChromaIndex.upsert

    def away(self: Any, *given: Any, **options: Any) -> None:
        if study.phase == "remember" and not study.failed:
            study.failed = 1
            raise caused(StoreError("the index is away"), httpx.ConnectError("refused"))
        put(self, *given, **options)

    monkeypatch.setattr(ChromaIndex, "upsert", away)
    assert study.run() == undisturbed
    assert study.failed


@pytest.mark.parametrize("error", [RuntimeError("a fault"), ModelError("it cannot")], ids=repr)
def test_any_other_error_ends_the_run_at_once(
    tmp_path: Path, corpus: Path, waits: list[float], error: Exception
):
    study = Study(tmp_path / "home", corpus)

    def script(prompt: str) -> str:
        if study.phase == "attempt":
            raise error
        return reader(prompt)

    with pytest.raises(type(error), match=str(error)):
        study.run(script)
    assert study.starts.count("attempt") == 1
    assert waits == []


def test_a_model_that_stays_away_ends_it_after_three_tries(
    tmp_path: Path, corpus: Path, waits: list[float]
):
    study = Study(tmp_path / "home", corpus)

    def script(_: str) -> str:
        raise ConnectionRefusedError("the model is away")

    with pytest.raises(ConnectionRefusedError):
        study.run(script)
    assert study.starts.count("quiz") == 3
    assert len(waits) == 2


def test_every_node_of_a_study_has_the_policy_and_the_sub_graph_has_its_own():
    """On both, each failure would be waited for nine times."""
    nodes = build_study_graph().nodes
    assert {name for name, node in nodes.items() if node.retry_policy != AGAIN} == {"consolidate"}


@pytest.mark.parametrize("node", ["consolidate", "trial"])
def test_a_consolidation_that_fails_after_all_its_work_comes_to_the_same(consolidate, node: str):
    """The adapter is found again as the one that was made; it is promoted once."""
    failed: list[str] = []

    def fails(event: dict[str, Any]) -> None:
        if (event["phase"], event.get("event")) == (node, "end") and not failed:
            failed.append(node)
            raise ConnectionResetError("the listener's line broke")

    result, events = consolidate(fails)
    assert failed
    assert result.state["adapter"] == "v001"
    steps = [event["step"] for event in events if event.get("event") == "step"]
    assert steps == sorted(set(steps))
    assert [event["accepted"] for event in events if event.get("event") == "gate"][-1]
