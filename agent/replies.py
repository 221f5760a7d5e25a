"""Replies kept on disk, so that a model is not asked twice for what it has said already.

LangChain's own caches (`langchain_core.caches.BaseCache`) do not do. They find a reply by the prompt
and the options of the call, so that one prompt asked m times in a batch, as Self-Consistency does,
would get one reply m times; an adapter is told by its name, not by its weights; those on disk keep
the prompts, which hold text of documents; and they are looked up prompt by prompt within a call,
which tears a batch apart.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ingrained.disk import as_store_error, way_out
from ingrained.errors import HomeVersionError, StoreError
from ingrained.tracing import span

FILE_NAME = "replies.sqlite"
SCHEMA_VERSION = 1
LIMIT = 100_000
"""Replies kept; at some 200 bytes each."""
_BUSY_SECONDS = 30.0
_SCHEMA = (
    "DROP TABLE IF EXISTS replies",
    """CREATE TABLE replies (
    key TEXT PRIMARY KEY, text BLOB NOT NULL, tokens_in INTEGER NOT NULL,
    tokens_cached INTEGER NOT NULL, tokens_out INTEGER NOT NULL, seconds REAL NOT NULL,
    used INTEGER NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX replies_by_use ON replies (used)",
)
_READ = "SELECT text, tokens_in, tokens_cached, tokens_out, seconds FROM replies WHERE key = ?"
_WRITE = "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?, ?)"
_TRIM = """DELETE FROM replies WHERE key IN (
    SELECT key FROM replies ORDER BY used LIMIT max(0, (SELECT count(*) FROM replies) - ?))"""
_PERMISSIONS = "Check the permissions of the file and of its folder."
_LOG = logging.getLogger(__name__)

