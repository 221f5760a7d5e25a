"""Many calls to one server: as many at a time as it bears, each tried again where that may help.

How many is found as TCP finds it (Jacobson 1988, Congestion Avoidance and Control): one more for each
call that succeeds until the server says for the first time that it is overloaded, then half as many, and
from there one more for each round of calls.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

Result = TypeVar("Result")
Call = Callable[[], Awaitable[Result]]

_LONGEST_WAIT = 20.0
"""Seconds between two tries at most."""
_LOOK = 0.1
"""Seconds between two looks at whether Ctrl-C was pressed."""


class Window:
    """How many calls may be under way.

    Args:
        most: Never more than this.
        start: How many at first.
    """

    def __init__(self, most: int, start: int = 4) -> None:
        self._most = most
        self._size = float(min(start, most))
        self._climbing = True
        self._begun = 0
        self._halved_after = 0

    @property
    def size(self) -> int:
        """Calls that may be under way now."""
        return int(self._size)

    def begin(self) -> int:
        """Count a call, and return its number."""
        self._begun += 1
        return self._begun

    def succeeded(self) -> None:
        """Let more calls be made at a time."""
        more = 1.0 if self._climbing else 1.0 / self._size
        self._size = min(float(self._most), self._size + more)

    def overloaded(self, number: int) -> None:
        """Halve the window; once for all calls that were under way when it was halved before.

        Args:
            number: Which call the server was too busy for.
        """
        self._climbing = False
        if number > self._halved_after:
            self._size = max(1.0, self._size / 2)
            self._halved_after = self._begun


class Tries:
    """How a call is made: once more, after a while, where that may help.

    Args:
        window: Told what came of each try.
        most: Tries in all.
        wait: Seconds of the first wait at most; the next may take twice as long. How much of it is
            waited is drawn anew each time, so that calls that failed together do not return together.
        overload: Errors that say that the server is too busy.
        again: Errors after which to try once more.
    """

    def __init__(
        self,
        window: Window,
        *,
        most: int,
        wait: float,
        overload: tuple[type[Exception], ...],
        again: tuple[type[Exception], ...],
    ) -> None:
        self.window = window
        self._overload = overload
        self._policy: dict[str, Any] = {
            "stop": stop_after_attempt(most),
            "wait": wait_random_exponential(multiplier=wait, max=_LONGEST_WAIT),
            "retry": retry_if_exception_type(again),
            "reraise": True,
        }

    async def make(self, call: Call[Result]) -> Result:
        """Return what a call gives; raise what the last try raised."""
        return await AsyncRetrying(**self._policy)(self._once, call)

    async def _once(self, call: Call[Result]) -> Result:
        number = self.window.begin()
        try:
            result = await call()
        except self._overload:
            self.window.overloaded(number)
            raise
        self.window.succeeded()
        return result


async def in_turn(calls: Sequence[Call[Result]], window: Window) -> list[Result]:
    """Make all calls, begun in order, as many at a time as the window allows; results are in order.

    The first error ends it; then, and when it is cancelled, what is under way is cancelled too.
    """
    waiting = deque(enumerate(calls))
    running: dict[asyncio.Future[Result], int] = {}
    results: dict[int, Result] = {}
    try:
        while waiting or running:
            while waiting and len(running) < window.size:
                place, call = waiting.popleft()
                running[asyncio.ensure_future(call())] = place
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                results[running.pop(task)] = task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return [results[place] for place in range(len(calls))]


def run_here(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end from code that is not async, in a notebook too.

    Where a loop runs in this thread already, it takes a thread of its own, and Ctrl-C cancels it there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    return _run_beside(work)


def _run_beside(work: Coroutine[Any, Any, Result]) -> Result:
    stop: Future[Callable[[], object]] = Future()

    async def watched() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        stop.set_result(lambda: task and loop.call_soon_threadsafe(task.cancel))
        return await work

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, watched())
        try:
            return _result(done)
        except KeyboardInterrupt:
            stop.result()()
            raise


def _result(done: Future[Result]) -> Result:
    """Wait, and heed a Ctrl-C that `asyncio.run` turned into a mark on the task that waits here."""
    waiting = asyncio.current_task()
    while True:
        try:
            return done.result(timeout=_LOOK)
        except TimeoutError:
            if done.done():
                raise
            if waiting and waiting.cancelling():
                raise KeyboardInterrupt from None
