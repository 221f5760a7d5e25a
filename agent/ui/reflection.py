"""Reflection in a terminal: how far it is, and what it came to."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ingrained.agent.reflecting import Reflection
from ingrained.memory.records import Memory

from .console import clipped, line, notices, results

_SHORT = 8
"""Characters of an id."""


class ReflectionBar:
    """Called with how many groups of facts were asked about: a bar, or outside a terminal lines."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or notices()
        self._bar = Progress(
            TextColumn("groups of facts", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
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
        """Show that `done` of `total` groups were asked about."""
        self._bar.update(self._task, completed=done, total=total)
        if not self._console.is_terminal:
            self._console.print(line(f"groups of facts: {done} of {total}", "dim"))


def show_reflection(result: Reflection, console: Console | None = None) -> None:
    """Show every insight with the ids of the memories it cites."""
    console = console or results()
    for what, insights in (
        ("New", result.kept),
        ("Derived anew", result.renewed),
        ("Holds again", result.confirmed),
        ("Forgotten", result.forgotten),
    ):
        for one in insights:
            _show(what, one, console)
    for why, count in sorted(result.rejected.items()):
        console.print(line(f"Dropped {count}: {why}", "dim"), soft_wrap=True)
    if not result.groups and not result.confirmed and not result.forgotten:
        console.print("Nothing new to reflect on.", style="dim")


def _show(what: str, one: Memory, console: Console) -> None:
    console.print(line(f"{what} {one.id}: {clipped(one.text)}"), soft_wrap=True)
    cited = ", ".join(id_[:_SHORT] for id_ in one.derived_from)
    console.print(line(f"follows from {cited}", "dim"), soft_wrap=True)
