"""One writer per memory, across processes and within one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ingrained.errors import HomeBusyError, StoreError


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold the write lock of `folder`, making the folder when missing; never waits.

    The operating system drops the lock when the process dies, however it dies.

    Raises:
        HomeBusyError: When someone else holds it; names the process if it said who it is.
        StoreError: When the folder cannot be made or written to.
    """
    owner = folder / "writer.pid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Not thread-local: a store may be closed by another thread than the one that opened it.
        lock = FileLock(folder / "writer.lock", timeout=0, thread_local=False)
        lock.acquire()
    except Timeout as error:
        raise HomeBusyError(
            f"Another process{_named(owner)} is writing to {str(folder)!r}."
        ) from error
    except OSError as error:
        raise StoreError(
            f"Cannot write to {str(folder)!r}: {error.strerror or error}.",
            hint="Check the folder's permissions, or choose another --home.",
        ) from error
    try:
        owner.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _named(owner: Path) -> str:
    """Return " (pid N)", or nothing when the writer left no readable number."""
    try:
        pid = owner.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (pid {pid})" if pid.isdigit() else ""
