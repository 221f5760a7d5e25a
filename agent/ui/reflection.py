"""Reflection in a terminal: how far it is, and what it came to."""

from __future__ import annotations

from rich.console import Console

from ingrained.agent.reflecting import Reflection
from ingrained.memory.records import Memory

from .console import clipped, line, results

_SHORT = 8
"""Characters of an id."""


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
