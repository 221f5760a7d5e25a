"""The record of everything ever remembered: SQLite, append-only events, one transaction each.

Beside the events the file holds what can be derived from them and is changed in the same
transaction: the current memories, their full-text index, what they can be looked up by, and a
cache of their vectors, so that an index can be rebuilt, and a reader served, without running the
embedder again. It also notes what the index may not have yet, so that a crash between the two is
found at the next start without comparing everything.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingrained.errors import StoreError

from .entries import (
    duplicate_key,
    entry_digest,
    facets,
    namespace_key,
    namespace_token,
    near_key,
    text_digest,
)
from .lexical import clean
from .lookups import Counts, Lookups, Vectors
from .records import Memory
from .results import EventKind
from .schema import SCHEMA_VERSION, migrate, schema_version

_BUSY_SECONDS = 30.0
_SCRUB = "scrub_due"
"""Set while what was purged may still be in the file."""
_ONE_EVENT = """
    INSERT INTO events (batch, time, who, why, kind, memory_id, before, after)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_COLUMNS = (
    "id", "namespace", "kind", "status", "pinned", "strength", "created", "last_recalled", "trust",
    "duplicate_key", "near_key", "digest", "body",
)  # fmt: skip
_ONE_MEMORY = f"""
    INSERT INTO memories (seq, {", ".join(_COLUMNS)}) VALUES (?{", ?" * len(_COLUMNS)})
    ON CONFLICT (seq) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)}
"""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One memory before and after; `before` is None when it is new."""

    kind: EventKind
    before: Memory | None
    after: Memory


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who changes something, for what reason and when (POSIX seconds)."""

    who: str
    why: str
    time: float


_CACHE_KIB = 32 * 1024
"""Most memory that pages of the file may take. SQLite's own 2 MiB does not hold what a search by
words reads of 100,000 memories."""


