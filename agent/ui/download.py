"""What is seen while a model is fetched, and while it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.status import Status

from .console import line, notices, spinner


class DownloadBar:
    """Shows a fetch as a bar in a terminal and as a line per transfer elsewhere.

    Implements `ingrained.agent.weights.Progress`; the bar appears with the first transfer, so a
    model that is in the cache already shows nothing.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or notices()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._status: Status | None = None

    @property
    def in_terminal(self) -> bool:
        """Whether somebody may watch."""
        return self._console.is_terminal

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Turn a spinner in a terminal for as long as the block lasts; a transfer takes its place."""
        with spinner(self._console, what) as self._status:
            try:
                yield
            finally:
                self._status = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a transfer."""
        if not self._console.is_terminal:
            self.note(f"Fetching {label}: {total_bytes / 1e6:.0f} MB.")
            return
        if self._status:
            self._status.stop()
        if self._bar is None:
            self._bar = _bar(self._console)
            self._bar.start()
        self.done()
        self._task = self._bar.add_task(line(label).plain, total=total_bytes)

    def advance(self, n: int) -> None:
        """Count `n` more bytes."""
        if self._bar and self._task is not None:
            self._bar.advance(self._task, n)

    def note(self, text: str) -> None:
        """Tell something on a line of its own."""
        self._console.print(line(text, "dim"))

    def done(self) -> None:
        """End the transfer."""
        if self._bar and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        if self._status:
            self._status.start()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
