"""The items of a store and their vectors in SQLite: the truth that Chroma is a cache of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingrained.disk import way_out
from ingrained.errors import StoreError

from .filters import matches
from .namespaces import decode, encode, key_range
from .schema import migrate

if TYPE_CHECKING:
    from .embedding import Indexing, Vector

_BUSY_SECONDS = 30.0
_ROWS_AT_ONCE = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = "items.id, namespace, key, value, created, updated"
_NEWEST_FIRST = "ORDER BY updated DESC, items.id DESC LIMIT ? OFFSET ?"
MICROSECONDS = 1_000_000
_MICROSECONDS_A_MINUTE = 60 * MICROSECONDS


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    """One row."""

    id: int
    namespace: tuple[str, ...]
    key: str
    value: dict[str, Any]
    created: datetime
    updated: datetime


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which items a search is about.

    Attributes:
        prefix: The labels that the namespace begins with.
        filter: What the value fulfils; see `filters.matches`.
        alive_at: Without those that have expired by then, in microseconds; None is with them.
    """

    prefix: tuple[str, ...]
    filter: Mapping[str, Any] | None = None
    alive_at: int | None = None


class Items:
    """One open file. Not synchronised: the store's lock guards it.

    Args:
        path: The file; made when missing.

    Raises:
        HomeVersionError: When a newer Ingrained wrote it.
        StoreError: From any method, when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._errors():
            self._db = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors():
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA secure_delete = ON")
                migrate(self._db)
        except StoreError:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done inside happen as a whole or not at all."""
        with self._errors():
            self._db.execute("BEGIN")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise

    def get(self, namespace: Sequence[str], key: str, *, alive_at: int | None) -> StoredItem | None:
        """Return one item; None when there is none, or it has expired by `alive_at`."""
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM items WHERE namespace = ? AND key = ? "
            "AND (? IS NULL OR expires IS NULL OR expires > ?)",
            (encode(namespace), _bytes(key), alive_at, alive_at),
        )
        return _item(rows[0]) if rows else None

    def load(self, ids: Sequence[int]) -> list[StoredItem]:
        """Return these items, in this order."""
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM items WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        by_id = {row[0]: _item(row) for row in rows}
        return [by_id[id_] for id_ in ids]

    def put(
        self,
        namespace: Sequence[str],
        key: str,
        value: str,
        *,
        indexing: Indexing,
        ttl: float | None,
        now: int,
        vectors: Iterable[Vector],
    ) -> None:
        """Put an item in, or another value and other vectors in its place.

        Args:
            namespace: Where.
            key: Under which name.
            value: JSON.
            indexing: The `index` it was put with, for when it is embedded again.
            ttl: Minutes that it lives unread; None is for ever.
            now: Microseconds.
            vectors: All that it is found by.
        """
        where = (encode(namespace), _bytes(key))
        expires = None if ttl is None else now + round(ttl * _MICROSECONDS_A_MINUTE)
        ((id_,),) = self._rows(
            """
            INSERT INTO items (namespace, key, value, indexing, created, updated, ttl, expires)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (namespace, key) DO UPDATE SET
                value = excluded.value, indexing = excluded.indexing,
                updated = excluded.updated, ttl = excluded.ttl, expires = excluded.expires
            RETURNING id
            """,
            (*where, value, json.dumps(indexing), now, now, ttl, expires),
        )
        self._rows("DELETE FROM vectors WHERE item = ?", (id_,))
        self.add_vectors(id_, vectors)

    def add_vectors(self, id_: int, vectors: Iterable[Vector]) -> None:
        """Let an item be found by these vectors too."""
        for vector in vectors:
            blob = vector.astype("<f4").tobytes()
            self._rows("INSERT INTO vectors (item, vector) VALUES (?, ?)", (id_, blob))

    def delete(self, namespace: Sequence[str], key: str) -> None:
        """Delete an item and its vectors, if there is one."""
        self._rows(
            "DELETE FROM items WHERE namespace = ? AND key = ?", (encode(namespace), _bytes(key))
        )

    def refresh(self, ids: Sequence[int], now: int) -> None:
        """Let these items live for another whole `ttl`, those that have one."""
        self._rows(
            "UPDATE items SET expires = ? + CAST(round(ttl * ?) AS INTEGER) "
            "WHERE ttl IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
            (now, _MICROSECONDS_A_MINUTE, json.dumps(list(ids))),
        )

    def sweep(self, now: int) -> int:
        """Delete what has expired; return how many items that were."""
        return len(self._rows("DELETE FROM items WHERE expires <= ? RETURNING id", (now,)))

    def newest(
        self, scope: Scope, *, limit: int, offset: int, without_vectors: bool = False
    ) -> list[StoredItem]:
        """Return a page of the items in scope, the last updated first."""
        where, values = self._where(scope)
        if without_vectors:
            where += " AND NOT EXISTS (SELECT 1 FROM vectors WHERE item = items.id)"
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM items WHERE {where} {_NEWEST_FIRST}", (*values, limit, offset)
        )
        return [_item(row) for row in rows]

    def namespaces(self, prefix: Sequence[str], *, alive_at: int | None) -> list[tuple[str, ...]]:
        """Return the namespaces under a prefix that hold an item."""
        where, values = self._where(Scope(prefix=tuple(prefix), alive_at=alive_at))
        rows = self._rows(f"SELECT DISTINCT namespace FROM items WHERE {where}", values)
        return [decode(row[0]) for row in rows]

    def vectors(
        self, scope: Scope, among: Sequence[int] | None = None
    ) -> Iterator[list[tuple[int, bytes]]]:
        """Yield (item id, vector) of all in scope, or of those `among` these vectors, in chunks."""
        where, values = self._where(scope)
        source = "items JOIN vectors ON vectors.item = items.id"
        if among is not None:
            source = (
                "json_each(?) AS chosen CROSS JOIN vectors ON vectors.id = chosen.value "
                "CROSS JOIN items ON items.id = vectors.item"
            )
            values = [json.dumps(list(among)), *values]
        with self._errors():
            sql = f"SELECT items.id, vectors.vector FROM {source} WHERE {where}"
            cursor = self._db.execute(sql, values)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield rows

    def has_more_vectors_than(self, count: int, prefix: Sequence[str]) -> bool:
        """Return whether so many vectors lie under a prefix."""
        where, values = self._where(Scope(prefix=tuple(prefix)))
        rows = self._rows(
            "SELECT 1 FROM items JOIN vectors ON vectors.item = items.id "
            f"WHERE {where} LIMIT 1 OFFSET ?",
            (*values, count),
        )
        return bool(rows)

    def vector_count(self) -> int:
        """Return how many vectors there are."""
        return int(self._rows("SELECT count(*) FROM vectors")[0][0])

    def vector_ids(self) -> list[int]:
        """Return the ids of all vectors."""
        return [row[0] for row in self._rows("SELECT id FROM vectors")]

    def vectors_by_id(self, ids: Sequence[int]) -> list[tuple[int, bytes]]:
        """Return the id and the bytes of those of these vectors that exist."""
        return self._rows(
            "SELECT id, vector FROM vectors WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )

    def pending(self) -> list[int]:
        """Return the ids of the vectors that were made or deleted since `forget_pending`."""
        return [row[0] for row in self._rows("SELECT vector FROM pending")]

    def pending_count(self) -> int:
        """Return how many there are."""
        return int(self._rows("SELECT count(*) FROM pending")[0][0])

    def forget_pending(self) -> None:
        """Say that Chroma has followed."""
        self._rows("DELETE FROM pending")

    def drop_vectors(self) -> None:
        """Delete every vector."""
        self._rows("DELETE FROM vectors")

    def all_values(self) -> Iterator[list[tuple[int, dict[str, Any], Indexing]]]:
        """Yield (id, value, indexing) of every item, in chunks."""
        after = 0
        while rows := self._rows(
            "SELECT id, value, indexing FROM items WHERE id > ? ORDER BY id LIMIT 256", (after,)
        ):
            after = rows[-1][0]
            yield [(id_, json.loads(value), json.loads(how)) for id_, value, how in rows]

    def setting(self, key: str) -> bytes | None:
        """Return what `put_setting` stored."""
        rows = self._rows("SELECT value FROM settings WHERE key = ?", (key,))
        return bytes(rows[0][0]) if rows else None

    def put_setting(self, key: str, value: bytes | None) -> None:
        """Remember a fact about the store itself; None forgets it."""
        if value is None:
            self._rows("DELETE FROM settings WHERE key = ?", (key,))
            return
        self._rows("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))

    def _where(self, scope: Scope) -> tuple[str, list[Any]]:
        where, values = "namespace >= ? AND namespace < ?", list[Any](key_range(scope.prefix))
        if scope.alive_at is not None:
            where += " AND (expires IS NULL OR expires > ?)"
            values.append(scope.alive_at)
        if scope.filter:
            with self._errors():
                self._db.create_function("fits", 1, partial(_fits, scope.filter))
            where += " AND fits(items.value)"
        return where, values

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._db.execute(sql, cast("Any", values)).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"The store's file {str(self._path)!r} cannot be used: {error}.",
                hint=way_out(error),
            ) from error


def _fits(wanted: Mapping[str, Any], value: str) -> bool:
    return matches(json.loads(value), wanted)


def _bytes(key: str) -> bytes:
    return str(key).encode("utf-8", "surrogatepass")


def _item(row: tuple[Any, ...]) -> StoredItem:
    id_, namespace, key, value, created, updated = row
    return StoredItem(
        id=id_,
        namespace=decode(namespace),
        key=key.decode("utf-8", "surrogatepass"),
        value=json.loads(value),
        created=_EPOCH + timedelta(microseconds=created),
        updated=_EPOCH + timedelta(microseconds=updated),
    )