class Ledger(Lookups):
    """One open ledger file. Not synchronised: the store's lock guards it.

    Args:
        path: The SQLite file; made when missing, unless `read_only`.
        read_only: Refuse every change.

    Raises:
        HomeVersionError: When a newer Ingrained wrote the file.
        StoreError: When the file is missing (read-only), damaged or not to be opened.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._counts = Counts()
        self._indexed: list[tuple[str, str]] = []
        self.read_only = read_only
        if read_only and not path.is_file():
            raise no_memory(path)
        with self._errors():
            self._db = _connect(path)
        try:
            with self._errors():
                self._db.execute(f"PRAGMA cache_size = {-_CACHE_KIB}")
                self._prepare()
        except StoreError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        version = schema_version(self._db)
        if self.read_only:
            if version < SCHEMA_VERSION:
                raise StoreError(
                    "The memory ledger has an older format.",
                    hint="Open it once for writing (any studying command): that upgrades it.",
                )
            self._db.execute("PRAGMA query_only = ON")
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        migrate(self._db)
        self._db.execute("PRAGMA foreign_keys = ON")
        self.scrub()

    def close(self) -> None:
        """Close the file."""
        try:
            if self._indexed:
                with self._transaction():
                    self._forget_indexed()
        finally:
            self._db.close()

    def write(
        self, changes: Sequence[Change], author: Author, *, fingerprint: str, vectors: Vectors
    ) -> None:
        """Record all changes, or none.

        Args:
            changes: In order; later ones of the same memory build on earlier ones.
            author: Who changes what, and why.
            fingerprint: Of the embedder that made the vectors.
            vectors: By memory id; those whose text changed.

        Raises:
            StoreError: When the disk is full or the file is damaged; nothing is recorded then.
        """
        last = {change.after.id: change.after for change in changes}
        with self._transaction():
            self._forget_indexed()
            rows = self._rows_of(last)
            bodies = self._append(changes, author, {id_: body for id_, (_, body) in rows.items()})
            seqs = self._seqs(last, {id_: seq for id_, (seq, _) in rows.items()})
            self._materialise(last, seqs, bodies, known=rows)
            self._note_unindexed(changes)
            self._put_vectors(last, seqs, fingerprint, vectors)

    def save_vectors(
        self, memories: Mapping[str, Memory], *, fingerprint: str, vectors: Vectors
    ) -> None:
        """Cache vectors made outside a change."""
        with self._transaction():
            seqs = {id_: seq for id_, (seq, _) in self._rows_of(memories).items()}
            self._put_vectors(memories, seqs, fingerprint, vectors)

    def drop_other_vectors(self, fingerprint: str) -> None:
        """Forget the vectors of every other embedder."""
        with self._transaction():
            self._db.execute("DELETE FROM vectors WHERE fingerprint != ?", (fingerprint,))

    def put_settings(self, settings: Mapping[str, str]) -> None:
        """Remember facts about the store itself, all in one transaction."""
        with self._transaction():
            self._db.executemany(
                "INSERT INTO settings VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                list(settings.items()),
            )

    def note_indexed(self, entries: Iterable[tuple[tuple[str, ...], str]]) -> None:
        """Take note that the index has these; written down with the next change, or at the close."""
        self._indexed.extend((namespace_key(namespace), id_) for namespace, id_ in entries)

    def purge(self, ids: Sequence[str], author: Author) -> None:
        """Delete all that was ever recorded of these memories but that there was something.

        The events stay, without what the memories said; one more tells of the purge.
        """
        key = json.dumps(list(ids))
        chosen = "(SELECT value FROM json_each(?))"
        with self._transaction():
            self._forget_indexed()
            self._db.execute(
                "INSERT OR IGNORE INTO unindexed SELECT id, namespace FROM memories "
                f"WHERE id IN {chosen}", (key,)
            )  # fmt: skip
            self._db.execute(
                "DELETE FROM memories_fts WHERE rowid IN "
                f"(SELECT seq FROM memories WHERE id IN {chosen})", (key,)
            )  # fmt: skip
            self._db.execute(f"DELETE FROM memories WHERE id IN {chosen}", (key,))
            for column in ("before", "after"):
                self._db.execute(
                    f"DELETE FROM bodies WHERE id IN "
                    f"(SELECT {column} FROM events WHERE memory_id IN {chosen})", (key,)
                )  # fmt: skip
            self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, 'yes')", (_SCRUB,))
            batch = self._next("events")
            self._db.executemany(
                _ONE_EVENT,
                [(batch, author.time, author.who, author.why, "purge", id_, None, None)
                 for id_ in ids],
            )  # fmt: skip

    def drop_past(self, holds: Callable[[Memory], bool]) -> int:
        """Delete the past states for which `holds` is true, of memories that stay; return how many.

        What a memory says now is never deleted. The events stay, without what was said then.
        """
        past = "SELECT id, body FROM bodies WHERE id NOT IN (SELECT body FROM memories)"
        with self._transaction():
            rows = self._db.execute(past)
            found = [(id_,) for id_, body in rows if holds(Memory.from_dict(json.loads(body)))]
            self._db.executemany("DELETE FROM bodies WHERE id = ?", found)
            if found:
                self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, 'yes')", (_SCRUB,))
        return len(found)

    def scrub(self) -> bool:
        """Leave no byte of what was purged in the file or beside it; return whether that was done.

        Deleted rows are overwritten as they go (`secure_delete`); the full-text index drops its
        deleted words when it is merged, and the write-ahead log is emptied. Where another process
        is reading, it cannot be; it is left for later, also when this process is killed.
        """
        if self.setting(_SCRUB) is None:
            return True
        with self._errors():
            self._db.execute("INSERT INTO memories_fts (memories_fts) VALUES ('optimize')")
            busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            return False
        with self._transaction():
            self._db.execute("DELETE FROM settings WHERE key = ?", (_SCRUB,))
        return True

    def _rows_of(self, memories: Iterable[str]) -> dict[str, tuple[int, int]]:
        rows = self._db.execute(
            "SELECT id, seq, body FROM memories WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(memories)),),
        )
        return {str(id_): (int(seq), int(body)) for id_, seq, body in rows}

    def _seqs(self, memories: Iterable[str], known: Mapping[str, int]) -> dict[str, int]:
        fresh = self._next("memories")
        seqs = dict(known)
        for id_ in memories:
            if id_ not in seqs:
                seqs[id_], fresh = fresh, fresh + 1
        return seqs

    def _next(self, table: str) -> int:
        rows = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        row = rows.fetchone()
        return 1 if row is None else int(row[0]) + 1

    def _append(
        self, changes: Sequence[Change], author: Author, known: Mapping[str, int]
    ) -> dict[str, int]:
        """Append the events; return the row of each memory's last body."""
        batch, body = self._next("events"), self._next("bodies")
        who, why = clean(author.who), clean(author.why)
        latest = dict(known)
        bodies: list[tuple[int, str]] = []
        events: list[tuple[object, ...]] = []
        for number, change in enumerate(changes, start=body):
            id_ = change.after.id
            before = None if change.before is None else latest[id_]
            bodies.append((number, json.dumps(change.after.to_dict())))
            events.append((batch, author.time, who, why, change.kind, id_, before, number))
            latest[id_] = number
        self._db.executemany("INSERT INTO bodies (id, body) VALUES (?, ?)", bodies)
        self._db.executemany(_ONE_EVENT, events)
        return latest

    def _materialise(
        self,
        memories: Mapping[str, Memory],
        seqs: Mapping[str, int],
        bodies: Mapping[str, int],
        *,
        known: Iterable[str],
    ) -> None:
        old = [(seqs[id_],) for id_ in known]
        self._db.executemany("DELETE FROM memories_fts WHERE rowid = ?", old)
        self._db.executemany("DELETE FROM facets WHERE seq = ?", old)
        self._db.executemany(
            _ONE_MEMORY, [(seqs[id_], *_columns(m, bodies[id_])) for id_, m in memories.items()]
        )
        self._db.executemany(
            "INSERT INTO memories_fts (rowid, text, title, space) VALUES (?, ?, ?, ?)",
            [
                (seqs[id_], *_words(memory))
                for id_, memory in memories.items()
                if memory.status == "active"
            ],
        )
        self._db.executemany(
            "INSERT INTO facets (seq, name, value) VALUES (?, ?, ?)",
            [(seqs[id_], *facet) for id_, memory in memories.items() for facet in facets(memory)],
        )

    def _note_unindexed(self, changes: Sequence[Change]) -> None:
        touched = {
            (one.id, namespace_key(one.namespace))
            for change in changes
            for one in (change.before, change.after)
            if one is not None
        }
        self._db.executemany("INSERT OR IGNORE INTO unindexed VALUES (?, ?)", sorted(touched))

    def _forget_indexed(self) -> None:
        self._db.executemany("DELETE FROM unindexed WHERE namespace = ? AND id = ?", self._indexed)
        self._indexed = []

    def _put_vectors(
        self,
        memories: Mapping[str, Memory],
        seqs: Mapping[str, int],
        fingerprint: str,
        vectors: Vectors,
    ) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO vectors (seq, fingerprint, text_digest, vector) "
            "VALUES (?, ?, ?, ?)",
            [
                (seqs[id_], fingerprint, text_digest(memories[id_]), array("f", vector))
                for id_, vector in vectors.items()
            ],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            indexed = self._indexed
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                self._indexed = indexed
                raise


def no_memory(path: Path) -> StoreError:
    """Return the error for a ledger that is not there."""
    return StoreError(
        f"There is no memory at {str(path.parent)!r}.",
        hint="Let the agent study something first, or check --home.",
    )


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _words(memory: Memory) -> tuple[str, str, str]:
    return clean(memory.text), clean(memory.title), namespace_token(memory.namespace)


def _columns(memory: Memory, body: int) -> tuple[Any, ...]:
    """Return the values of `_COLUMNS`."""
    return (
        memory.id, namespace_key(memory.namespace), memory.kind, memory.status, memory.pinned,
        memory.strength, memory.created, memory.last_recalled, memory.trust,
        duplicate_key(memory), near_key(memory), entry_digest(memory), body,
    )  # fmt: skip
