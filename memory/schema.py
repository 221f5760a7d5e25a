"""The ledger's tables, one migration after the other.

A migration is a tuple of statements run in one transaction; `PRAGMA user_version` counts
the migrations a file has seen. Released migrations are never edited, only followed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from ingrained.errors import HomeVersionError

from .entries import entry_digest, namespace_token, near_key
from .migrating import carry_out
from .records import Memory

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

# Bodies apart from events: what a purge has to delete can be deleted while the events stay as
# they are, and each state of a memory is stored once, not as "after" and again as "before".
_SECOND = (
    "DROP TRIGGER events_are_not_updated",
    "DROP TRIGGER events_are_not_deleted",
    "DROP INDEX events_by_memory",
    "DROP INDEX memories_by_status",
    "ALTER TABLE events RENAME TO events_1",
    "ALTER TABLE vectors RENAME TO vectors_1",
    "ALTER TABLE memories RENAME TO memories_1",
    "CREATE TABLE bodies (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)",
    """
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        batch INTEGER NOT NULL,
        time REAL NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        kind TEXT NOT NULL,
        memory_id TEXT NOT NULL,
        before INTEGER,
        after INTEGER
    )
    """,
    """
    CREATE TABLE memories (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        namespace TEXT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        pinned INTEGER NOT NULL,
        strength REAL NOT NULL,
        created REAL NOT NULL,
        last_recalled REAL,
        trust REAL NOT NULL,
        duplicate_key TEXT NOT NULL UNIQUE,
        near_key TEXT NOT NULL,
        digest TEXT NOT NULL,
        body INTEGER NOT NULL REFERENCES bodies (id)
    )
    """,
    """
    CREATE TABLE vectors (
        seq INTEGER NOT NULL REFERENCES memories (seq) ON DELETE CASCADE,
        fingerprint TEXT NOT NULL,
        text_digest TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (seq, fingerprint)
    )
    """,
    """
    CREATE TABLE facets (
        seq INTEGER NOT NULL REFERENCES memories (seq) ON DELETE CASCADE,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (name, value, seq)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE unindexed (
        id TEXT NOT NULL, namespace TEXT NOT NULL, PRIMARY KEY (id, namespace)
    ) WITHOUT ROWID
    """,
    "DROP TABLE memories_fts",
    """
    CREATE VIRTUAL TABLE memories_fts
    USING fts5(text, title, space, tokenize = 'porter unicode61 remove_diacritics 2')
    """,
    # A title makes its notes candidates, behind every note whose own text matches.
    "INSERT INTO memories_fts (memories_fts, rank) VALUES ('rank', 'bm25(1.0, 0.01, 0.0)')",
    "CREATE VIRTUAL TABLE vocabulary USING fts5vocab(memories_fts, 'row')",
    "INSERT INTO bodies (id, body) SELECT id, after FROM events_1",
    """
    INSERT INTO events (id, batch, time, who, why, kind, memory_id, before, after)
    SELECT id, min(id) OVER (PARTITION BY time, who, why), time, who, why, kind, memory_id,
           CASE WHEN before IS NULL THEN NULL
                ELSE lag(id) OVER (PARTITION BY memory_id ORDER BY id) END,
           id
    FROM events_1 ORDER BY id
    """,
    """
    INSERT INTO memories (seq, id, namespace, kind, status, pinned, strength, created,
                          last_recalled, trust, duplicate_key, near_key, digest, body)
    SELECT seq, id, namespace, kind, status, json_extract(body, '$.pinned'),
           json_extract(body, '$.strength'), json_extract(body, '$.created'),
           json_extract(body, '$.last_recalled'), json_extract(body, '$.trust'),
           duplicate_key, near_key(body), entry_digest(body),
           (SELECT max(events_1.id) FROM events_1 WHERE events_1.memory_id = memories_1.id)
    FROM memories_1
    """,
    """
    INSERT OR IGNORE INTO facets (seq, name, value)
    SELECT memories_1.seq, 'document', json_extract(span.value, '$.document')
    FROM memories_1, json_each(memories_1.body, '$.spans') AS span
    """,
    "INSERT INTO vectors SELECT seq, fingerprint, text_digest, vector FROM vectors_1",
    """
    INSERT INTO memories_fts (rowid, text, title, space)
    SELECT seq, json_extract(body, '$.text'), json_extract(body, '$.title'), namespace_token(body)
    FROM memories_1 WHERE status = 'active'
    """,
    "DROP TABLE vectors_1",
    "DROP TABLE memories_1",
    "DROP TABLE events_1",
    "CREATE INDEX events_by_memory ON events (memory_id)",
    "CREATE INDEX events_by_batch ON events (batch)",
    "CREATE INDEX memories_by_status ON memories (status, namespace)",
    "CREATE INDEX memories_by_body ON memories (body)",
    "CREATE INDEX memories_by_near_key ON memories (near_key)",
    "CREATE INDEX facets_by_memory ON facets (seq)",
    """
    CREATE TRIGGER events_are_not_updated BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER bodies_are_not_updated BEFORE UPDATE ON bodies
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND)
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
    functions: dict[str, Callable[[Memory], str]] = {
        "near_key": near_key,
        "entry_digest": entry_digest,
        "namespace_token": lambda memory: namespace_token(memory.namespace),
    }
    for name, function in functions.items():
        connection.create_function(name, 1, lambda body, of=function: of(_memory(body)))
    carry_out(connection, MIGRATIONS, seen=schema_version(connection))


def _memory(body: str) -> Memory:
    return Memory.from_dict(json.loads(body))
