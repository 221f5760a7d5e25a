"""The results of a benchmark in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from ingrained.agent.bench.tables import Table, heading, notes, tables

from .console import line, new_table, results


def show_bench(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Show the tables of a benchmark's results and what must be known beside them."""
    console = console or results()
    console.print(line(heading(report), "bold"))
    for table in tables(report):
        console.print()
        console.print(line(table.title, "bold"))
        console.print(_drawn(table))
        console.print(line(table.note, "dim"))
    console.print()
    for note in notes(report):
        console.print(line(note, "dim"))


def _drawn(table: Table) -> RichTable:
    drawn = new_table()
    drawn.show_edge = False
    first, *others = table.header
    drawn.add_column(first)
    for name in others:
        drawn.add_column(name, justify="right")
    for row in table.rows:
        drawn.add_row(*(line(cell) for cell in row))
    return drawn
