"""Which nodes are run again after a failure, and after which failures.

A node has the policy where running it again comes to the same: it only asks and reads, or each thing
that it writes is known by what it is of.
"""

from __future__ import annotations

import sqlite3

from langgraph.types import RetryPolicy

from ingrained.errors import IngrainedError, StoreError

_CLIENTS_OWN = frozenset(["APIConnectionError", "APITimeoutError"])
"""What the clients of model providers call them, each in a module of its own that need not be installed."""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def passes_by_itself(error: Exception) -> bool:
    """Return whether a failure is of the moment: no connection, no answer in time, a database in use.

    Of our own errors only that of a store can be, which names as its cause what the disk or the server
    of the index said. A `ModelError` never is: our client of a vLLM server has waited and tried again
    before it raises one.
    """
    if isinstance(error, StoreError):
        return error.__cause__ is not None and _of_the_moment(error.__cause__)
    return not isinstance(error, IngrainedError) and _of_the_moment(error)


def _of_the_moment(error: BaseException) -> bool:
    import httpx

    if isinstance(error, sqlite3.OperationalError):
        # The upper bits tell which lock it was.
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _BUSY
    if isinstance(error, ConnectionError | TimeoutError | httpx.TransportError):
        return True
    return any(kind.__name__ in _CLIENTS_OWN for kind in type(error).__mro__)


AGAIN = RetryPolicy(
    initial_interval=0.5, max_interval=4.0, max_attempts=3, retry_on=passes_by_itself
)
"""Twice more, after half a second and a second, each with up to a second more: so that clients that
failed together do not return together."""