Asked = TypeVar("Asked", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a model said to one prompt, and what that cost when it was computed."""

    text: str
    tokens_in: int = 0
    tokens_cached: int = 0
    """Input tokens whose keys and values were reused, not computed."""
    tokens_out: int = 0
    seconds: float = 0.0
    """Its share of the seconds of its batch."""
    replayed: bool = False
    """It was not computed now."""


def reply_keys(asked: Sequence[Hashable], *circumstances: Any, numbered: bool) -> list[str]:
    """Return, for each prompt of a batch, the key under which its reply is kept: a SHA-256.

    Args:
        asked: Prompts, as plain data.
        circumstances: All else that the replies depend on, as plain data.
        numbered: Equal prompts of one batch get different replies, as when they are sampled.
    """
    seen: Counter[Hashable] = Counter()
    keys = []
    for prompt in asked:
        plain = json.dumps([*circumstances, prompt, seen[prompt]], sort_keys=True)
        keys.append(hashlib.sha256(plain.encode()).hexdigest())
        seen[prompt] += numbered
    return keys


def replay(
    cache: ReplyCache,
    asked: Sequence[Asked],
    keys: Sequence[str],
    compute: Callable[[list[Asked]], list[Reply]],
) -> list[Reply]:
    """Return one reply per prompt, in order: known ones from a cache, the rest computed and kept.

    Args:
        cache: Looked up and added to.
        asked: Prompts.
        keys: Of each, see `reply_keys`.
        compute: Called once at most, with the prompts that are left.
    """
    known = cache.get(keys)
    left = _left(asked, keys, known)
    made: dict[str, Reply] = {}
    if left:
        computed = compute([asked[row] for row in left])
        made = dict(zip((keys[row] for row in left), computed, strict=True))
        cache.put(made)
    replies, new = known | made, set(left)
    return [
        replies[key] if row in new else dataclasses.replace(replies[key], replayed=True)
        for row, key in enumerate(keys)
    ]


def _left(asked: Sequence[Hashable], keys: Sequence[str], known: Mapping[str, Reply]) -> list[int]:
    """Return the rows to compute, each key once.

    A model that is given a seed numbers equal prompts in the order they come in (`row_seeds` in
    models/choosing.py), so of equal prompts all are computed up to the last that is not known.
    """
    last = {
        prompt: row
        for row, (prompt, key) in enumerate(zip(asked, keys, strict=True))
        if key not in known
    }
    first = {key: row for row, key in reversed(list(enumerate(keys)))}
    return [
        row
        for row, (prompt, key) in enumerate(zip(asked, keys, strict=True))
        if row <= last.get(prompt, -1) and row == first[key]
    ]


def _warn(trouble: StoreError) -> None:
    _LOG.warning("%s. %s", trouble, trouble.hint)


class ReplyCache:
    """A SQLite file of replies, by the SHA-256 of all that they depend on; no prompt is kept.

    It may be shared between threads and between processes, and a kill loses no more than the batch
    under way. What is used least recently goes first. A cache is never worth a failure: when its
    file cannot be used, that is told once and it knows nothing from then on.

    Args:
        path: The file, made when missing, with its folder.
        limit: Replies kept.
        told: Told what is wrong with the file; by default a warning is logged.
    """

    def __init__(
        self, path: Path, *, limit: int = LIMIT, told: Callable[[StoreError], None] = _warn
    ) -> None:
        self.trouble: StoreError | None = None
        """Why it knows nothing and keeps nothing; None while all is well."""
        self.path = path
        self._limit = limit
        self._told = told
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._db: sqlite3.Connection | None = None
        with self._or_without():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            _prepare(self._db, path)

    def __enter__(self) -> ReplyCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        count = 0
        with self._or_without() as db:
            if db:
                count = int(db.execute("SELECT count(*) FROM replies").fetchone()[0])
        return count

    def get(self, keys: Iterable[str]) -> dict[str, Reply]:
        """Return what is known, by key."""
        found: dict[str, Reply] = {}
        with self._or_without() as db:
            if db:
                rows = {key: db.execute(_READ, (key,)).fetchone() for key in set(keys)}
                found = {key: _reply(*row) for key, row in rows.items() if row}
                self._touched.update(found)
        return found

    def put(self, replies: Mapping[str, Reply]) -> None:
        """Keep replies by their keys, in one transaction, and drop what is too much."""
        with self._or_without() as db:
            if db:
                self._write(db, replies)

    def close(self) -> None:
        """Note what was used and close the file; a second call does nothing."""
        if self._touched:
            self.put({})
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def clear(self) -> int:
        """Delete everything for good; return how many replies there were.

        A file that cannot be used is deleted, and 0 returned.

        Raises:
            StoreError: it cannot be deleted.
            HomeBusyError: another process reads it.
        """
        if self.trouble is not None:
            self._delete()
            return 0
        with self._or_raise() as db:
            self._touched.clear()
            count = db.execute("DELETE FROM replies").rowcount
            _compact(db)
        return count

    def _write(self, db: sqlite3.Connection, replies: Mapping[str, Reply]) -> None:
        with _transaction(db):
            now = db.execute("SELECT coalesce(max(used), 0) + 1 FROM replies").fetchone()[0]
            touched = [(now, key) for key in self._touched]
            db.executemany("UPDATE replies SET used = ? WHERE key = ?", touched)
            db.executemany(_WRITE, [_row(key, reply, now) for key, reply in replies.items()])
            db.execute(_TRIM, (self._limit,))
        self._touched.clear()

    def _delete(self) -> None:
        try:
            for end in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        except OSError as error:
            raise self._trouble(error) from error

    @contextmanager
    def _or_without(self) -> Iterator[sqlite3.Connection | None]:
        """Give the file, or None; when it fails, say so and go on without it."""
        with self._lock:
            try:
                yield self._db
            except (sqlite3.Error, OSError, HomeVersionError) as error:
                self.trouble = self._trouble(error)
                self._touched.clear()
                if self._db is not None:
                    self._db.close()
                    self._db = None
                self._told(self.trouble)

    @contextmanager
    def _or_raise(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._db is None:
                raise self.trouble or StoreError(f"{str(self.path)!r} was closed.")
            try:
                yield self._db
            except sqlite3.Error as error:
                raise self._trouble(error) from error

    def _trouble(self, error: sqlite3.Error | OSError | HomeVersionError) -> StoreError:
        if isinstance(error, HomeVersionError):
            return error
        if isinstance(error, sqlite3.Error) and as_store_error(error) is None:
            raise error
        return StoreError(
            f"the replies kept in {str(self.path)!r} cannot be used: {error}",
            hint=way_out(error) or _PERMISSIONS,
        )


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    """Bring the file to this schema: replies of an older one are dropped, it is only a cache."""
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    if _version(db) == SCHEMA_VERSION:
        return
    with _transaction(db):
        version = _version(db)
        if version > SCHEMA_VERSION:
            raise HomeVersionError(
                f"{str(path)!r} has schema {version}, this version knows {SCHEMA_VERSION}"
            )
        for statement in _SCHEMA if version < SCHEMA_VERSION else ():
            db.execute(statement)
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _compact(db: sqlite3.Connection) -> None:
    from .library_rewriting import compact

    compact(db)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    with db:
        yield


def _row(key: str, reply: Reply, used: int) -> tuple[object, ...]:
    text = reply.text.encode("utf-8", "surrogatepass")
    cost = reply.tokens_in, reply.tokens_cached, reply.tokens_out, reply.seconds
    return key, text, *cost, used


def _reply(
    text: bytes, tokens_in: int, tokens_cached: int, tokens_out: int, seconds: float
) -> Reply:
    return Reply(
        text=_text(text), tokens_in=tokens_in, tokens_cached=tokens_cached,
        tokens_out=tokens_out, seconds=seconds,
    )  # fmt: skip


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")


@contextmanager
def model_batch(phase: str, prompts: int) -> Iterator[Callable[[Sequence[Reply]], None]]:
    """Measure a batch that a model is given as a span; give what is told the replies, to count them."""
    with span(f"batch.{phase}", prompts=prompts) as told:

        def count(replies: Sequence[Reply]) -> None:
            told(
                replayed=sum(one.replayed for one in replies),
                tokens_in=sum(one.tokens_in for one in replies),
                tokens_cached=sum(one.tokens_cached for one in replies),
                tokens_out=sum(one.tokens_out for one in replies),
            )

        yield count
