"""One turn of a conversation at a time, across processes, and none while a purge erases.

A turn reads the whole conversation and writes it back with one turn more. What another process did
to it meanwhile would be undone: a turn that was answered would be lost, one that was purged would
come back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ingrained.disk import way_out
from ingrained.errors import HomeBusyError, StoreError
from ingrained.memory.records import sha256

_FOLDER = "talking"
_GATE = "gate.lock"
"""Held by a purge as long as it erases, and by a turn as long as it takes its own lock."""
_WAIT = 5.0
"""Seconds that a turn or a purge waits for the gate, which another turn holds for a moment."""


@contextmanager
def turn_lock(home: Path, thread: str) -> Iterator[None]:
    """Hold a thread of a home for one turn; never waits for another turn of it.

    Raises:
        HomeBusyError: another process has a turn of it, or erases from the home.
        StoreError: the home cannot be written to.
    """
    busy = HomeBusyError(
        "Another chat is being answered in this conversation.",
        hint="Ask again when it has its answer, or begin another conversation.",
    )
    with ExitStack() as stack:
        with _gate(home):
            stack.enter_context(_held(_file(home, thread), busy, wait=0))
        yield


@contextmanager
def no_turns(home: Path) -> Iterator[None]:
    """Keep every conversation of a home from going on.

    Raises:
        HomeBusyError: one is being answered, or another process erases from the home.
        StoreError: the home cannot be written to.
    """
    busy = HomeBusyError(
        "A chat is being answered in this home: what is erased would come back with the turn.",
        hint="Wait for the answer or cut it short with Ctrl-C, and run the same command again.",
    )
    with ExitStack() as stack:
        stack.enter_context(_gate(home))
        for path in sorted((home / _FOLDER).glob("*.lock")):
            if path.name != _GATE:
                stack.enter_context(_held(path, busy, wait=0))
        yield


def claim(home: Path, thread: str) -> bool:
    """Return whether a thread's name was never used nor claimed; it is, from now on.

    Raises:
        StoreError: the home cannot be written to.
    """
    path = _file(home, thread)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


@contextmanager
def _gate(home: Path) -> Iterator[None]:
    busy = HomeBusyError("Another process erases memories from this home.")
    with _held(home / _FOLDER / _GATE, busy, wait=_WAIT):
        yield


@contextmanager
def _held(path: Path, busy: HomeBusyError, *, wait: float) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not thread-local: a host may open and close a turn in different threads.
        lock = FileLock(path, timeout=wait, thread_local=False)
        lock.acquire()
    except Timeout as error:
        raise busy from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _file(home: Path, thread: str) -> Path:
    """Return a thread's lock; its name tells nobody who talks, or of what."""
    return home / _FOLDER / f"{sha256(thread)[:16]}.lock"


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot write to {str(path.parent)!r}: {error.strerror or error}.", hint=way_out(error)
    )
