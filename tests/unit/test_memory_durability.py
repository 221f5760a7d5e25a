"""What the store survives: crashes, deleted folders, full disks, other processes."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ingrained.errors import HomeBusyError, HomeVersionError, StoreError
from ingrained.memory import MemoryStore
from ingrained.memory.chroma import ChromaIndex
from ingrained.memory.conformance import NOTES, Clock, note
from ingrained.memory.entries import Entry
from ingrained.memory.in_memory import InMemoryIndex
from ingrained.memory.rebuilding import rebuild_index
from ingrained.memory.testing import HashEmbedder

QUESTION = "When was the lighthouse finished?"


class Killed(BaseException):
    """Stands for the process ending: no handler of the store's may catch it."""


class CountingEmbedder(HashEmbedder):
    def __init__(self, *, name: str = "hash") -> None:
        super().__init__(name=name)
        self.embedded = 0

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded += len(texts)
        return super().embed(texts)


def filled(home: Path) -> list[str]:
    with MemoryStore.open(home, HashEmbedder()) as store:
        return [i.id for i in store.insert([note(t) for t in NOTES], who="reader", why="read")]


def die(*_: object) -> None:
    raise Killed


def test_a_crash_between_ledger_and_index_is_repaired_at_the_next_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = filled(tmp_path)
    with monkeypatch.context() as patch, MemoryStore.open(tmp_path, HashEmbedder()) as store:
        patch.setattr(ChromaIndex, "upsert", die)
        with pytest.raises(Killed):
            store.insert([note("Bees winter in the lamp room.")], who="reader", why="read")
    embedder = CountingEmbedder()
    with monkeypatch.context() as patch, MemoryStore.open(tmp_path, embedder) as store:
        assert (store.repaired.added, store.repaired.removed) == (1, 0)
        assert embedder.embedded == 0
        assert store.recall("Where do bees winter?")[0].memory.text.startswith("Bees")
        patch.setattr(ChromaIndex, "delete", die)
        with pytest.raises(Killed):
            store.forget([ids[0]], who="user", why="wrong")
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert (store.repaired.added, store.repaired.removed) == (0, 1)
        assert store.recall(QUESTION) == []
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert not store.repaired


def test_an_index_that_failed_once_catches_up_without_reopening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: ChromaIndex, entries: Sequence[Entry]) -> None:
        raise StoreError("disk full")

    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        with monkeypatch.context() as patch:
            patch.setattr(ChromaIndex, "upsert", full)
            with pytest.raises(StoreError, match="disk full"):
                store.insert([note(NOTES[0])], who="reader", why="read")
        assert store.recall(QUESTION)[0].dense > 0.0


def index_of(home: Path) -> Path:
    (folder,) = (home / "memory").glob("chroma*")
    return folder


def test_a_deleted_index_is_made_anew_from_the_ledger(tmp_path: Path) -> None:
    ids = filled(tmp_path)
    shutil.rmtree(index_of(tmp_path))
    embedder = CountingEmbedder()
    with MemoryStore.open(tmp_path, embedder) as store:
        assert store.repaired.added == len(NOTES)
        assert store.recall(QUESTION)[0].memory.id == ids[0]
        assert embedder.embedded == 1


def test_an_index_that_lost_entries_is_filled_again(tmp_path: Path) -> None:
    ids = filled(tmp_path)
    index = ChromaIndex(index_of(tmp_path), HashEmbedder())
    index.delete([(("default",), ids[0])])
    index.close()
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert store.recall(QUESTION)[0].dense > 0.0


def test_a_damaged_index_says_how_to_get_a_new_one(tmp_path: Path) -> None:
    ids = filled(tmp_path)
    folder = index_of(tmp_path)
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "chroma.sqlite3").write_text("garbage" * 1000)
    with pytest.raises(StoreError) as refused:
        MemoryStore.open(tmp_path, HashEmbedder())
    assert "ingrained memory rebuild" in refused.value.hint
    assert rebuild_index(tmp_path, HashEmbedder()) == len(NOTES)
    assert not folder.exists()
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert store.recall(QUESTION)[0].memory.id == ids[0]


@pytest.mark.parametrize("read_only", [False, True])
def test_another_embedder_is_refused_until_the_index_is_rebuilt(
    tmp_path: Path, read_only: bool
) -> None:
    ids = filled(tmp_path)
    other = HashEmbedder(name="other")
    with pytest.raises(StoreError, match="'hash', not with 'other'") as refused:
        MemoryStore.open(tmp_path, other, read_only=read_only)
    assert "ingrained memory rebuild --embedder" in refused.value.hint
    assert "INGRAINED_EMBEDDER" in refused.value.hint
    rebuild_index(tmp_path, other)
    with MemoryStore.open(tmp_path, other, read_only=read_only) as store:
        assert store.recall(QUESTION)[0].memory.id == ids[0]


