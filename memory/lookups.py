"""What can be asked of a ledger; nothing here changes it."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingrained.disk import way_out
from ingrained.errors import StoreError

from .entries import duplicate_key, namespace_key, namespace_token, near_key, text_digest
from .filters import Where
from .forgetting import Trace
from .lexical import clean, match_expression, stem
from .records import Memory, Status
from .results import Event

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EVENTS = """
    SELECT e.id, e.batch, e.time, e.who, e.why, e.kind, e.memory_id, b.body, a.body
    FROM events AS e LEFT JOIN bodies AS b ON b.id = e.before LEFT JOIN bodies AS a ON a.id = e.after
"""

FINGERPRINT = "embedder_fingerprint"
EMBEDDER = "embedder_name"
"""Settings that say whose vectors there are."""

_COUNTS = 100_000
"""Most words whose counts are kept."""

Vectors = Mapping[str, Sequence[float]]


@dataclass
class Counts:
    """How many memories hold each stem, as long as nothing changes."""

    state: tuple[int, int] = (-1, -1)
    of: dict[str, int] = field(default_factory=dict)


class Lookups:
    """Questions to an open ledger file. Not synchronised: the store's lock guards it."""

    _db: sqlite3.Connection
    _path: Path
    _counts: Counts

    def setting(self, key: str) -> str | None:
        """Return what `Ledger.put_setting` stored."""
        rows = self._rows("SELECT value FROM settings WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def check_embedder(self, fingerprint: str, name: str = "") -> None:
        """Refuse an embedder other than the one the vectors were made with.

        Raises:
            StoreError: When it is another one.
        """
        kept = self.setting(FINGERPRINT)
        if kept is not None and kept != fingerprint:
            given = f"{name!r} as it is now" if name else "the one that was in use"
            raise StoreError(
                f"This memory was indexed with the embedder {self.setting(EMBEDDER)!r}, "
                f"not with {given}.",
                hint="Set INGRAINED_EMBEDDER to that embedder, or change over with "
                "`ingrained memory rebuild --embedder NAME`.",
            )

    def load(self, ids: Iterable[str]) -> dict[str, Memory]:
        """Return the memories with these ids, by id; unknown ids are left out."""
        rows = self._rows(
            "SELECT b.body FROM memories AS m JOIN bodies AS b ON b.id = m.body "
            "WHERE m.id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {memory.id: memory for memory in map(_memory, rows)}

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return which of these ids there are."""
        rows = self._rows(
            "SELECT id FROM memories WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        return {str(row[0]) for row in rows}

    def ids_starting(self, prefix: str) -> list[str]:
        """Return all ids that start with `prefix`, sorted."""
        rows = self._rows(
            "SELECT id FROM memories WHERE id >= ? AND id < ? || char(1114111) ORDER BY id",
            (clean(prefix), clean(prefix)),
        )
        return [str(row[0]) for row in rows]

    def twins(self, memories: Sequence[Memory]) -> dict[str, Memory]:
        """Return the known memories that say the same, by the duplicate keys of the given ones."""
        found = self._by_key("duplicate_key", [duplicate_key(memory) for memory in memories])
        return {duplicate_key(memory): memory for memory in found}

    def near_twins(self, memories: Sequence[Memory]) -> dict[str, Memory]:
        """Return the known active memories that nearly say the same, by the near keys of the given."""
        found = self._by_key("near_key", [near_key(memory) for memory in memories])
        return {near_key(one): one for one in reversed(found) if one.status == "active"}

    def _by_key(self, column: str, keys: Sequence[str]) -> list[Memory]:
        rows = self._rows(
            "SELECT b.body FROM memories AS m JOIN bodies AS b ON b.id = m.body "
            f"WHERE m.{column} IN (SELECT value FROM json_each(?)) ORDER BY m.seq",
            (json.dumps(list(keys)),),
        )
        return [_memory(row) for row in rows]

    def select(
        self,
        *,
        namespace: tuple[str, ...] | None = None,
        status: str | None = None,
        where: Where | None = None,
        limit: int | None = None,
    ) -> list[Memory]:
        """Return the memories that meet every condition given, oldest first."""
        clause, values = _clause(namespace, status, where)
        rows = self._rows(
            "SELECT b.body FROM memories AS m JOIN bodies AS b ON b.id = m.body "
            f"{clause} ORDER BY m.seq LIMIT ?",
            (*values, -1 if limit is None else limit),
        )
        return [_memory(row) for row in rows]

    def dependants(
        self, ids: Iterable[str], *, statuses: Sequence[Status] = ("active", "stale")
    ) -> list[Memory]:
        """Return the memories of some statuses that were made from one of these."""
        rows = self._rows(
            """
            SELECT DISTINCT m.seq, b.body FROM facets AS f
            JOIN memories AS m USING (seq) JOIN bodies AS b ON b.id = m.body
            WHERE f.name = 'source' AND f.value IN (SELECT value FROM json_each(?))
            AND m.status IN (SELECT value FROM json_each(?)) ORDER BY m.seq
            """,
            (json.dumps(list(ids)), json.dumps(list(statuses))),
        )
        return [_memory(row[1:]) for row in rows]

    def namespaces(self) -> list[tuple[str, ...]]:
        """Return all namespaces that hold a memory of any status, sorted."""
        rows = self._rows("SELECT DISTINCT namespace FROM memories")
        return sorted(tuple(json.loads(row[0])) for row in rows)

    def traces(self) -> list[Trace]:
        """Return what decides the fading of every active memory."""
        rows = self._rows(
            "SELECT id, namespace, kind, strength, coalesce(last_recalled, created), pinned "
            "FROM memories WHERE status = 'active' ORDER BY seq"
        )
        return [
            Trace(id=id_, namespace=namespace, kind=kind, strength=strength, since=since,
                  pinned=bool(pinned))
            for id_, namespace, kind, strength, since, pinned in rows
        ]  # fmt: skip

    def search(
        self,
        lead: Sequence[str],
        rest: Sequence[str],
        *,
        namespace: tuple[str, ...],
        where: Where | None,
        limit: int,
    ) -> list[str]:
        """Return ids of active memories that hold words, best BM25 first.

        Args:
            lead: Words, as `lexical.terms` gives them, of which one must be held.
            rest: Words of which one must be held as well, if there are any.
            namespace: Only this one.
            where: Only memories that meet it.
            limit: At most so many.
        """
        if not lead:
            return []
        expression = match_expression(lead, rest)
        if where:
            return self._search_where(expression, namespace, where, limit)
        found, matches = self._search_within(expression, namespace, limit)
        if len(found) < limit <= matches:
            # Others' memories took the places. BM25 reads all of a namespace's for its token.
            only = match_expression(lead, rest, within=namespace_token(namespace))
            found, _ = self._search_within(only, namespace, limit)
        return found

    def _search_within(
        self, expression: str, namespace: tuple[str, ...], limit: int
    ) -> tuple[list[str], int]:
        """Return the ids of this namespace among the best matches, and how many those were."""
        rows = self._rows(
            """
            SELECT m.id, m.namespace = ? FROM
                (SELECT rowid, rank FROM memories_fts WHERE memories_fts MATCH ?
                 ORDER BY rank LIMIT ?) AS f
            JOIN memories AS m ON m.seq = f.rowid ORDER BY f.rank, m.seq
            """,
            (namespace_key(namespace), expression, limit),
        )
        return [str(id_) for id_, own in rows if own], len(rows)

    def _search_where(
        self, expression: str, namespace: tuple[str, ...], where: Where, limit: int
    ) -> list[str]:
        clause, values = _clause(namespace, None, where)
        rows = self._rows(
            "SELECT m.id FROM memories_fts JOIN memories AS m ON m.seq = memories_fts.rowid "
            f"{clause} AND memories_fts MATCH ? ORDER BY memories_fts.rank, m.seq LIMIT ?",
            (*values, expression, limit),
        )
        return [str(row[0]) for row in rows]

    def searchable(self) -> int:
        """Return how many memories the full-text index holds."""
        return int(self._rows("SELECT count(*) FROM memories WHERE status = 'active'")[0][0])

    def at_most(self) -> int:
        """Return a number that the memories ever made do not exceed, at once."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM memories")[0][0])

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """Return how many active memories hold each word or another form of it.

        To count a common word takes as long as a search, so what was counted is kept until this
        or another connection changes the ledger.
        """
        stems = {word: stem(word) for word in words}
        counts = self._counted()
        if missing := set(stems.values()) - counts.keys():
            rows = self._rows(
                "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))",
                (json.dumps(sorted(missing)),),
            )
            counts.update({**dict.fromkeys(missing, 0), **{term: doc for term, doc in rows}})
        return {word: counts[stemmed] for word, stemmed in stems.items()}

    def _counted(self) -> dict[str, int]:
        """Return what was counted since the last change."""
        state = self.data_version(), self._db.total_changes
        if state != self._counts.state or len(self._counts.of) > _COUNTS:
            self._counts = Counts(state=state)
        return self._counts.of

    def digests(self, ids: Iterable[str] | None = None) -> dict[tuple[tuple[str, ...], str], str]:
        """Return what an index must hold: the entry digests of the active memories, or of these."""
        chosen = "" if ids is None else "AND id IN (SELECT value FROM json_each(?))"
        rows = self._rows(
            "SELECT namespace, id, digest FROM memories "
            f"WHERE status = 'active' {chosen} ORDER BY seq",
            () if ids is None else (json.dumps(list(ids)),),
        )
        return {(tuple(json.loads(row[0])), str(row[1])): str(row[2]) for row in rows}

    def active(self, namespace: tuple[str, ...]) -> int:
        """Return how many active memories a namespace has."""
        rows = self._rows(
            "SELECT count(*) FROM memories WHERE status = 'active' AND namespace = ?",
            (namespace_key(namespace),),
        )
        return int(rows[0][0])

    def unindexed(self) -> list[tuple[tuple[str, ...], str]]:
        """Return (namespace, id) of what an index may not have, or have otherwise."""
        rows = self._rows("SELECT namespace, id FROM unindexed ORDER BY id, namespace")
        return [(tuple(json.loads(row[0])), str(row[1])) for row in rows]

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

    def matrix(
        self, namespace: tuple[str, ...], where: Where | None, *, fingerprint: str
    ) -> tuple[list[str], NDArray[np.float32]]:
        """Return ids and vectors, shape (memories, dimension), of the active memories asked for."""
        import numpy as np

        clause, values = _clause(namespace, "active", where)
        rows = self._rows(
            "SELECT m.id, v.vector FROM memories AS m JOIN vectors AS v ON v.seq = m.seq "
            f"{clause} AND v.fingerprint = ? ORDER BY m.seq",
            (*values, fingerprint),
        )
        flat = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32)
        return [str(row[0]) for row in rows], flat.reshape(len(rows), -1) if rows else flat

    def events(self, memory_id: str | None = None) -> list[Event]:
        """Return the events of one memory, or all of them, oldest first."""
        where, values = ("", ()) if memory_id is None else ("WHERE e.memory_id = ?", (memory_id,))
        return [_event(row) for row in self._rows(f"{_EVENTS} {where} ORDER BY e.id", values)]

    def batch(self, event_id: int) -> list[Event]:
        """Return an event with all that were recorded in one transaction with it, in order."""
        same = "WHERE e.batch = (SELECT batch FROM events WHERE id = ?)"
        return [_event(row) for row in self._rows(f"{_EVENTS} {same} ORDER BY e.id", (event_id,))]

    def at(self, time: float) -> list[Memory]:
        """Return every memory as it was at a time (POSIX seconds), except what was purged."""
        rows = self._rows(
            """
            SELECT b.body FROM events AS e JOIN bodies AS b ON b.id = e.after
            WHERE e.id IN (SELECT max(id) FROM events WHERE time <= ? GROUP BY memory_id)
            ORDER BY (SELECT min(id) FROM events AS f WHERE f.memory_id = e.memory_id)
            """,
            (time,),
        )
        return [_memory(row) for row in rows]

    def last_event(self) -> int:
        """Return the id of the last event; 0 where nothing happened yet."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM events")[0][0])

    def event_count(self) -> int:
        """Return how many events there are."""
        return int(self._rows("SELECT count(*) FROM events")[0][0])

    def tally(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of an aggregate; see `stats`."""
        return self._rows(sql)

    def data_version(self) -> int:
        """Return a number that changes when another connection has changed the file."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._db.execute(sql, cast("Any", values)).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
                raise StoreError(
                    "This memory was closed.",
                    hint="Keep it open as long as anything uses it, tools and middleware too.",
                ) from error
            raise StoreError(
                f"The memory ledger {str(self._path)!r} cannot be used: {str(error).rstrip('.')}. "
                "Nothing was recorded.",
                hint=way_out(error),
            ) from error


def _clause(
    namespace: tuple[str, ...] | None, status: str | None, where: Where | None
) -> tuple[str, list[object]]:
    """Return a WHERE clause on `memories AS m`, with the values it takes."""
    conditions: list[tuple[str, object]] = list(where.sql()) if where else []
    if namespace is not None:
        conditions.append(("m.namespace = ?", namespace_key(namespace)))
    if status is not None:
        conditions.append(("m.status = ?", status))
    clause = " AND ".join(sql for sql, _ in conditions) or "TRUE"
    return f"WHERE {clause}", [_storable(value) for _, value in conditions]


def _storable(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


def _memory(row: tuple[Any, ...]) -> Memory:
    return Memory.from_dict(json.loads(row[0]))


def _event(row: tuple[Any, ...]) -> Event:
    return Event(
        id=row[0],
        batch=row[1],
        time=row[2],
        who=row[3],
        why=row[4],
        kind=row[5],
        memory_id=row[6],
        before=None if row[7] is None else _memory(row[7:]),
        after=None if row[8] is None else _memory(row[8:]),
    )
