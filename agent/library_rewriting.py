"""Rewriting a library's file so that nothing is left of what was taken out of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingrained.errors import HomeBusyError

from .grading import words
from .planning.gradebook import Gradebook
from .reading.documents import Passage
from .tombstones import Finder


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """What is to stand in a library, and what no longer."""

    documents: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Document id → title and text, of the same length; its version stays."""
    emptied: Sequence[str] = ()
    """Ids of documents of which only the id, the version and the place stay."""
    passages: Sequence[Passage] = ()
    """Those whose text changed."""
    questions: Sequence[Mapping[str, Any]] = ()
    """In the place of those of the same id; what was written on failing them goes."""
    dropped: Sequence[str] = ()
    """Ids of questions to delete, with all that tells of them."""
    words: frozenset[str] = frozenset()
    """What no document says any more: what the model wrote on a failure with one of these goes."""


def rewrite(database: sqlite3.Connection, new: Rewriting, buried: Finder) -> None:
    """Replace texts, in one transaction that leaves nothing of them in the file's pages.

    Args:
        database: Of the library.
        new: What to write.
        buried: Finds what has to go from what the model wrote on failures.
    """
    book = Gradebook(database)

    def held(text: str) -> bool:
        return buried.holds(text) or not new.words.isdisjoint(words(text))

    database.execute("PRAGMA secure_delete=ON")
    with database:
        _documents(database, new)
        database.executemany(
            "UPDATE passages SET body=? WHERE id=?",
            [(json.dumps(one.to_dict()), one.id) for one in new.passages],
        )
        database.executemany(
            "UPDATE questions SET body=? WHERE id=?",
            [(json.dumps(dict(one)), one["id"]) for one in new.questions],
        )
        database.executemany("DELETE FROM questions WHERE id=?", [(one,) for one in new.dropped])
        book.drop_texts([one["id"] for one in new.questions], held)
        book.drop_orphans()


def _documents(database: sqlite3.Connection, new: Rewriting) -> None:
    database.executemany(
        "UPDATE documents SET title=?, text=? WHERE id=?",
        [(title, text, id_) for id_, (title, text) in new.documents.items()],
    )
    emptied = [(id_,) for id_ in new.emptied]
    database.executemany("UPDATE documents SET title='', text='' WHERE id=?", emptied)
    for table in ("passages", "replaced"):
        database.executemany(f"DELETE FROM {table} WHERE document=?", emptied)


def compact(database: sqlite3.Connection) -> None:
    """Write a database anew, without what was deleted from it, and empty its log.

    Raises:
        HomeBusyError: another process reads the file, so that its log cannot be emptied.
    """
    database.execute("VACUUM")
    busy = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise HomeBusyError(
            "Another process is reading this home, and what was deleted stays in a file until it ends.",
            hint="End it, and run the same command again.",
        )