def test_a_rebuild_that_was_cut_short_goes_on_and_the_old_index_serves_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = filled(tmp_path)
    other = CountingEmbedder(name="other")
    with monkeypatch.context() as patch:
        patch.setattr(ChromaIndex, "upsert", die)
        with pytest.raises(Killed):
            rebuild_index(tmp_path, other)
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert store.recall(QUESTION)[0].memory.id == ids[0]
        assert not store.repaired
    told: list[tuple[int, int]] = []
    assert rebuild_index(tmp_path, other, progress=lambda *done: told.append(done)) == len(NOTES)
    assert (told, other.embedded) == ([(len(NOTES), len(NOTES))], len(NOTES))
    with MemoryStore.open(tmp_path, other) as store:
        assert not store.repaired
        assert store.recall(QUESTION)[0].memory.id == ids[0]
    assert len(list((tmp_path / "memory").glob("chroma*"))) == 1


def test_vectors_of_another_embedder_in_the_index_folder_are_refused(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path / "chroma", HashEmbedder())
    index.seal(("some", 0))
    index.close()
    with pytest.raises(StoreError, match="'hash', not with 'other'"):
        ChromaIndex(tmp_path / "chroma", HashEmbedder(name="other"))


def test_a_damaged_ledger_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "memory" / "ledger.sqlite").write_text("garbage" * 1000)
    with pytest.raises(StoreError, match="not a database") as refused:
        MemoryStore.open(tmp_path, HashEmbedder())
    assert "backup" in refused.value.hint


def test_a_full_disk_records_nothing_and_loses_nothing(tmp_path: Path) -> None:
    ids = filled(tmp_path)
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        database = store._ledger._db
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count = {pages}")
        many = [note(f"Barrel {number} holds salted herring.") for number in range(200)]
        with pytest.raises(StoreError, match="full") as refused:
            store.insert(many, who="reader", why="read")
        assert "space" in refused.value.hint
        assert [memory.id for memory in store.list()] == ids
        database.execute(f"PRAGMA max_page_count = {pages + 10_000}")
        assert store.insert(many, who="reader", why="read")[0].outcome == "added"


def test_a_newer_ledger_is_left_as_it_is(tmp_path: Path) -> None:
    filled(tmp_path)
    ledger = tmp_path / "memory" / "ledger.sqlite"
    database = sqlite3.connect(ledger)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = ledger.read_bytes()
    for read_only in (False, True):
        with pytest.raises(HomeVersionError, match="99"):
            MemoryStore.open(tmp_path, HashEmbedder(), read_only=read_only)
    assert ledger.read_bytes() == before


