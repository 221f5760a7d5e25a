"""The tables of a store's SQLite file, one migration after the other.

A migration is a tuple of statements run in one transaction; `PRAGMA user_version` counts the
migrations a file has seen. Released migrations are never edited, only followed.
"""

from __future__ import annotations

import sqlite3

from ingrained.errors import HomeVersionError
from ingrained.memory.migrating import carry_out

_FIRST = (
    """
    CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        namespace BLOB NOT NULL,
        key BLOB NOT NULL,
        value TEXT NOT NULL,
        indexing TEXT NOT NULL,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        ttl REAL,
        expires INTEGER,
        UNIQUE (namespace, key)
    )
    """,
    "CREATE INDEX items_by_expiry ON items (expires) WHERE expires IS NOT NULL",
    """
    CREATE TABLE vectors (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
        vector BLOB NOT NULL
    )
    """,
    "CREATE INDEX vectors_by_item ON vectors (item)",
    "CREATE TABLE pending (vector INTEGER PRIMARY KEY)",
    """
    CREATE TRIGGER vector_made AFTER INSERT ON vectors
    BEGIN INSERT OR IGNORE INTO pending VALUES (new.id); END
    """,
    """
    CREATE TRIGGER vector_gone AFTER DELETE ON vectors
    BEGIN INSERT OR IGNORE INTO pending VALUES (old.id); END
    """,
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
)
"""Times are microseconds since 1970, `ttl` is in minutes, vectors are little-endian 32-bit floats.

A vector is never changed, and its id never used again: `pending` therefore says all that Chroma
may have missed, namely the ids that are to be put in (they are in `vectors`) or taken out."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file up to `SCHEMA_VERSION`, each step in its own transaction.

    Raises:
        HomeVersionError: When a newer Ingrained wrote it; nothing is changed.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise HomeVersionError(
            f"The store's file has version {version}; this Ingrained knows {SCHEMA_VERSION}.",
            hint="Upgrade Ingrained, or use another folder. Nothing was changed.",
        )
    carry_out(connection, MIGRATIONS, seen=version)
