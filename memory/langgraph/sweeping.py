"""Deleting what has expired, now and then, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ingrained.errors import StoreError

_LOG = logging.getLogger(__name__)


class Sweeper:
    """Calls `sweep` at intervals until it is stopped.

    Args:
        sweep: Deletes what has expired and returns how many items that were.
    """

    def __init__(self, sweep: Callable[[], int]) -> None:
        self._sweep = sweep
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._done: Future[None] = Future()

    def start(self, seconds: float) -> Future[None]:
        """Start, unless it runs; return what is done when it has stopped, and stops it if cancelled."""
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
        """Stop; return whether it has within `timeout` seconds (None: wait for it)."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _run(self, seconds: float, stop: threading.Event, done: Future[None]) -> None:
        while not stop.wait(seconds):
            try:
                self._sweep()
            except StoreError as error:
                _LOG.warning("What has expired was not deleted: %s", error)
        if not done.cancelled():
            done.set_result(None)
