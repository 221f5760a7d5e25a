"""What was read and asked: documents, passages and quiz questions of one home, in SQLite.

The memory holds what the agent decided to keep; the library holds what it has seen, so that a
second run reads only what changed and a killed run goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingrained.disk import way_out
from ingrained.errors import HomeVersionError, StoreError
from ingrained.memory.records import sha256

from .library_rewriting import Rewriting, compact, rewrite
from .library_schema import SCHEMA_VERSION, bring_up, columns
from .planning.gradebook import Gradebook
from .reading.documents import Document, Passage, Skipped
from .tombstones import Finder, tombstone, tombstones


class Library:
    """The reading record of one home.

    Args:
        path: The SQLite file, made when missing.
        read_only: Change nothing, not even an old schema; the file must be there.

    Attributes:
        gradebook: What became of the questions, in the same file.

    Raises:
        HomeVersionError: the file was made by a newer version.
        StoreError: the file is damaged or cannot be written.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        try:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._open(path, read_only)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the library {str(path)!r} cannot be used: {error}",
                hint=way_out(error) or "Check the permissions of the file and of its folder.",
            ) from error

    def _open(self, path: Path, read_only: bool) -> None:
        # "ro" would leave SQLite's side files behind; a write-protected file opens with "rw" too.
        mode = "rw" if read_only else "rwc"
        self._db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, check_same_thread=False
        )
        self._db.row_factory = sqlite3.Row
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise HomeVersionError(
                f"{path} has schema {version}, this version knows {SCHEMA_VERSION}"
            )
        self._settle(version, read_only)
        self.gradebook = Gradebook(self._db)

    def _settle(self, version: int, read_only: bool) -> None:
        if read_only:
            self._db.execute("PRAGMA query_only=ON")
            return
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.execute("PRAGMA journal_mode=WAL")
        if version < SCHEMA_VERSION:
            bring_up(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def versions(self) -> dict[str, str]:
        """Return document id → version of what was read before."""
        return dict(self._db.execute("SELECT id, version FROM documents").fetchall())

    def known(self) -> dict[str, tuple[str, str]]:
        """Return document id → version and source of what was read before."""
        source = "source" if "source" in columns(self._db, "documents") else "''"
        rows = self._db.execute(f"SELECT id, version, {source} FROM documents").fetchall()
        return {id_: (version, found) for id_, version, found in rows}

    def set_source(self, document: str, source: str) -> None:
        """Record where an unchanged document is now."""
        with self._db:
            self._db.execute("UPDATE documents SET source=? WHERE id=?", (source, document))

    def put_document(
        self,
        document: Document,
        passages: Sequence[Passage],
        replaced: Mapping[str, tuple[int, int] | None] | None = None,
    ) -> int:
        """Store a new or changed document; return how many of its passages are new.

        Passages that are still in the text keep their state and their questions. Where there are
        `tombstones` of a text, spaces are stored for it. `replaced` tells, by their ids, which
        characters stand in the place of the memories that this version superseded.
        """
        buried = self.tombstones()
        kept = {passage.id for passage in passages}
        known = self._ids("SELECT id FROM passages WHERE document=?", document.id)
        with self._db:
            self._db.execute(
                "INSERT INTO documents VALUES (?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET "
                "title=excluded.title, version=excluded.version, text=excluded.text, "
                "source=excluded.source",
                (
                    document.id, buried.redact(document.title), document.version,
                    buried.blank(document.text), document.source,
                ),
            )  # fmt: skip
            self._db.executemany(
                "DELETE FROM passages WHERE id=?", [(old,) for old in known - kept]
            )
            self._db.executemany(
                "INSERT INTO passages (id, document, ordinal, body) VALUES (?,?,?,?) "
                "ON CONFLICT(id) DO UPDATE SET ordinal=excluded.ordinal, body=excluded.body",
                [(p.id, p.document, p.index, _body(blanked(p, buried))) for p in passages],
            )
            self._db.execute("DELETE FROM replaced WHERE document=?", (document.id,))
            self._db.executemany(
                "INSERT OR REPLACE INTO replaced VALUES (?,?,?,?)",
                [(id_, document.id, *place) for id_, place in (replaced or {}).items() if place],
            )
            if known - kept:
                self._drop_incomplete()
        return len(kept - known)

    def replaced(self, document: str) -> dict[str, tuple[int, int]]:
        """Return what stands in the place of memories that a document's last change superseded.

        Memory id → first character and one past the last.
        """
        rows = self._db.execute(
            "SELECT memory, first, last FROM replaced WHERE document=?", (document,)
        )
        return {row["memory"]: (row["first"], row["last"]) for row in rows}

    def drop_document(self, document: str) -> None:
        """Delete a document with its passages and their questions; an unknown one is no error."""
        with self._db:
            self._db.execute("DELETE FROM documents WHERE id=?", (document,))
            self._drop_incomplete()

    def _drop_incomplete(self) -> None:
        """Delete the questions that take a passage that is gone, and what tells of them."""
        self._db.execute(
            "DELETE FROM questions WHERE EXISTS (SELECT 1 FROM json_each(body, '$.passages') "
            "WHERE value NOT IN (SELECT id FROM passages))"
        )
        self.gradebook.drop_orphans()

    def bury(self, texts: Iterable[str]) -> None:
        """Set tombstones for texts, so that no document brings them back."""
        salt = self._salt()
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO tombstones VALUES (?,?)",
                [tombstone(salt, text) for text in texts],
            )

    def tombstones(self) -> Finder:
        """Return what finds the texts that were buried."""
        if not columns(self._db, "tombstones"):
            return tombstones(b"", {})
        digests = dict(self._db.execute("SELECT digest, words FROM tombstones").fetchall())
        return tombstones(self._salt(), digests)

    def rewrite(self, new: Rewriting) -> None:
        """Replace texts, in one transaction that leaves nothing of them in the file's pages.

        What the model wrote on failures with a buried text in it goes too.
        """
        rewrite(self._db, new, self.tombstones())

    def compact(self) -> None:
        """Write the file anew, without what was deleted from it.

        Raises:
            HomeBusyError: another process reads the file, so that its log cannot be emptied.
        """
        compact(self._db)

    def _salt(self) -> bytes:
        return bytes(self._db.execute("SELECT value FROM salt").fetchone()[0])

    def set_skipped(self, skipped: Iterable[Skipped]) -> None:
        """Replace the list of what could not be read, and why."""
        with self._db:
            self._db.execute("DELETE FROM skipped")
            self._db.executemany(
                "INSERT OR REPLACE INTO skipped VALUES (?,?)",
                [(item.path, item.reason) for item in skipped],
            )

    def skipped(self) -> list[dict[str, str]]:
        """Return what could not be read, and why."""
        rows = self._db.execute("SELECT source, reason FROM skipped ORDER BY source")
        return [{"path": row["source"], "reason": row["reason"]} for row in rows]

    def document(self, document_id: str) -> Document | None:
        """Return a document by its id."""
        rows = self._db.execute("SELECT * FROM documents WHERE id=?", (document_id,)).fetchall()
        return _document(rows[0]) if rows else None

    def named(self, name: str) -> Document | None:
        """Return a document by its id, or by the end of it alone when only one has that.

        The end is a path below the folder that was studied, or the id of a row of a JSONL file.
        """
        rows = self._db.execute(
            "SELECT * FROM documents WHERE id=:name "
            "OR substr(id, -length(:name) - 1) = '/' || :name "
            "OR (instr(lower(id), '.jsonl#') AND substr(id, instr(lower(id), '.jsonl#') + 7) = :name) "
            "ORDER BY id=:name DESC LIMIT 2",
            {"name": name},
        ).fetchall()
        exact = bool(rows) and rows[0]["id"] == name
        return _document(rows[0]) if exact or len(rows) == 1 else None

    def documents(self) -> list[str]:
        """Return all document ids."""
        return sorted(self.versions())

    def unread(self) -> list[str]:
        """Return the ids of passages never studied, in reading order."""
        rows = self._db.execute(
            "SELECT id FROM passages WHERE studied=0 ORDER BY document, ordinal"
        )
        return [row["id"] for row in rows]

    def passage_ids(self) -> list[str]:
        """Return the ids of all passages, in reading order."""
        rows = self._db.execute("SELECT id FROM passages ORDER BY document, ordinal")
        return [row["id"] for row in rows]

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """Return passages by id, in the given order; ids that are gone are left out."""
        wanted = "SELECT id, body FROM passages WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._db.execute(wanted, (json.dumps(list(ids)),))
        found = {row["id"]: Passage.from_dict(json.loads(row["body"])) for row in rows}
        return [found[passage] for passage in ids if passage in found]

    def passage_around(self, document: str, quote: str, start: int) -> Passage | None:
        """Return the passage of a document that holds a quote, if there is one.

        Args:
            document: Id of the document.
            quote: Verbatim text.
            start: Where the quote began when it was taken; decides between several passages.
        """
        row = self._db.execute(
            "SELECT body FROM passages WHERE document=? AND instr(json_extract(body,'$.text'),?) "
            "ORDER BY json_extract(body,'$.start') <= ? AND ? < json_extract(body,'$.end') DESC, "
            "ordinal LIMIT 1",
            (document, quote, start, start),
        ).fetchone()
        return Passage.from_dict(json.loads(row["body"])) if row else None

    def finished(self) -> int:
        """Return how many documents have no passage that was never studied."""
        (count,) = self._db.execute(
            "SELECT COUNT(*) FROM documents WHERE id NOT IN "
            "(SELECT document FROM passages WHERE studied=0)"
        ).fetchone()
        return int(count)

    def mark_studied(self, ids: Iterable[str], round_number: int) -> None:
        """Record that passages were studied in a round."""
        with self._db:
            self._db.executemany(
                "UPDATE passages SET studied=? WHERE id=?", [(round_number, i) for i in ids]
            )

    def put_questions(self, questions: Iterable[dict[str, Any]]) -> None:
        """Store accepted questions; the same question again replaces the old row."""
        rows = [
            (
                item["id"], item["passage"], item["round"], int(item["sealed"]),
                int(item["closed"]), None if item["recalled"] is None else int(item["recalled"]),
                json.dumps(item),
            )
            for item in questions
        ]  # fmt: skip
        with self._db:
            self._db.executemany(
                # "OR REPLACE" would delete the row first, and with it what was written about it.
                "INSERT INTO questions VALUES (?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET "
                "passage=excluded.passage, round=excluded.round, sealed=excluded.sealed, "
                "closed=excluded.closed, recalled=excluded.recalled, body=excluded.body",
                rows,
            )

    def questions(
        self,
        *,
        sealed: bool | None = None,
        failed: bool | None = None,
        passages: Sequence[str] | None = None,
        latest: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return accepted questions, in a fixed order.

        Args:
            sealed: Only those that are kept back for examinations, or only the others.
            failed: Only those that were not passed with memory, or only those that were.
            passages: Only those about these.
            latest: Only so many, the last ones that were stored.
        """
        kept = {"sealed": sealed, "recalled": None if failed is None else not failed}
        conditions = [f"{name}={int(value)}" for name, value in kept.items() if value is not None]
        if passages is not None:
            conditions.append("passage IN (SELECT value FROM json_each(:passages))")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._db.execute(
            "SELECT body FROM (SELECT id, body FROM questions "
            f"{where} ORDER BY rowid DESC LIMIT :latest) ORDER BY id",
            {
                "passages": json.dumps(list(passages or ())),
                "latest": -1 if latest is None else latest,
            },
        )
        return [json.loads(row["body"]) for row in rows]

    def seals(self) -> dict[str, bool]:
        """Return question id → whether it is sealed."""
        rows = self._db.execute("SELECT id, sealed FROM questions")
        return {row["id"]: bool(row["sealed"]) for row in rows}

    def counts(self) -> dict[str, int]:
        """Return how many documents, passages, studied passages and questions there are."""
        return dict(
            self._db.execute(
                "SELECT (SELECT COUNT(*) FROM documents) AS documents,"
                " (SELECT COUNT(*) FROM passages) AS passages,"
                " (SELECT COUNT(*) FROM passages WHERE studied > 0) AS studied,"
                " (SELECT COUNT(*) FROM questions) AS questions,"
                " (SELECT COUNT(*) FROM questions WHERE sealed) AS sealed"
            ).fetchone()
        )

    def put_round(self, body: dict[str, Any], *, sitting: str = "") -> None:
        """Record the result of a round, after those of all runs before.

        Args:
            body: What came of it.
            sitting: Names the examination; the same one again, after a kill, replaces the last.
        """
        rows = self._db.execute("SELECT number, body FROM rounds ORDER BY number DESC LIMIT 1")
        number = next(
            (row["number"] for row in rows
             if sitting and json.loads(row["body"]).get("sitting") == sitting), None,
        )  # fmt: skip
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO rounds VALUES (?,?)",
                (number, json.dumps({**body, "sitting": sitting} if sitting else body)),
            )

    def rounds(self) -> list[dict[str, Any]]:
        """Return the results of all rounds, oldest first."""
        rows = self._db.execute("SELECT body FROM rounds ORDER BY number")
        return [json.loads(row["body"]) for row in rows]

    def _ids(self, query: str, *arguments: str) -> set[str]:
        return {row[0] for row in self._db.execute(query, arguments)}


def blanked(passage: Passage, buried: Finder) -> Passage:
    """Return a passage with spaces for what was buried; its id stays, and every offset holds."""
    text = buried.blank(passage.text)
    return dataclasses.replace(
        passage, text=text, sha256=sha256(text), title=buried.redact(passage.title),
        heading=buried.redact(passage.heading),
    )  # fmt: skip


def _document(row: sqlite3.Row) -> Document:
    return Document(
        id=row["id"], title=row["title"], text=row["text"], version=row["version"],
        source=row["source"],
    )  # fmt: skip


def _body(passage: Passage) -> str:
    return json.dumps(passage.to_dict())
