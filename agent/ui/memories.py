"""Memories in a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingrained.memory.records import Evidence, Memory
from ingrained.memory.results import Event, Recalled

from .console import clipped, line, new_table, results, safe

_SHORT = 8
"""Characters of an id in lists: enough to name one memory among millions."""


def show_list(memories: Sequence[Memory], *, more: bool, console: Console | None = None) -> None:
    """Show one line per memory."""
    console = console or results()
    if not memories:
        console.print("No such memories.", style="dim")
        return
    table = new_table()
    for name in ("id", "kind", "memory", "from"):
        table.add_column(name)
    for memory in memories:
        table.add_row(memory.id[:_SHORT], memory.kind, clipped(memory.text), _origin(memory))
    console.print(table)
    if more:
        console.print("There are more: raise --limit.", style="dim")


def show_found(found: Sequence[Recalled], console: Console | None = None) -> None:
    """Show what a query brought back, with the parts of its score."""
    console = console or results()
    if not found:
        console.print("Nothing is recalled for that.", style="dim")
        return
    table = new_table()
    table.add_column("id")
    for name in ("score", "meaning", "words", "retention"):
        table.add_column(name, justify="right")
    for name in ("memory", "from"):
        table.add_column(name)
    for one in found:
        scores = (one.score, one.dense, one.lexical, one.retention)
        table.add_row(
            one.memory.id[:_SHORT],
            *(f"{score:.2f}" for score in scores),
            clipped(one.memory.text),
            _origin(one.memory),
        )
    console.print(table)


def show_memory(memory: Memory, history: Sequence[Event], console: Console | None = None) -> None:
    """Show all there is about one memory."""
    console = console or results()
    console.print(Text(f"{memory.id}  {memory.kind}, {memory.status}", style="bold"))
    if memory.title:
        console.print(line(memory.title, "dim"), soft_wrap=True)
    console.print(Text(safe(memory.text)), soft_wrap=True)
    for span in memory.spans:
        place = f"{safe(span.document)}, characters {span.start} to {span.end}"
        console.print(Text(f"Source: {place}", style="cyan"), soft_wrap=True)
        console.print(Text(f"  “{clipped(span.quote)}”", style="dim"), soft_wrap=True)
    if memory.evidence:
        console.print("Kept because of", style="bold")
        console.print(_evidence(memory.evidence))
    console.print("History", style="bold")
    for event in history:
        when = _when(event.time)
        console.print(line(f"  {when}  {event.kind} by {event.who}: {event.why}"), soft_wrap=True)


def show_changed(what: str, memories: Sequence[Memory], console: Console | None = None) -> None:
    """Confirm a change, one line per memory."""
    console = console or results()
    for memory in memories:
        console.print(line(f"{what} {memory.id}: {clipped(memory.text, 80)}"), soft_wrap=True)


def _evidence(evidence: Sequence[Evidence]) -> Table:
    table = new_table()
    for name in ("question", "answer", "before", "with it"):
        table.add_column(name)
    for one in evidence:
        table.add_row(
            line(one.question), line(one.answer), _mark(one.passed_before), _mark(one.passed_after)
        )
    return table


def _mark(passed: bool) -> Text:
    return Text("passed", style="green") if passed else Text("failed", style="red")


def _origin(memory: Memory) -> Text:
    names = dict.fromkeys(span.document for span in memory.spans)
    return line(", ".join(names) or "-", "dim")


def _when(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M")
