"""The progress bar of work that is counted."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .console import line, notices


class CountBar:
    """Shows how much is done as a bar in a terminal; elsewhere a total that is told is a line.

    It appears with the first count.

    Args:
        label: What is being done.
        unit: What is counted.
        total: How many there are; None if that comes with the counts.
        console: Where to show it.
    """

    def __init__(
        self, label: str, unit: str, total: int | None = None, *, console: Console | None = None
    ) -> None:
        self._console = console = console or notices()
        self._told = label, unit
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn(unit), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task(label, total=total, visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Show that so many of so many are done."""
        self._bar.update(self._task, completed=done, total=total, visible=True)
        if not self._console.is_terminal:
            label, unit = self._told
            self._console.print(line(f"{label}: {done} of {total} {unit}", "dim"))

    def advance(self, more: int) -> None:
        """Show that so many more are done."""
        self._bar.update(self._task, advance=more, visible=True)
