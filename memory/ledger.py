"""The record of everything ever remembered: SQLite, append-only events, one transaction each.

Beside the events the file holds what can be derived from them and is changed in the same
transaction: the current memories, their full-text index, and a cache of their vectors, so
that an index can be rebuilt, and a reader served, without running the embedder again.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ingrained.disk import way_out
from ingrained.errors import StoreError

from .entries import duplicate_key, entry_digest, namespace_key, text_digest
from .lexical import clean, match_expression
from .records import Memory
from .results import Event, EventKind
from .schema import SCHEMA_VERSION, migrate, schema_version

_BUSY_SECONDS = 30.0
_TITLE_WEIGHT = 0.01
"""A title makes its notes candidates, behind every note whose own text matches."""
_IN_DOCUMENT = """
    EXISTS (SELECT 1 FROM json_each(memories.body, '$.spans') AS span
            WHERE json_extract(span.value, '$.document') = ?)
"""

Vectors = Mapping[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One memory before and after; `before` is None when it is new."""

    kind: EventKind
    before: Memory | None
    after: Memory


class Ledger:
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
        if read_only and not path.is_file():
            raise StoreError(
                f"There is no memory at {str(path.parent)!r}.",
                hint="Let the agent study something first, or check --home.",
            )
        with self._errors():
            self._db = _connect(path)
        try:
            with self._errors():
                self._prepare(read_only)
        except StoreError:
            self._db.close()
            raise

    def _prepare(self, read_only: bool) -> None:
        version = schema_version(self._db)
        if read_only:
            if version < SCHEMA_VERSION:
                raise StoreError(
                    "The memory ledger has an older format.",
                    hint="Open it once for writing (any studying command): that upgrades it.",
                )
            self._db.execute("PRAGMA query_only = ON")
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        migrate(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def write(
        self,
        changes: Sequence[Change],
        *,
        time: float,
        who: str,
        why: str,
        fingerprint: str,
        vectors: Vectors,
    ) -> None:
        """Record all changes, or none.

        Args:
            changes: In order; later ones of the same memory build on earlier ones.
            time: POSIX seconds.
            who: Who made the changes.
            why: For what reason.
            fingerprint: Of the embedder that made the vectors.
            vectors: By memory id; those whose text changed.

        Raises:
            StoreError: When the disk is full or the file is damaged; nothing is recorded then.
        """
        with self._transaction():
            for change in changes:
                self._append(change, time, clean(who), clean(why))
            for memory in {change.after.id: change.after for change in changes}.values():
                self._materialise(memory)
            self._put_vectors({c.after.id: c.after for c in changes}, fingerprint, vectors)

    def save_vectors(
        self, memories: Mapping[str, Memory], *, fingerprint: str, vectors: Vectors
    ) -> None:
        """Cache vectors made outside a change."""
        with self._transaction():
            self._put_vectors(memories, fingerprint, vectors)

    def put_setting(self, key: str, value: str) -> None:
        """Remember a fact about the store itself."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO settings VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def setting(self, key: str) -> str | None:
        """Return what `put_setting` stored."""
        rows = self._rows("SELECT value FROM settings WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def load(self, ids: Iterable[str]) -> dict[str, Memory]:
        """Return the memories with these ids, by id; unknown ids are left out."""
        rows = self._rows(
            "SELECT body FROM memories WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {memory.id: memory for memory in map(_memory, rows)}

    def ids_starting(self, prefix: str) -> list[str]:
        """Return all ids that start with `prefix`, sorted."""
        rows = self._rows(
            "SELECT id FROM memories WHERE substr(id, 1, ?) = ? ORDER BY id", (len(prefix), prefix)
        )
        return [str(row[0]) for row in rows]

    def twin(self, memory: Memory) -> Memory | None:
        """Return the memory that says the same as `memory`, if there is one."""
        rows = self._rows(
            "SELECT body FROM memories WHERE duplicate_key = ?", (duplicate_key(memory),)
        )
        return _memory(rows[0]) if rows else None

    def select(
        self,
        *,
        namespace: tuple[str, ...] | None = None,
        kind: str | None = None,
        document: str | None = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> list[Memory]:
        """Return the memories that meet every condition given, oldest first."""
        conditions = {
            "namespace = ?": None if namespace is None else namespace_key(namespace),
            "kind = ?": kind,
            "status = ?": status,
            _IN_DOCUMENT: document,
        }
        used = {sql: value for sql, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(used)}" if used else ""
        rows = self._rows(
            f"SELECT body FROM memories {where} ORDER BY seq LIMIT ?",
            (*used.values(), -1 if limit is None else limit),
        )
        return [_memory(row) for row in rows]

    def search(
        self, expression: str, *, namespace: tuple[str, ...], document: str | None, limit: int
    ) -> list[str]:
        """Return ids of active memories that match, best BM25 first.

        Args:
            expression: As `lexical.match_expression` makes it; an empty one matches nothing.
            namespace: Only this one.
            document: Only memories that rest on this document; any when None.
            limit: At most so many.
        """
        if not expression:
            return []
        narrowed = "" if document is None else f"AND {_IN_DOCUMENT}"
        rows = self._rows(
            f"""
            SELECT memories.id FROM memories_fts
            JOIN memories ON memories.seq = memories_fts.rowid
            WHERE memories_fts MATCH ? AND memories.namespace = ? {narrowed}
            ORDER BY bm25(memories_fts, 1.0, {_TITLE_WEIGHT}), memories.seq LIMIT ?
            """,
            (
                expression,
                namespace_key(namespace),
                *([] if document is None else [document]),
                limit,
            ),
        )
        return [str(row[0]) for row in rows]

    def searchable(self) -> int:
        """Return how many memories the full-text index holds."""
        return int(self._rows("SELECT count(*) FROM memories WHERE status = 'active'")[0][0])

    def frequency(self, word: str) -> int:
        """Return how many active memories hold the word or another form of it."""
        matches = "SELECT count(*) FROM memories_fts WHERE memories_fts MATCH ?"
        return int(self._rows(matches, (match_expression([word]),))[0][0])

    def digests(self) -> dict[str, str]:
        """Return what an index must hold: the entry digest of every active memory, by id."""
        rows = self._rows("SELECT id, digest FROM memories WHERE status = 'active' ORDER BY seq")
        return {str(row[0]): str(row[1]) for row in rows}

    def vectors(
        self, memories: Mapping[str, Memory], *, fingerprint: str
    ) -> dict[str, Sequence[float]]:
        """Return the cached vectors that are still right for these memories, by id."""
        rows = self._rows(
            """
            SELECT memories.id, vectors.text_digest, vectors.vector FROM vectors
            JOIN memories USING (seq)
            WHERE vectors.fingerprint = ? AND memories.id IN (SELECT value FROM json_each(?))
            """,
            (fingerprint, json.dumps(list(memories))),
        )
        return {
            str(row[0]): array("f", row[2])
            for row in rows
            if row[1] == text_digest(memories[str(row[0])])
        }

    def events(self, memory_id: str | None = None) -> list[Event]:
        """Return the events of one memory, or all of them, oldest first."""
        where, values = ("", ()) if memory_id is None else ("WHERE memory_id = ?", (memory_id,))
        rows = self._rows(
            "SELECT id, time, who, why, kind, memory_id, before, after "
            f"FROM events {where} ORDER BY id",
            values,
        )
        return [_event(row) for row in rows]

    def event_count(self) -> int:
        """Return how many events there are."""
        return int(self._rows("SELECT count(*) FROM events")[0][0])

    def data_version(self) -> int:
        """Return a number that changes when another connection has changed the file."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def _append(self, change: Change, time: float, who: str, why: str) -> None:
        self._db.execute(
            "INSERT INTO events (time, who, why, kind, memory_id, before, after) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                time,
                who,
                why,
                change.kind,
                change.after.id,
                None if change.before is None else json.dumps(change.before.to_dict()),
                json.dumps(change.after.to_dict()),
            ),
        )

    def _materialise(self, memory: Memory) -> None:
        self._db.execute(
            """
            INSERT INTO memories (id, namespace, kind, status, duplicate_key, digest, body)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET
                namespace = excluded.namespace, kind = excluded.kind, status = excluded.status,
                duplicate_key = excluded.duplicate_key, digest = excluded.digest,
                body = excluded.body
            """,
            (
                memory.id,
                namespace_key(memory.namespace),
                memory.kind,
                memory.status,
                duplicate_key(memory),
                entry_digest(memory),
                json.dumps(memory.to_dict()),
            ),
        )
        seq = self._seq(memory.id)
        self._db.execute("DELETE FROM memories_fts WHERE rowid = ?", (seq,))
        if memory.status == "active":
            self._db.execute(
                "INSERT INTO memories_fts (rowid, text, title) VALUES (?, ?, ?)",
                (seq, clean(memory.text), clean(memory.title)),
            )

    def _put_vectors(
        self, memories: Mapping[str, Memory], fingerprint: str, vectors: Vectors
    ) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO vectors (seq, fingerprint, text_digest, vector) "
            "VALUES (?, ?, ?, ?)",
            [
                (self._seq(id_), fingerprint, text_digest(memories[id_]), array("f", vector))
                for id_, vector in vectors.items()
            ],
        )

    def _seq(self, memory_id: str) -> int:
        return int(self._rows("SELECT seq FROM memories WHERE id = ?", (memory_id,))[0][0])

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._db.execute(sql, cast("Any", values)).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _store_error(error, self._path) from error


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _memory(row: tuple[Any, ...]) -> Memory:
    return Memory.from_dict(json.loads(row[0]))


def _event(row: tuple[Any, ...]) -> Event:
    return Event(
        id=row[0],
        time=row[1],
        who=row[2],
        why=row[3],
        kind=row[4],
        memory_id=row[5],
        before=None if row[6] is None else Memory.from_dict(json.loads(row[6])),
        after=Memory.from_dict(json.loads(row[7])),
    )


def _store_error(error: sqlite3.Error, path: Path) -> StoreError:
    return StoreError(
        f"The memory ledger {str(path)!r} cannot be used: {error}. Nothing was recorded.",
        hint=way_out(error),
    )
