"""Serving one home: a lock, a server, and a look at the home every now and then."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from ingrained.errors import HomeBusyError, IngrainedError
from ingrained.memory.locking import write_lock

from .adapters import AdaptersInStep

FOLDER = "serve"
"""Of the home: the log and the lock."""
LOG = "vllm.log"


@contextlib.contextmanager
def served_once(home: Path) -> Iterator[Path]:
    """Give the folder of the one process that serves a home.

    Raises:
        HomeBusyError: another one does.
        StoreError: the folder cannot be made or written to.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(write_lock(home / FOLDER))
        except HomeBusyError as error:
            raise HomeBusyError(
                f"This home is served already. {error}",
                hint="Ask that server, stop it, or serve another --home.",
            ) from error
        yield home / FOLDER


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, and a terminal that is closed, end the block as Ctrl-C does: what was started is stopped.

    What `nohup` has ignore the terminal's end goes on ignoring it.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def watch(
    adapters: AdaptersInStep,
    check: Callable[[], None],
    tell: Callable[[dict[str, Any]], None],
    *,
    every: float,
) -> None:
    """Keep a server in step with its home until Ctrl-C or SIGTERM.

    What goes wrong in between, such as a server that does not answer or a home that is being moved, is told
    once and tried again.

    Args:
        adapters: Of the server.
        check: Raises when there is no use in going on.
        tell: Told of each change.
        every: Seconds between two looks.

    Raises:
        ModelError: from `check`.
    """
    trouble = ""
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            check()
            try:
                adapters.step()
            except IngrainedError as error:
                if str(error) != trouble:
                    tell({"event": "trouble", "reason": str(error), "hint": error.hint})
                trouble = str(error)
            else:
                if trouble:
                    tell({"event": "recovered"})
                trouble = ""
            time.sleep(every)
