"""Deleting what has expired, now and then, in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

from ingrained.errors import StoreError

_LOG = logging.getLogger(__name__)


class Sweeper:
    """Calls `sweep` at intervals until it is stopped, or `sweep` fails for good.

    Args:
        sweep: Deletes what has expired and returns how many items that were. After a `StoreError`
            the next interval tries again; any other error ends the sweeping.
    """

    def __init__(self, sweep: Callable[[], int]) -> None:
        self._sweep = sweep
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._done: Future[None] = Future()

    def start(self, seconds: float) -> Future[None]:
        """Start, unless it runs; return what is done when it has stopped, and stops it if cancelled.

        An error that ended the sweeping is the future's own, and that of the thread.
        """
        if self._thread is None or not self._thread.is_alive():
            self._stop = stop = threading.Event()
            self._done = Future()
            self._done.add_done_callback(lambda _: stop.set())
            self._thread = threading.Thread(
                target=self._run, args=(seconds, stop, self._done), daemon=True, name="ttl-sweeper"
            )
            self._thread.start()
        return self._done

    def stop(self, timeout: float | None = None) -> bool:
        """Stop; return whether it has within `timeout` seconds (None: wait for it).

        A callback of the future runs in the sweeper's own thread, which has stopped by then.
        """
        self._stop.set()
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self, seconds: float, stop: threading.Event, done: Future[None]) -> None:
        try:
            while not stop.wait(seconds):
                self._try_to_sweep()
        except BaseException as error:
            _end(done, error)
            raise
        _end(done)

    def _try_to_sweep(self) -> None:
        try:
            self._sweep()
        except StoreError as error:
            _LOG.warning("What has expired was not deleted: %s", error)


def _end(done: Future[None], error: BaseException | None = None) -> None:
    """End the future, unless it was cancelled, perhaps this very moment."""
    with contextlib.suppress(InvalidStateError):
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