def test_events_can_only_be_added(tmp_path: Path) -> None:
    filled(tmp_path)
    database = sqlite3.connect(tmp_path / "memory" / "ledger.sqlite")
    for change in ("DELETE FROM events", "UPDATE events SET who = 'nobody'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(change)
    database.close()


def test_there_is_one_writer_and_the_second_learns_who_it_is(tmp_path: Path) -> None:
    attempt = (
        "import sys; from pathlib import Path; from ingrained.memory import MemoryStore;"
        "from ingrained.memory.testing import HashEmbedder;"
        "MemoryStore.open(Path(sys.argv[1]), HashEmbedder())"
    )
    with MemoryStore.open(tmp_path, HashEmbedder()), pytest.raises(HomeBusyError, match="pid"):
        MemoryStore.open(tmp_path, HashEmbedder())
    with MemoryStore.open(tmp_path, HashEmbedder()):
        other = subprocess.run(
            [sys.executable, "-c", attempt, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "HomeBusyError" in other.stderr
    MemoryStore.open(tmp_path, HashEmbedder()).close()


def test_a_store_that_could_not_be_opened_does_not_keep_the_lock(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(StoreError):
        MemoryStore.open(tmp_path, HashEmbedder(name="other"))
    MemoryStore.open(tmp_path, HashEmbedder()).close()


def test_a_reader_sees_what_the_writer_writes_and_leaves_chroma_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = filled(tmp_path)
    with (
        MemoryStore.open(tmp_path, HashEmbedder()) as writer,
        monkeypatch.context() as patch,
    ):
        patch.setattr("ingrained.memory.opening.ChromaIndex", None)
        with MemoryStore.open(tmp_path, HashEmbedder(), read_only=True) as reader:
            assert reader.recall(QUESTION)[0].memory.id == ids[0]
            writer.forget([ids[0]], who="user", why="wrong")
            (bees,) = writer.insert([note("Bees winter in the lamp room.")], who="r", why="r")
            assert reader.recall(QUESTION) == []
            assert reader.recall("Where do bees winter?")[0].memory.id == bees.id
            with pytest.raises(StoreError, match="reading only"):
                reader.insert([note("Mine.")], who="r", why="r")


def test_there_is_nothing_to_read_where_nothing_was_written(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no memory"):
        MemoryStore.open(tmp_path / "nowhere", HashEmbedder(), read_only=True)
    assert not (tmp_path / "nowhere").exists()


def test_threads_may_share_a_store(tmp_path: Path) -> None:
    faults: list[Exception] = []
    with MemoryStore.open(tmp_path, HashEmbedder(), index=InMemoryIndex()) as store:

        def work(thread: int) -> None:
            try:
                for step in range(10):
                    text = f"Crate {thread}-{step} holds rope."
                    (done,) = store.insert([note(text)], who=str(thread), why="test")
                    store.recall(text)
                    store.reinforce([done.id], who=str(thread), why="test")
            except Exception as fault:  # noqa: BLE001 - handed to the main thread below
                faults.append(fault)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert len(store.list()) == 40
        assert store.stats().reinforced == 40


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    store = MemoryStore.open(tmp_path, HashEmbedder())
    store.close()
    store.close()


def test_a_restored_superseded_memory_is_superseded_still(tmp_path: Path) -> None:
    with MemoryStore.open(tmp_path, HashEmbedder(), index=InMemoryIndex(), clock=Clock()) as store:
        (old,) = store.insert([note(NOTES[0])], who="r", why="r")
        superseded = dataclasses.replace(store.get(old.id), status="superseded")
        store.update(superseded, who="agent", why="newer document")
        store.forget([old.id], who="user", why="?")
        store.restore([old.id], who="user", why="!")
        assert store.get(old.id).status == "superseded"
        assert store.recall(QUESTION) == []


def test_an_older_ledger_beside_a_newer_index_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path)
    ledger = tmp_path / "memory" / "ledger.sqlite"
    backup = ledger.read_bytes()
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        store.insert([note("Bees winter in the lamp room.")], who="r", why="r")
    ledger.write_bytes(backup)
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        assert (store.repaired.added, store.repaired.removed) == (0, 1)


def test_a_reader_notices_that_the_embedder_was_changed(tmp_path: Path) -> None:
    filled(tmp_path)
    with MemoryStore.open(tmp_path, HashEmbedder(), read_only=True) as reader:
        assert reader.recall(QUESTION)
        rebuild_index(tmp_path, HashEmbedder(name="other"))
        with pytest.raises(StoreError, match="indexed with the embedder 'other'"):
            reader.recall(QUESTION)


def test_a_purge_that_was_cut_short_is_finished_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "The passphrase is quillwort seventeen."
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        (made,) = store.insert([note(secret)], who="t", why="t")
        with monkeypatch.context() as patch:
            patch.setattr("ingrained.memory.ledger.Ledger.scrub", die)
            with pytest.raises(Killed):
                store.purge([made.id], who="t", why="t")
    for _ in range(2):
        MemoryStore.open(tmp_path, HashEmbedder()).close()
    assert not [
        path for path in (tmp_path / "memory").rglob("*")
        if path.is_file() and b"quillwort" in path.read_bytes()
    ]  # fmt: skip


def test_a_purge_beside_a_reader_says_what_is_left_to_do(tmp_path: Path) -> None:
    ids = filled(tmp_path)
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        reader = sqlite3.connect(tmp_path / "memory" / "ledger.sqlite", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        store._ledger._db.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(StoreError, match="another process is reading"):
            store.purge([ids[0]], who="t", why="t")
        reader.close()
    MemoryStore.open(tmp_path, HashEmbedder()).close()
    everything = b"".join(p.read_bytes() for p in (tmp_path / "memory").glob("ledger*"))
    assert NOTES[0].encode() not in everything


def test_a_question_put_again_is_not_embedded_again(tmp_path: Path) -> None:
    filled(tmp_path)
    embedder = CountingEmbedder()
    with MemoryStore.open(tmp_path, embedder) as store:
        before = embedder.embedded
        first, again = (store.recall_many([QUESTION, QUESTION], k=k) for k in (1, 3))
        store.recall("Who keeps the lamp?")
    assert first[0][0].memory == again[0][0].memory
    assert embedder.embedded == before + 2


def test_an_embedder_may_return_arrays(tmp_path: Path) -> None:
    class Arrays(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> list[list[float]]:
            return [np.array(vector) for vector in super().embed(texts)]  # type: ignore[misc]

    with MemoryStore.open(tmp_path, Arrays()) as store:
        store.insert([note(NOTES[0])], who="reader", why="read")
        first, again = store.recall(QUESTION), store.recall(QUESTION)
    assert [one.memory.text for one in again] == [one.memory.text for one in first] == [NOTES[0]]
