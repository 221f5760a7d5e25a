"""What is told, with a way out, when a disk is full or fails, or a file on it is locked.

Every write of ours is one transaction or one atomic replace, so that after such an error the same
command goes on from what was there before it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ingrained.errors import StoreError

DAMAGED = "Restore the file from a backup, or move it away to start afresh."

_GOES_ON = "Then run the same command again: it goes on, and nothing that was learnt is lost."
_FULL = f"Free some space on the disk that the file is on. {_GOES_ON}"
_FAILING = f"Check the disk that the file is on, and the limits on the size of files. {_GOES_ON}"
_LOCKED = f"Another program holds the file: wait until it lets go. {_GOES_ON}"
_READ_ONLY = "Check the permissions of the file and of its folder, or open it for writing."
_ANY = f"Check that the home can be read and written and that its disk has space. {_GOES_ON}"

_OF_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FAILING,
    errno.EIO: _FAILING,
}
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _FAILING,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
_OUR_FAULT = (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.InterfaceError)
_PRIMARY = 0xFF
"""The bits of SQLite's extended codes that hold the plain one."""


def replace_text(path: Path, text: str) -> None:
    """Replace a small file in one step: a kill leaves the old one or the new one.

    Raises:
        OSError: it cannot be written. Whatever ends it, nothing half made is left behind but by a
            kill.
    """
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a new file to write, which takes the place of `path` in one step when all went well.

    Raises:
        OSError: it cannot be written. Whatever ends it, nothing half made is left behind but by a
            kill.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def way_out(error: sqlite3.Error | OSError) -> str:
    """Return what to do about an error; nothing about one of the system that no disk is behind."""
    if isinstance(error, OSError):
        return _OF_SYSTEM.get(error.errno or 0, "")
    return _OF_SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY, _ANY)


def as_store_error(error: sqlite3.Error | OSError) -> StoreError | None:
    """Return an error of a disk as one that can be shown; None for a fault of the program."""
    hint = way_out(error)
    wrong_statement = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    if isinstance(error, _OUR_FAULT) or wrong_statement or not hint:
        return None
    if isinstance(error, sqlite3.Error):
        return StoreError(f"a database of the home cannot be used: {error}", hint=hint)
    where = f" at {str(error.filename)!r}" if error.filename else ""
    return StoreError(f"the disk cannot be used{where}: {error.strerror or error}", hint=hint)
