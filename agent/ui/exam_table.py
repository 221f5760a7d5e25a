"""The scores of an exam as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from .console import line, many, new_table, percent, results

_NAMED = 5
"""Most unknown documents that are named."""


def show_exam(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Show an exam's report: scores by cell, then answers contained by topic."""
    console = console or results()
    cells = report["cells"]
    console.print(line(f"{report['exam']}: {report['items']} questions, {report['model']}", "bold"))
    if cells:
        console.print(_scores(cells))
        if topics := _topics(cells):
            console.print()
            console.print(topics)
    for cell, reason in report["skipped"].items():
        console.print(line(f"{cell}: not sat, {reason}.", "dim"))
    if unknown := report.get("unknown_documents"):
        console.print(line(_not_known(unknown), "yellow"))


def _not_known(names: Sequence[str]) -> str:
    """Say which documents of an exam cannot be told, and how to name them."""
    some = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return (
        f"{many(len(names), 'document')} that the exam names, not read or more than one of that name: "
        f"{some}. Their questions are asked with no document in the cell open. A document is named by "
        "its path in the folder that was studied; one of a JSONL file by FILE#ID, or ID alone."
    )


def _scores(cells: Mapping[str, Any]) -> Table:
    table = _table(
        "share of answers; in brackets the bootstrap 95 % interval; abst. right: abstained where "
        "there is no answer, abst. wrong: where there is one"
    )
    table.add_column("cell")
    table.add_column("contained", justify="right", no_wrap=True)
    for name in ("exact", "F1", "abst.\nright", "abst.\nwrong"):
        table.add_column(name, justify="right")
    choices = any(of["choice"]["n"] for of in cells.values())
    if choices:
        table.add_column("choice", justify="right")
    table.add_column("seconds", justify="right")
    table.add_column("tokens", justify="right")
    for cell, of in cells.items():
        table.add_row(
            cell,
            with_interval(of["contained"]),
            f"{of['exact']['value']:.2f}",
            f"{of['f1']['value']:.2f}",
            _share_of_some(of["abstained_rightly"]),
            _share_of_some(of["abstained_wrongly"]),
            *([_share_of_some(of["choice"])] if choices else []),
            f"{of['seconds']:,.1f}",
            f"{of['tokens']:,}",
        )
    return table


def _topics(cells: Mapping[str, Any]) -> Table | None:
    names = list(dict.fromkeys(topic for of in cells.values() for topic in of["topics"]))
    if not names:
        return None
    table = _table("answers contained, by topic")
    table.add_column("topic")
    for cell in cells:
        table.add_column(cell, justify="right")
    for name in names:
        row = [of["topics"].get(name) for of in cells.values()]
        table.add_row(line(name), *(f"{one['value']:.2f}" if one else "" for one in row))
    return table


def _table(caption: str) -> Table:
    """Return an empty table without edges: with all its columns it just fits into 80 characters."""
    table = new_table(caption=caption)
    table.show_edge = False
    return table


def with_interval(of: Mapping[str, float]) -> str:
    """Return a mean with its interval: `0.62 [0.50, 0.73]`."""
    if not of["n"]:
        return "-"
    return f"{of['value']:.2f} [{of['low']:.2f}, {of['high']:.2f}]"


def _share_of_some(of: Mapping[str, float]) -> str:
    return percent(of["value"]) if of["n"] else "-"
