"""The index on a Chroma server: a real `chroma run`, started here and stopped again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cli_student import doors, studied

from ingrained.agent.cli import run
from ingrained.agent.metrics.health import examine
from ingrained.errors import InputError, StoreError
from ingrained.graphs.session import Home
from ingrained.memory import MemoryStore
from ingrained.memory.chroma import server
from ingrained.memory.conformance import NOTES, note
from ingrained.memory.rebuilding import rebuild_index
from ingrained.memory.store import StoreOptions
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

QUESTION = "When was the lighthouse finished?"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [shutil.which("chroma", path=str(Path(sys.executable).parent)) or "chroma", "run"]
    folder = tmp_path_factory.mktemp("chroma-server")
    process = subprocess.Popen(
        [*command, "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/api/v2/heartbeat")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(url, timeout=1).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


def opened(home: Path, address: str) -> MemoryStore:
    return MemoryStore.open(home, HashEmbedder(), options=StoreOptions(chroma=address))


def test_memories_are_found_through_the_server_and_nothing_is_kept_here(
    tmp_path: Path, address: str
) -> None:
    with opened(tmp_path, address) as store:
        ids = [one.id for one in store.insert([note(t) for t in NOTES], who="t", why="t")]
    with opened(tmp_path, address) as store:
        assert not store.repaired
        assert store.recall(QUESTION)[0].memory.id == ids[0]
        assert store.recall(QUESTION)[0].dense_rank == 1
        store.forget([ids[0]], who="t", why="t")
        assert store.recall(QUESTION) == []
    assert not list((tmp_path / "memory").glob("chroma*"))


def test_two_agents_share_a_server_and_nothing_else(tmp_path: Path, address: str) -> None:
    with opened(tmp_path / "a", address) as one, opened(tmp_path / "b", address) as other:
        one.insert([note(NOTES[0])], who="t", why="t")
        assert other.recall(QUESTION) == []
        other.insert([note(NOTES[0])], who="t", why="t")
        other.purge([other.list()[0].id], who="t", why="t")
        assert len(one.recall(QUESTION)) == 1


def test_whether_the_index_on_the_server_is_well_can_be_asked_beside_a_writer(
    tmp_path: Path, address: str
) -> None:
    home = Home(tmp_path)
    settings = Settings(home=tmp_path, chroma=address)

    def faults() -> dict[str, str]:
        return {one.part: one.fault for one in examine(settings, lambda: home)}

    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        store.insert([note(text) for text in NOTES], who="t", why="t")
        assert "no index on a Chroma server" in faults()["index"]
    with opened(tmp_path, address):
        assert faults() == {"home": "", "index": "", "chroma": ""}


def test_an_index_moves_to_the_server_and_back(tmp_path: Path, address: str) -> None:
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        store.insert([note(text) for text in NOTES], who="t", why="t")
    assert rebuild_index(tmp_path, HashEmbedder(), chroma=address) == len(NOTES)
    assert rebuild_index(tmp_path, HashEmbedder(), chroma=address) == len(NOTES)
    with opened(tmp_path, address) as store:
        assert not store.repaired
        assert store.recall(QUESTION)[0].dense_rank == 1
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert store.repaired.added == len(NOTES)


def test_an_index_that_was_not_in_use_meanwhile_is_brought_up(tmp_path: Path, address: str) -> None:
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        ids = [one.id for one in store.insert([note(t) for t in NOTES], who="t", why="t")]
    with opened(tmp_path, address) as store:
        assert store.repaired.added == len(NOTES)
        store.forget([ids[0]], who="t", why="t")
        store.insert([note("Bees winter in the lamp room.")], who="t", why="t")
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert (store.repaired.added, store.repaired.removed) == (1, 1)
        assert store.recall("Where do bees winter?")[0].dense_rank == 1


def test_a_server_that_lost_its_data_is_filled_again(tmp_path: Path, address: str) -> None:
    import chromadb

    with opened(tmp_path, address) as store:
        store.insert([note(text) for text in NOTES], who="t", why="t")
        name = store._committer._index._name  # type: ignore[union-attr]
    host, port, _ = server(address)
    client = chromadb.HttpClient(host=host, port=port)
    for collection in client.list_collections():
        if collection.name.startswith(name):
            client.delete_collection(collection.name)
    with opened(tmp_path, address) as store:
        assert store.repaired.added == len(NOTES)


def test_a_server_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not answer") as refused:
        opened(tmp_path, "http://127.0.0.1:9")
    assert "chroma run" in refused.value.hint


@pytest.mark.parametrize("wrong", ["localhost", "ftp://x", "http://", "http://x:99999"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="not the address"):
        server(wrong)


def test_addresses() -> None:
    assert server("http://localhost:9000") == ("localhost", 9000, False)
    assert server("https://chroma.example.org") == ("chroma.example.org", 443, True)
    assert server("http://localhost/") == ("localhost", 8000, False)


def test_the_commands_use_the_server_that_is_set(
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = studied(tmp_path / "agent")
    words = ["--home", str(home)]
    assert run(["memory", "rebuild", "--chroma", address, *words], doors()) == 0
    monkeypatch.setenv("INGRAINED_CHROMA", address)
    capsys.readouterr()
    assert run(["memory", "pin", "0000", *words], doors()) == 4
    assert "index was behind" not in capsys.readouterr().err
    assert run(["doctor", *words, "--json"], doors()) in (0, 1)
    assert "in step with the ledger" in capsys.readouterr().out
    monkeypatch.setenv("INGRAINED_CHROMA", "nowhere")
    assert run(["memory", "pin", "0000", *words], doors()) == 2
