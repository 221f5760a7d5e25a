"""Bringing a SQLite file up to date, one migration after the other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

Migration = Iterable[str]
"""Statements that are carried out together."""


def carry_out(
    connection: sqlite3.Connection, migrations: Sequence[Migration], *, seen: int
) -> None:
    """Carry out the migrations that a file has not seen, each in a transaction of its own.

    Args:
        connection: To the file, in autocommit mode; its `PRAGMA user_version` counts them.
        migrations: All there are.
        seen: How many of them the file has seen.
    """
    for number in range(seen, len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except sqlite3.Error:
            connection.rollback()
            raise
