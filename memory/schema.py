"""The ledger's tables, one migration after the other.

A migration is a tuple of statements run in one transaction; `PRAGMA user_version` counts
the migrations a file has seen. Released migrations are never edited, only followed.
"""

from __future__ import annotations

import sqlite3

from ingrained.errors import HomeVersionError

_FIRST = (
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        time REAL NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        kind TEXT NOT NULL,
        memory_id TEXT NOT NULL,
        before TEXT,
        after TEXT NOT NULL
    )
    """,
    "CREATE INDEX events_by_memory ON events (memory_id)",
    """
    CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TABLE memories (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        namespace TEXT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        duplicate_key TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,
        body TEXT NOT NULL
    )
    """,
    "CREATE INDEX memories_by_status ON memories (status, namespace)",
    """
    CREATE VIRTUAL TABLE memories_fts
    USING fts5(text, title, tokenize = 'porter unicode61 remove_diacritics 2')
    """,
    """
    CREATE TABLE vectors (
        seq INTEGER PRIMARY KEY REFERENCES memories (seq) ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        text_digest TEXT NOT NULL,
        vector BLOB NOT NULL
    )
    """,
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
SCHEMA_VERSION = len(MIGRATIONS)


def schema_version(connection: sqlite3.Connection) -> int:
    """Return how many migrations the file has seen.

    Raises:
        HomeVersionError: When it has seen more than this version of Ingrained knows.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise HomeVersionError(
            f"The memory ledger has version {version}; this Ingrained knows {SCHEMA_VERSION}."
        )
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file up to `SCHEMA_VERSION`, each step in its own transaction."""
    for version in range(schema_version(connection), SCHEMA_VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.rollback()
            raise
