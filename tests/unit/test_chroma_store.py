"""ChromaStore beyond the contract: restarts, crashes, embedders, expiry, large stores."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langgraph.store.base import IndexConfig, PutOp

from ingrained.errors import HomeBusyError, HomeVersionError, IngrainedError, StoreError
from ingrained.memory import ChromaStore
from ingrained.memory.langgraph import searching, syncing
from ingrained.memory.langgraph.chroma import VectorCache
from ingrained.memory.langgraph.sweeping import Sweeper
from ingrained.memory.store_conformance import INDEX
from ingrained.memory.store_conformance.base import embed

HOME = ("users", "ada@example.org")
MINUTE = 60.0


class Killed(BaseException):
    """Stands for the process ending: no handler of the store's may catch it."""


def die(*_: object) -> None:
    raise Killed


def fail(*_: object) -> None:
    raise StoreError("the disk is full")


def keys(store: ChromaStore, query: str, **search: Any) -> list[str]:
    return [item.key for item in store.search((), query=query, **search) if item.score]


def fill(path: Path, *texts: str) -> None:
    with ChromaStore.from_path(path, index=INDEX) as store:
        store.batch([PutOp(HOME, text, {"text": text}) for text in texts])


def test_everything_is_there_after_a_restart(tmp_path: Path):
    fill(tmp_path, "fox", "red fox")
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 0
        assert keys(store, "fox") == ["fox", "red fox"]
        assert store.list_namespaces() == [HOME]


def test_chroma_holds_numbers_only(tmp_path: Path):
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        store.put(("secret-place",), "secret-key", {"text": "fox", "x": "secret-value"})
    chroma = [path.read_bytes() for path in (tmp_path / "chroma").rglob("*") if path.is_file()]
    assert chroma
    assert not any(b"secret" in content for content in chroma)


def test_what_was_deleted_or_replaced_is_in_no_file_of_a_closed_store(tmp_path: Path):
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        store.put(HOME, "deleted", {"text": "a secret fox"})
        store.put(HOME, "replaced", {"text": "a secret owl"})
        store.put(HOME, "kept", {"text": "a whale"})
        store.delete(HOME, "deleted")
        store.put(HOME, "replaced", {"text": "red"})
    contents = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"a whale" in contents
    assert b"secret" not in contents


@pytest.mark.parametrize("call", ["upsert", "delete"])
def test_a_crash_between_sqlite_and_chroma_is_repaired_at_the_next_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
):
    fill(tmp_path, "fox", "whale")
    store = ChromaStore.from_path(tmp_path, index=INDEX)
    store.batch([PutOp(HOME, "owl", {"text": "owl"}), PutOp(HOME, "fox", None)])
    with monkeypatch.context() as patch:
        patch.setattr(VectorCache, call, die)
        with pytest.raises(Killed):
            store.close()
    monkeypatch.setattr(searching, "SMALL", 0)
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 2
        assert keys(store, "owl fox") == ["owl"]
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 0


