"""Writes the tables of README.md and docs/figures.md from `results/*.json`, or checks them.

    python benchmarks/readme_tables.py            rewrite what differs
    python benchmarks/readme_tables.py --check    exit 1 if something would differ

A table of all figures stands between `<!-- figures:NAME -->` and `<!-- /figures -->`; one of some
between `<!-- grid:NAME ROW, ROW | HEADING=LABEL | … -->` and `<!-- /figures -->`, where `*` in a LABEL
is the row. To write a single figure in a sentence, use `<!-- figure:NAME/LABEL -->` and
`<!-- /figure -->`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import results_file

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "figures.md")

_BLOCK = re.compile(r"(<!-- figures:(\w+) -->)(.*?)(<!-- /figures -->)", re.S)
_GRID = re.compile(r"(<!-- grid:(\w+) ([^|>]+)\|([^>]+) -->)(.*?)(<!-- /figures -->)", re.S)
_INLINE = re.compile(r"(<!-- figure:(\w+)/(.+?) -->)(.*?)(<!-- /figure -->)")

SHARES = ("fraction", "share")

Results = Mapping[str, Mapping[str, Any]]


def render(text: str, results: Results) -> str:
    """Return `text` with every marked place filled from `results`.

    Raises:
        KeyError: a marker names a result or a figure that does not exist.
    """
    text = _BLOCK.sub(lambda m: f"{m[1]}\n{table(results[m[2]])}\n{m[4]}", text)
    text = _GRID.sub(lambda m: f"{m[1]}\n{grid(results[m[2]], m[3], m[4])}\n{m[6]}", text)
    return _INLINE.sub(lambda m: f"{m[1]}{_value(results[m[2]]['figures'][m[3]])}{m[5]}", text)


def table(result: Mapping[str, Any]) -> str:
    """Return one result as a Markdown table, followed by where it comes from."""
    rows = [
        f"| {label} | {_value(figure)} | {_interval(figure)} |"
        for label, figure in result["figures"].items()
    ]
    head = ["| | value | 95 % interval of a share, else range |", "|---|---:|---:|"]
    return "\n".join([*head, *rows, "", _source(result)])


def grid(result: Mapping[str, Any], rows: str, columns: str) -> str:
    """Return some figures as a Markdown table, with their intervals, and where they come from.

    Args:
        result: A result file.
        rows: Names, with commas between them.
        columns: `HEADING=LABEL` with bars between them; `*` in a label stands for the row.

    Raises:
        KeyError: no column has a figure for a row.
    """
    labels = dict(column.strip().split("=") for column in columns.split("|"))
    lines = ["| | " + " | ".join(labels) + " |", "|---|" + "---:|" * len(labels)]
    for row in (name.strip() for name in rows.split(",")):
        figures = [result["figures"].get(label.replace("*", row)) for label in labels.values()]
        if not any(figures):
            raise KeyError(row)
        lines.append(f"| {row} | " + " | ".join(map(_cell, figures)) + " |")
    return "\n".join([*lines, "", _source(result)])


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return ""
    value = number(figure["value"], figure["unit"])
    return value if figure["low"] == figure["high"] else f"{value} ({_interval(figure)})"


def _source(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    hardware = machine["gpu"] or f"{machine['cpu']}, {machine['cores']} cores"
    seeds = len(result["seeds"])
    return f"`{result['command']}`, {result['date']}, {hardware}, {seeds} seed{'s' * (seeds != 1)}."


def number(value: float, unit: str) -> str:
    """Return a number with as many digits as are worth reading."""
    if unit in SHARES:
        return f"{value:.3f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _value(figure: Mapping[str, Any]) -> str:
    unit = "" if figure["unit"] in SHARES else f" {figure['unit']}"
    return number(figure["value"], figure["unit"]) + unit.rstrip()


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None or figure["high"] is None:
        return ""
    return f"{number(figure['low'], figure['unit'])} to {number(figure['high'], figure['unit'])}"


def stale(results: Results) -> dict[Path, str]:
    """Return the pages that are not what they should be, and what they should be."""
    wanted = {page: render(page.read_text(encoding="utf-8"), results) for page in PAGES}
    return {page: text for page, text in wanted.items() if page.read_text(encoding="utf-8") != text}


def main() -> int:
    """Rewrite the pages, or with --check only say which are not what they should be."""
    parser = argparse.ArgumentParser(description="Fill the pages from benchmarks/results/.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if stale")
    arguments = parser.parse_args()
    found = stale(results_file.read())
    if arguments.check:
        for page in found:
            print(f"{page.name} is stale: python benchmarks/readme_tables.py", file=sys.stderr)
        return int(bool(found))
    for page, text in found.items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
