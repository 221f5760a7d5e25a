"""The gradebook: what became of each question and of each kind of question, in the library's file.

It holds ids and numbers. The few texts in it, what the model wrote about questions it failed, go
with their question.

A round is counted here over all runs of a home, from 1: `begin` opens one, and what is recorded
belongs to the latest. What is recorded twice, after a killed run, counts once.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ingrained.agent.library_schema import columns
from ingrained.agent.tasks.kinds import ANSWER_FIRST

from .acceptance import Acceptance

REFLECTIONS_KEPT = 3
"""Of one question, the newest; as many as Reflexion (Shinn et al. 2023, section 3) shows at most."""

Facts = Mapping[str, Any]
Part = Literal[
    "objective", "tasks", "solutions", "feedback", "filter", "update", "evaluation",
    "next_objective",
]  # fmt: skip
"""The steps of the cycle in "A Survey on Self-Evolution of LLMs" (Tao et al. 2024)."""


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """One question asked in one cell."""

    question: str
    """Its id."""
    passed: bool
    f1: float
    """Token F1 of the reply, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a question stands: its last sitting with memory, or else when it was studied."""

    question: str
    passage: str
    kind: str
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a passage belongs."""

    passage: str
    document: str
    title: str
    heading: str
    studied: bool


class Gradebook:
    """Reads and writes the gradebook's tables; in a file of an older version it reads as empty.

    Args:
        database: An open library's connection, with rows by name.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._there = bool(columns(database, "sittings"))

    def begin(self, objective: Facts) -> int:
        """Open a round and return its number.

        A round that was opened for the same objective and never evaluated is opened again.
        """
        latest = self.latest()
        last = self.trace(latest)
        if latest and "evaluation" not in last and last.get("objective") == dict(objective):
            return latest
        self._put("INSERT INTO traces VALUES (?,'objective','',?)", latest + 1, objective)
        return latest + 1

    def latest(self) -> int:
        """Return the number of the latest round, 0 before the first."""
        rows = self._rows("SELECT MAX(round) FROM traces")
        return int(rows[0][0] or 0) if rows else 0

    def record(self, part: Part, facts: Facts, *, batch: str = "") -> None:
        """Keep a part of the latest round's trace.

        Args:
            part: Which step of the cycle.
            facts: JSON; ids, numbers and fixed words, never a document's text.
            batch: Says of which passages it is told, where it is told batch by batch: the same
                batch again replaces what was told, and `trace` adds the batches up.
        """
        self._put(
            "INSERT OR REPLACE INTO traces VALUES (?,?,?,?)", self.latest(), part, batch, facts
        )

    def trace(self, number: int) -> dict[str, Any]:
        """Return part → facts of one round, the numbers of its batches added up."""
        parts: dict[str, Any] = {}
        for row in self._rows("SELECT part, body FROM traces WHERE round=? ORDER BY rowid", number):
            facts = json.loads(row["body"])
            parts[row["part"]] = _added(parts.get(row["part"], {}), facts)
        return parts

    def traces(self) -> list[dict[str, Any]]:
        """Return the traces of all rounds, oldest first, each with its number as `round`."""
        numbers = self._rows("SELECT DISTINCT round FROM traces ORDER BY round")
        return [{"round": row["round"], **self.trace(row["round"])} for row in numbers]

    def count(self, stages: Mapping[str, Mapping[str, int]], *, model: str, batch: str) -> None:
        """Keep how many questions of each kind reached which stage in a batch of the latest round.

        Args:
            stages: `asked`, `usable` and `accepted` → kind → how many; what is left out stays.
            model: Who was asked.
            batch: Of which passages; the same batch again replaces what was told.
        """
        number = self.latest()
        with self._db:
            for stage in ("asked", "usable", "accepted"):
                self._db.executemany(
                    f"INSERT INTO acceptance (model, kind, round, batch, {stage}) VALUES (?,?,?,?,?) "
                    f"ON CONFLICT (model, kind, round, batch) DO UPDATE SET {stage}=excluded.{stage}",
                    [
                        (model, kind, number, batch, count)
                        for kind, count in stages.get(stage, {}).items()
                    ],
                )

    def models(self) -> list[str]:
        """Return the names of the models that were asked for questions."""
        return [row[0] for row in self._rows("SELECT DISTINCT model FROM acceptance ORDER BY 1")]

    def acceptance(self, model: str, *, round: int | None = None) -> dict[str, Acceptance]:
        """Return kind → what became of its questions, over all rounds or in one."""
        rows = self._rows(
            "SELECT kind, SUM(asked) AS asked, SUM(usable) AS usable, SUM(accepted) AS accepted "
            "FROM acceptance WHERE model=? AND round=COALESCE(?, round) GROUP BY kind",
            model,
            round,
        )
        return {
            row["kind"]: Acceptance(
                asked=row["asked"], usable=row["usable"], accepted=row["accepted"]
            )
            for row in rows
        }

    def record_sittings(self, cell: str, sittings: Iterable[Sitting]) -> None:
        """Keep how questions fared in a cell (base, open, memory, adapter, both) in this round."""
        number = self.latest()
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO sittings VALUES (?,?,?,?,?)",
                [(one.question, number, cell, int(one.passed), one.f1) for one in sittings],
            )

    def recurring_failures(self, times: int = 2, *, cell: str = "memory") -> list[str]:
        """Return the ids of questions whose last so many sittings in a cell all failed."""
        rows = self._rows(
            "SELECT question FROM (SELECT question, passed, ROW_NUMBER() OVER "
            "(PARTITION BY question ORDER BY round DESC) AS back FROM sittings WHERE cell=?) "
            "WHERE back <= ? AND question IN (SELECT id FROM questions) "
            "GROUP BY question HAVING COUNT(*) = ? AND MAX(passed) = 0 ORDER BY question",
            cell, times, times,
        )  # fmt: skip
        return [row["question"] for row in rows]

    def add_reflection(self, question: str, text: str) -> None:
        """Keep what the model made of failing a question; of the old ones the last few stay.

        What it said last already is not kept twice: a step that was cut short says it again.
        """
        if self.reflections([question]).get(question, [""])[-1] == text:
            return
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO reflections (question, body) VALUES (?,?)", (question, text)
            )
            self._db.execute(
                "DELETE FROM reflections WHERE question=? AND number NOT IN (SELECT number FROM "
                "reflections WHERE question=? ORDER BY number DESC LIMIT ?)",
                (question, question, REFLECTIONS_KEPT),
            )

    def reflections(self, questions: Sequence[str]) -> dict[str, list[str]]:
        """Return question id → what was written on failing it, newest last."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for row in self._rows(
            "SELECT question, body FROM reflections WHERE question IN "
            "(SELECT value FROM json_each(?)) ORDER BY number",
            json.dumps(list(questions)),
        ):
            found[row["question"]].append(row["body"])
        return dict(found)

    def put_review(self, claims: Mapping[str, str]) -> None:
        """Keep the model's review of the latest round: question id → what it says of its failure."""
        number = self.latest()
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO reviews VALUES (?,?,?)",
                [(number, question, text) for question, text in claims.items()],
            )

    def reviews(self) -> dict[int, dict[str, str]]:
        """Return round → question id → what the model said of its failure."""
        found: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for row in self._rows("SELECT * FROM reviews ORDER BY round, question"):
            found[row["round"]][row["question"]] = row["body"]
        return dict(found)

    def drop_texts(self, questions: Sequence[str], held: Callable[[str], bool]) -> None:
        """Delete what was written on failing some questions, or that holds a text.

        Must be called within a transaction of the library.

        Args:
            questions: Ids.
            held: Says whether a text has to go.
        """
        for table in ("reflections", "reviews"):
            rows = self._db.execute(f"SELECT rowid AS place, body FROM {table}").fetchall()
            gone = [(row["place"],) for row in rows if held(row["body"])]
            self._db.executemany(f"DELETE FROM {table} WHERE rowid=?", gone)
            self._db.execute(
                f"DELETE FROM {table} WHERE question IN (SELECT value FROM json_each(?))",
                (json.dumps(list(questions)),),
            )

    def drop_orphans(self) -> None:
        """Delete the sittings of questions that are gone, within a transaction of the library."""
        self._db.execute("DELETE FROM sittings WHERE question NOT IN (SELECT id FROM questions)")

    def outcomes(self) -> list[Outcome]:
        """Return how each question stands; one that was never tried with memory is left out."""
        last = (
            "(SELECT passed FROM sittings WHERE question=q.id AND cell='memory' "
            "ORDER BY round DESC LIMIT 1)"
        )
        rows = self._db.execute(
            "SELECT * FROM (SELECT q.id, q.passage, json_extract(q.body, '$.kind') AS kind, "
            f"COALESCE({last if self._there else 'NULL'}, q.recalled) AS passed "
            "FROM questions q) WHERE passed IS NOT NULL ORDER BY id"
        )
        return [
            Outcome(
                question=row["id"], passage=row["passage"], kind=row["kind"] or ANSWER_FIRST,
                passed=bool(row["passed"]),
            )
            for row in rows
        ]  # fmt: skip

    def places(self) -> list[Place]:
        """Return where the passages belong, in reading order."""
        rows = self._db.execute(
            "SELECT id, document, json_extract(body, '$.title') AS title, "
            "json_extract(body, '$.heading') AS heading, studied FROM passages "
            "ORDER BY document, ordinal"
        )
        return [
            Place(
                passage=row["id"], document=row["document"], title=row["title"],
                heading=row["heading"], studied=bool(row["studied"]),
            )
            for row in rows
        ]  # fmt: skip

    def _rows(self, query: str, *arguments: Any) -> list[sqlite3.Row]:
        return self._db.execute(query, arguments).fetchall() if self._there else []

    def _put(self, statement: str, *arguments: Any) -> None:
        *plain, facts = arguments
        with self._db:
            self._db.execute(statement, (*plain, json.dumps(dict(facts))))


def _added(one: Any, other: Any) -> Any:
    """Add up numbers at the same place of two JSON values; of anything else the later stands."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: _added(one.get(key), value) for key, value in other.items()}}
    if isinstance(one, bool) or isinstance(other, bool):
        return other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one + other
    return other
