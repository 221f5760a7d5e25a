"""What happened to a memory, in a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from ingrained.memory.records import Memory
from ingrained.memory.results import Event

from .console import clipped, line, new_table, results
from .memories import when

_TOO_LONG = 60
_TIMES = frozenset({"created", "last_recalled", "valid_from", "valid_to"})


def show_history(events: Sequence[Event], console: Console | None = None) -> None:
    """Show one line per event, with what it changed."""
    console = console or results()
    table = new_table()
    table.add_column("event", justify="right")
    for name in ("when", "what", "by", "why", "changed"):
        table.add_column(name)
    for event in events:
        table.add_row(
            str(event.id), when(event.time), event.kind, line(event.who), line(event.why),
            Text("\n").join(_told(event)),
        )  # fmt: skip
    console.print(table)
    console.print("Take one back: ingrained memory undo EVENT", style="dim")


def plain_event(event: Event) -> dict[str, Any]:
    """Return an event for JSON: what it changed, each field before and after."""
    return {
        "id": event.id, "batch": event.batch, "time": event.time, "who": event.who,
        "why": event.why, "kind": event.kind, "memory_id": event.memory_id,
        "changed": {name: {"before": before, "after": after}
                    for name, before, after in changed(event)},
    }  # fmt: skip


def changed(event: Event) -> list[tuple[str, Any, Any]]:
    """Return the fields that an event changed, before and after; nothing of an insert or a purge."""
    if event.before is None or event.after is None:
        return []
    before, after = event.before.to_dict(), event.after.to_dict()
    names = [field.name for field in dataclasses.fields(Memory)]
    return [(name, before[name], after[name]) for name in names if before[name] != after[name]]


def _told(event: Event) -> list[Text]:
    if event.after is None:
        return [line("purged", "dim")]
    return [line(f"{n}: {_short(n, b)} → {_short(n, a)}") for n, b, a in changed(event)]


def _short(name: str, value: Any) -> str:
    if name in _TIMES and value is not None:
        return when(value)
    if isinstance(value, list | tuple) and value and not isinstance(value[0], str):
        return f"{len(value)}"
    return clipped(str(value), _TOO_LONG)
