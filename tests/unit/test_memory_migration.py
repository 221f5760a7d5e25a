"""A ledger of version 0.1 (schema 1) is brought up to date with everything in it."""

from __future__ import annotations

import json
import sqlite3
from array import array
from pathlib import Path

import pytest

from ingrained.errors import StoreError
from ingrained.memory import MemoryStore
from ingrained.memory.conformance import DAY, NOTES, START, Clock, note
from ingrained.memory.entries import duplicate_key, namespace_key, text_digest
from ingrained.memory.records import Memory, memory_id
from ingrained.memory.schema import MIGRATIONS
from ingrained.memory.testing import HashEmbedder

NEW_FIELDS = {
    "tags", "flags", "valid_from", "valid_to", "superseded_by", "derived_from", "derived_sha256",
}  # fmt: skip


def old_body(memory: Memory) -> str:
    return json.dumps({k: v for k, v in memory.to_dict().items() if k not in NEW_FIELDS})


def old_home(home: Path) -> list[Memory]:
    """Make the ledger as version 0.1 did: three memories, the last of them forgotten a day later."""
    folder = home / "memory"
    (folder / "chroma").mkdir(parents=True)
    (folder / "chroma" / "chroma.sqlite3").write_text("old index")
    database = sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)
    for statement in MIGRATIONS[0]:
        database.execute(statement)
    database.execute("PRAGMA user_version = 1")
    embedder = HashEmbedder()
    made = []
    for seq, text in enumerate(NOTES[:3], start=1):
        id_ = memory_id(("default",), "fact", text)
        memory = Memory.from_dict({**note(text).to_dict(), "id": id_, "created": START})
        forgotten = Memory.from_dict({**memory.to_dict(), "status": "forgotten"})
        now = forgotten if seq == 3 else memory
        database.execute(
            "INSERT INTO events (time, who, why, kind, memory_id, before, after) "
            "VALUES (?, 'study', 'quiz', 'insert', ?, NULL, ?)",
            (START, id_, old_body(memory)),
        )
        if seq == 3:
            database.execute(
                "INSERT INTO events (time, who, why, kind, memory_id, before, after) "
                "VALUES (?, 'cli', 'asked to', 'forget', ?, ?, ?)",
                (START + DAY, id_, old_body(memory), old_body(now)),
            )
        database.execute(
            "INSERT INTO memories VALUES (?, ?, ?, 'fact', ?, ?, 'old digest', ?)",
            (seq, id_, namespace_key(("default",)), now.status, duplicate_key(now), old_body(now)),
        )
        if seq != 3:
            database.execute(
                "INSERT INTO memories_fts (rowid, text, title) VALUES (?, ?, '')", (seq, text)
            )
        (vector,) = embedder.embed([text])
        database.execute(
            "INSERT INTO vectors VALUES (?, ?, ?, ?)",
            (seq, embedder.fingerprint, text_digest(memory), array("f", vector)),
        )
        made.append(now)
    database.executemany(
        "INSERT INTO settings VALUES (?, ?)",
        [("embedder_name", "hash"), ("embedder_fingerprint", embedder.fingerprint)],
    )
    database.close()
    return made


class Refusing(HashEmbedder):
    def embed(self, texts: object) -> list[list[float]]:
        assert not list(texts), "the vectors are in the old ledger"  # type: ignore[call-overload]
        return []


def test_memories_history_and_vectors_come_along(tmp_path: Path) -> None:
    made = old_home(tmp_path)
    with MemoryStore.open(tmp_path, Refusing(), clock=Clock()) as store:
        assert store.list(status=None) == made
        assert [event.kind for event in store.history(made[2].id)] == ["insert", "forget"]
        forget = store.history(made[2].id)[-1]
        assert (forget.before.status, forget.after) == ("active", made[2])
        assert store.repaired.added == 2
        assert [memory.status for memory in store.at(START + 1)] == ["active"] * 3
        assert {store.history(memory.id)[0].batch for memory in made} == {1}
        store.forget([made[0].id], who="t", why="t")
    assert not (tmp_path / "memory" / "chroma").exists()
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        store.restore([made[0].id], who="t", why="t")
        assert store.recall(NOTES[0])[0].memory.id == made[0].id
        assert store.recall(NOTES[0], search="words")[0].memory.id == made[0].id
        assert store.list(document="guide.md")[0].id == made[0].id


def test_a_reader_does_not_bring_it_up(tmp_path: Path) -> None:
    old_home(tmp_path)
    with pytest.raises(StoreError, match="older format"):
        MemoryStore.open(tmp_path, HashEmbedder(), read_only=True)
