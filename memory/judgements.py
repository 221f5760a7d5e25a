"""Judgements kept, so that no pair of texts is put to the model twice.

A judgement is found by digests of the two texts, and no text is kept. Digests of a purged text
have to go as well, since they would prove what it was: `Judgements.forget_texts`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from ingrained.disk import way_out
from ingrained.errors import StoreError

from .records import Memory, sha256
from .relations import Judge, Relation

FILE_NAME = "judgements.sqlite"
"""Stands beside the ledger."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS judgements (
        older TEXT NOT NULL, newer TEXT NOT NULL, judge TEXT NOT NULL, relation TEXT NOT NULL,
        PRIMARY KEY (older, newer, judge)
    ) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS judgements_by_newer ON judgements (newer)"
_OF_KEY = " WHERE older = ? AND newer = ? AND judge = ?"
_BUSY_SECONDS = 30.0


class Key(NamedTuple):
    """What a judgement hangs on."""

    older: str
    """SHA-256 of the older memory's text."""
    newer: str
    """SHA-256 of the newer memory's text."""
    judge: str
    """SHA-256 of the judge's name and the two memories' titles, which it sees too."""


class NamedJudge(Judge, Protocol):
    """A judge whose name changes whenever its judgements could: model, prompts, rules."""

    @property
    def name(self) -> str:
        """Tells it from every other judge."""
        ...


class CachedJudge:
    """Asks a judge only about pairs that it has not judged before.

    Args:
        judge: Asked for what is new, in one batch.
        cache: Where judgements are kept: `Judgements`, or a dict.
    """

    def __init__(self, judge: NamedJudge, cache: MutableMapping[Key, Relation]) -> None:
        self._judge = judge
        self._cache = cache

    @property
    def name(self) -> str:
        """The name of the judge behind it."""
        return self._judge.name

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        """Return one relation per pair, in order; the older memory comes first in each."""
        keys = [self._key(older, newer) for older, newer in pairs]
        known = {key: self._cache[key] for key in keys if key in self._cache}
        new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in known}
        if new:
            judged = dict(zip(new, self._judge.judge(list(new.values())), strict=True))
            self._cache.update(judged)
            known |= judged
        return [known[key] for key in keys]

    def _key(self, older: Memory, newer: Memory) -> Key:
        seen = "\x1f".join((self._judge.name, older.title, newer.title))
        return Key(sha256(older.text), sha256(newer.text), sha256(seen))


class Judgements(MutableMapping[Key, Relation]):
    """A small SQLite file of judgements; safe to share between threads.

    Args:
        path: Made when missing, with its folder.

    Raises:
        StoreError: When the file cannot be made, read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors():
                # What is deleted is overwritten: a purge has to leave nothing in the file.
                self._db.execute("PRAGMA secure_delete = ON")
                self._db.execute(_TABLE)
                self._db.execute(_INDEX)
        except StoreError:
            self._db.close()
            raise

    def forget_texts(self, texts: Iterable[str]) -> int:
        """Delete every judgement that involves one of these texts; return how many there were."""
        statement = "DELETE FROM judgements WHERE older = ? OR newer = ?"
        digests = {sha256(text) for text in texts}
        return sum(self._run(statement, (digest, digest)).rowcount for digest in digests)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            self._db.close()

    def __getitem__(self, key: Key) -> Relation:
        row = self._run("SELECT relation FROM judgements" + _OF_KEY, key).fetchone()
        if row is None:
            raise KeyError(key)
        return cast(Relation, row[0])

    def __setitem__(self, key: Key, relation: Relation) -> None:
        self._run("INSERT OR REPLACE INTO judgements VALUES (?, ?, ?, ?)", (*key, relation))

    def __delitem__(self, key: Key) -> None:
        if not self._run("DELETE FROM judgements" + _OF_KEY, key).rowcount:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        rows = self._run("SELECT older, newer, judge FROM judgements").fetchall()
        return (Key(*row) for row in rows)

    def __len__(self) -> int:
        return int(self._run("SELECT count(*) FROM judgements").fetchone()[0])

    def _run(self, statement: str, values: Sequence[str] = ()) -> sqlite3.Cursor:
        with self._lock, self._errors():
            return self._db.execute(statement, values)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The judgements {str(self._path)!r} cannot be used: {error}.", hint=way_out(error)
            ) from error