def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path: Path):
    program = """
import os, signal, sys
from ingrained.memory import ChromaStore
from ingrained.memory.langgraph.chroma import VectorCache
from ingrained.memory.store_conformance import INDEX
store = ChromaStore.from_path(sys.argv[1], index=INDEX)
store.put(("a",), "first", {"text": "fox"})
VectorCache.upsert = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
store.put(("a",), "second", {"text": "fox owl"})
store.close()
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 2
        assert keys(store, "fox") == ["first", "second"]


def test_what_chroma_fails_to_take_is_found_and_made_good_at_the_next_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(searching, "SMALL", 0)
    monkeypatch.setattr(syncing, "BEHIND", 1)
    with monkeypatch.context() as patch:
        patch.setattr(VectorCache, "upsert", fail)
        with ChromaStore.from_path(tmp_path, index=INDEX) as store:
            store.put(HOME, "k", {"text": "fox"})
            assert keys(store, "fox") == ["k"]
            patch.setattr(VectorCache, "nearest", fail)
            with pytest.raises(StoreError, match="the disk is full"):
                store.search((), query="fox")
    assert "the disk is full" in caplog.text
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 1
        assert keys(store, "fox") == ["k"]


def test_a_search_counts_in_what_chroma_does_not_know_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(searching, "SMALL", 0)
    fill(tmp_path, "fox", "whale", "owl")
    with monkeypatch.context() as patch:
        patch.setattr(VectorCache, "upsert", die)
        patch.setattr(VectorCache, "delete", die)
        store = ChromaStore.from_path(tmp_path, index=INDEX)
        store.put(HOME, "new", {"text": "fox owl"})
        store.put(HOME, "owl", {"text": "red"})
        store.delete(HOME, "fox")
        assert keys(store, "fox owl") == ["new"]
    store.close()


def test_a_deleted_chroma_folder_is_filled_again_without_the_embedder(tmp_path: Path):
    fill(tmp_path, "fox", "owl")
    shutil.rmtree(tmp_path / "chroma")
    asked: list[str] = []

    def spy(texts: Sequence[str]) -> list[list[float]]:
        asked.extend(texts)
        return embed(texts)

    with ChromaStore.from_path(tmp_path, index={**INDEX, "embed": spy}) as store:
        assert store.repaired == 2
        assert asked == []
        assert keys(store, "owl") == ["owl"]


def test_a_search_of_many_asks_chroma_and_gives_what_comparing_all_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    random = np.random.default_rng(0)
    vectors = {str(n): random.normal(size=8).tolist() for n in range(600)}
    index: IndexConfig = {
        "dims": 8,
        "embed": lambda texts: [vectors.get(text, [1.0] * 8) for text in texts],
        "fields": ["n"],
    }
    compared: list[int] = []
    rank = searching.rank

    def spy(chunks: Any, query: Any) -> Any:
        rows = list(chunks)
        compared.append(sum(map(len, rows)))
        return rank(rows, query)

    monkeypatch.setattr(searching, "rank", spy)
    with ChromaStore.from_path(tmp_path, index=index) as store:
        store.batch([PutOp(("all", str(int(n) % 100)), n, {"n": n}) for n in vectors])
        exact = store.search((), query="7", limit=5, offset=2)
        monkeypatch.setattr(searching, "SMALL", 100)
        assert store.search((), query="7", limit=5, offset=2) == exact
        assert compared == [600, 200]
        store.search(("all", "7"), query="7", limit=6)
        assert compared[2:] == [6]
        rare = store.search((), query="7", filter={"n": {"$gte": "98"}}, limit=5)
        assert [item.key[:2] for item in rare] == ["98", "99"]
        assert len(compared) == 5


def test_a_second_store_in_the_folder_is_refused_with_a_way_out(tmp_path: Path):
    with ChromaStore.from_path(tmp_path) as store:
        with pytest.raises(HomeBusyError, match="writing") as refused:
            ChromaStore.from_path(tmp_path)
        assert "folder of its own" in refused.value.hint
        store.put(HOME, "k", {})
    with ChromaStore.from_path(tmp_path) as store:
        assert store.get(HOME, "k") is not None


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path):
    ChromaStore.from_path(tmp_path).close()
    with sqlite3.connect(tmp_path / "items.sqlite") as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(HomeVersionError, match="99"):
        ChromaStore.from_path(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path):
    (tmp_path / "items.sqlite").write_text("not a database, however long it is" * 50)
    with pytest.raises(StoreError, match=r"items\.sqlite"):
        ChromaStore.from_path(tmp_path)


def test_closing_twice_is_fine_and_using_it_afterwards_is_an_error(tmp_path: Path):
    store = ChromaStore.from_path(tmp_path, index=INDEX)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.get(HOME, "k")


def test_without_an_index_a_put_takes_the_old_vectors_away_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(tmp_path, "fox", "owl")
    with ChromaStore.from_path(tmp_path) as store:
        store.put(HOME, "fox", {"text": "whale"})
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 1
        assert keys(store, "fox owl whale") == ["owl"]


def test_every_refusal_is_one_of_ours_and_a_value_error_and_has_a_hint(tmp_path: Path):
    with ChromaStore.from_path(tmp_path) as store:
        for refused in (
            lambda: store.put((), "k", {}),
            lambda: store.put(("langgraph",), "k", {}),
            lambda: store.search("users"),  # type: ignore[arg-type]
            lambda: store.get(None, "k"),  # type: ignore[arg-type]
            lambda: store.put(HOME, "k", {}, ttl=float("inf")),
            lambda: store.batch(["put"]),  # type: ignore[list-item]
            lambda: store.search((), filter={"n": {"$in": [1]}}),
            lambda: store.put(HOME, "k", {"n": {1}}),
            lambda: store.put(HOME, "k", {}, ttl="5"),  # type: ignore[arg-type]
            lambda: store.put(HOME, "k", {}, ttl=True),
            lambda: store.put(HOME, "k", {}, index=5),  # type: ignore[arg-type]
            lambda: store.put(HOME, "k", {}, index=True),  # type: ignore[arg-type]
            lambda: store.put(HOME, "k", {}, index="text"),  # type: ignore[arg-type]
            lambda: store.put(HOME, "k", {}, index=[5]),  # type: ignore[list-item]
            lambda: store.search((), filter=["n"]),  # type: ignore[arg-type]
            lambda: store.search((), filter="n"),  # type: ignore[arg-type]
            lambda: store.search((), query=5),  # type: ignore[arg-type]
        ):
            with pytest.raises(ValueError, match=r".") as caught:
                refused()
            assert isinstance(caught.value, IngrainedError)
            assert caught.value.hint
        for meaningless in (
            lambda: store.search((), limit=-1),
            lambda: store.search((), offset=-1),
            lambda: store.search((), limit="5"),  # type: ignore[arg-type]
            lambda: store.search((), limit=None),  # type: ignore[arg-type]
            lambda: store.search((), limit=1.5),  # type: ignore[arg-type]
            lambda: store.search((), limit=2**70),
            lambda: store.list_namespaces(limit=2**70),
            lambda: store.list_namespaces(max_depth="1"),  # type: ignore[arg-type]
            lambda: store.list_namespaces(max_depth=0),
        ):
            with pytest.raises(ValueError, match="must"):
                meaningless()


def test_what_expires_leaves_chroma_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [1000.0]
    with ChromaStore.from_path(
        tmp_path, index=INDEX, ttl={"default_ttl": 1}, clock=lambda: now[0]
    ) as store:
        store.put(HOME, "k", {"text": "fox"})
        store.put(HOME, "stays", {"text": "fox owl"}, ttl=None)
        now[0] += MINUTE
        assert store.sweep_ttl() == 1
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert store.repaired == 0
        assert keys(store, "fox") == ["stays"]


def test_the_sweeper_sweeps_until_it_is_stopped(tmp_path: Path):
    now = [1000.0]
    with ChromaStore.from_path(tmp_path, clock=lambda: now[0]) as store:
        store.put(HOME, "k", {}, ttl=1)
        stopped = store.start_ttl_sweeper(sweep_interval_minutes=0.0002)
        assert store.start_ttl_sweeper() is stopped
        now[0] += MINUTE
        wait_until_gone(store)
        assert store.stop_ttl_sweeper(timeout=5)
        assert stopped.result(timeout=5) is None
        assert store.stop_ttl_sweeper()
        again = store.start_ttl_sweeper()
        assert again.cancel()
        assert store.stop_ttl_sweeper(timeout=5)
        last = store.start_ttl_sweeper(sweep_interval_minutes=10)
    assert last.done()


def test_a_limit_without_an_end_finds_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(searching, "SMALL", 1)
    fill(tmp_path, "fox", "owl", "red fox")
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert len(store.search((), query="fox", limit=sys.maxsize)) == 3


def test_an_error_that_ends_the_sweeping_is_told_by_the_future(monkeypatch: pytest.MonkeyPatch):
    def sweep() -> int:
        raise KeyError("a bug")

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    sweeper = Sweeper(sweep)
    with pytest.raises(KeyError, match="a bug"):
        sweeper.start(0.001).result(timeout=5)
    assert sweeper.stop(timeout=5)


def test_the_store_can_be_closed_by_the_end_of_its_own_sweeper(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    store = ChromaStore.from_path(tmp_path)
    store.start_ttl_sweeper(sweep_interval_minutes=10).add_done_callback(lambda _: store.close())
    assert store.stop_ttl_sweeper(timeout=5)
    assert not caplog.records
    with pytest.raises(StoreError, match="closed"):
        store.get(HOME, "k")


def test_cancelling_while_the_sweeper_ends_is_no_error(monkeypatch: pytest.MonkeyPatch):
    failures: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    monkeypatch.setattr(Future, "cancelled", lambda _: False)  # As seen a moment before it was.
    sweeper = Sweeper(lambda: 0)
    sweeper.start(10).cancel()
    assert sweeper.stop(timeout=5)
    assert not failures


def wait_until_gone(store: ChromaStore) -> None:
    for _ in range(500):
        if store.get(HOME, "k", refresh_ttl=False) is None:
            return
        time.sleep(0.01)
    raise AssertionError("the sweeper swept nothing")


def test_importing_the_memory_loads_neither_langgraph_nor_chroma():
    program = (
        "import sys, ingrained.memory as m; a = set(sys.modules); m.ChromaStore; "
        "print(*(x in a for x in ('langgraph', 'chromadb')), 'chromadb' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False", "False"]
