"""The tables of the library's file, and how an older file is brought up to them."""

from __future__ import annotations

import secrets
import sqlite3

SCHEMA_VERSION = 4

_SCHEMA = (
    """CREATE TABLE documents (
    id TEXT PRIMARY KEY, title TEXT, version TEXT, text TEXT, source TEXT)""",
    """CREATE TABLE passages (
    id TEXT PRIMARY KEY, document TEXT REFERENCES documents ON DELETE CASCADE,
    ordinal INTEGER, body TEXT, studied INTEGER DEFAULT 0)""",
    """CREATE TABLE questions (
    id TEXT PRIMARY KEY, passage TEXT REFERENCES passages ON DELETE CASCADE,
    round INTEGER, sealed INTEGER, closed INTEGER, recalled INTEGER, body TEXT)""",
    "CREATE TABLE skipped (source TEXT PRIMARY KEY, reason TEXT)",
    "CREATE TABLE rounds (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)",
    "CREATE INDEX questions_by_passage ON questions (passage)",
)
_FROM_1 = "ALTER TABLE documents ADD COLUMN source TEXT DEFAULT ''"
_FROM_2 = (
    "CREATE TABLE tombstones (digest TEXT PRIMARY KEY, words INTEGER)",
    "CREATE TABLE salt (value BLOB)",
    """CREATE TABLE replaced (
    memory TEXT PRIMARY KEY, document TEXT REFERENCES documents ON DELETE CASCADE,
    first INTEGER, last INTEGER)""",
)
_FROM_3 = (
    """CREATE TABLE acceptance (
    model TEXT, kind TEXT, round INTEGER, batch TEXT,
    asked INTEGER DEFAULT 0, usable INTEGER DEFAULT 0, accepted INTEGER DEFAULT 0,
    PRIMARY KEY (model, kind, round, batch))""",
    """CREATE TABLE sittings (
    question TEXT, round INTEGER, cell TEXT, passed INTEGER, f1 REAL,
    PRIMARY KEY (question, cell, round))""",
    "CREATE TABLE traces (round INTEGER, part TEXT, batch TEXT, body TEXT, "
    "PRIMARY KEY (round, part, batch))",
    """CREATE TABLE reflections (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    question TEXT REFERENCES questions ON DELETE CASCADE, body TEXT, UNIQUE (question, body))""",
    """CREATE TABLE reviews (
    round INTEGER, question TEXT REFERENCES questions ON DELETE CASCADE, body TEXT,
    PRIMARY KEY (round, question))""",
    "CREATE INDEX reviews_by_question ON reviews (question)",
)


def bring_up(database: sqlite3.Connection) -> None:
    """Make the tables, or bring older ones up to these; another process may have done it."""
    database.execute("BEGIN IMMEDIATE")
    known = columns(database, "documents")
    for statement in () if "source" in known else (_FROM_1,) if known else _SCHEMA:
        database.execute(statement)
    if not columns(database, "tombstones"):
        _run(database, _FROM_2)
        database.execute("INSERT INTO salt VALUES (?)", (secrets.token_bytes(32),))
    if not columns(database, "sittings"):
        _run(database, _FROM_3)
    database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    database.commit()


def columns(database: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns; none for a table that is not there."""
    return {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}


def _run(database: sqlite3.Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        database.execute(statement)
