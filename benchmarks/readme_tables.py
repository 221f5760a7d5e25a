"""Writes the tables of README.md from `results/*.json`, or checks them.

    python benchmarks/readme_tables.py            rewrite what differs
    python benchmarks/readme_tables.py --check    exit 1 if something would differ

A table stands between `<!-- figures:NAME -->` and `<!-- /figures -->`. To write a single figure in a
sentence, use `<!-- figure:NAME/LABEL -->` and `<!-- /figure -->`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import results_file

README = Path(__file__).resolve().parent.parent / "README.md"

_BLOCK = re.compile(r"(<!-- figures:(\w+) -->)(.*?)(<!-- /figures -->)", re.S)
_INLINE = re.compile(r"(<!-- figure:(\w+)/(.+?) -->)(.*?)(<!-- /figure -->)")

Results = Mapping[str, Mapping[str, Any]]


def render(text: str, results: Results) -> str:
    """Return `text` with every marked place filled from `results`.

    Raises:
        KeyError: a marker names a result or a figure that does not exist.
    """
    text = _BLOCK.sub(lambda m: f"{m[1]}\n{table(results[m[2]])}\n{m[4]}", text)
    return _INLINE.sub(lambda m: f"{m[1]}{_value(results[m[2]]['figures'][m[3]])}{m[5]}", text)


def table(result: Mapping[str, Any]) -> str:
    """Return one result as a Markdown table, followed by where it comes from."""
    rows = [
        f"| {label} | {_value(figure)} | {_interval(figure)} |"
        for label, figure in result["figures"].items()
    ]
    machine = result["machine"]
    hardware = machine["gpu"] or f"{machine['cpu']}, {machine['cores']} cores"
    source = (
        f"`{result['command']}`, {result['date']}, {hardware}, "
        f"{len(result['seeds'])} seed{'' if len(result['seeds']) == 1 else 's'}."
    )
    return "\n".join(["| | value | 95 % interval |", "|---|---:|---:|", *rows, "", source])


def number(value: float, unit: str) -> str:
    """Return a number with as many digits as are worth reading."""
    if unit == "fraction":
        return f"{value:.3f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _value(figure: Mapping[str, Any]) -> str:
    unit = "" if figure["unit"] == "fraction" else f" {figure['unit']}"
    return number(figure["value"], figure["unit"]) + unit.rstrip()


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None or figure["high"] is None:
        return ""
    return f"{number(figure['low'], figure['unit'])} to {number(figure['high'], figure['unit'])}"


def main() -> int:
    """Rewrite README.md, or with --check only say whether it is what it should be."""
    parser = argparse.ArgumentParser(description="Fill README.md from benchmarks/results/.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if stale")
    arguments = parser.parse_args()
    before = README.read_text(encoding="utf-8")
    after = render(before, results_file.read())
    if after == before:
        return 0
    if arguments.check:
        print("README.md is stale: python benchmarks/readme_tables.py", file=sys.stderr)
        return 1
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
