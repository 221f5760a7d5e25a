"""Exports and imports of memories in a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from .console import line, many, results

if TYPE_CHECKING:
    from ingrained.memory.transfer import Tally

_NAMED = 10
"""Most reasons, namespaces and names that are told."""
_OUTCOMES = ("added", "outdated", "merged", "unchanged", "refused")


def show_exported(count: int, path: str, *, vectors: bool, console: Console | None = None) -> None:
    """Confirm an export."""
    what = " with vectors" if vectors else ""
    told = f"Exported {many(count, 'memory', 'memories')}{what} to {path}."
    (console or results()).print(line(told), soft_wrap=True)


def show_imported(
    tally: Tally, path: str, form: str, *, dry_run: bool, console: Console | None = None
) -> None:
    """Show what became of the rows of a file, and why some were skipped."""
    console = console or results()
    verb = "Would import" if dry_run else "Read"
    rows = many(tally.rows, "memory", "memories")
    console.print(line(f"{verb} {rows} from {path} ({form})."), soft_wrap=True)
    others = sorted(tally.outcomes.keys() - set(_OUTCOMES))
    for outcome in (*_OUTCOMES, *others):
        if tally.outcomes[outcome]:
            console.print(f"  {tally.outcomes[outcome]:,} {outcome}")
    _show_namespaces(tally, console)
    _show_skipped(tally, console)
    for name, count in tally.left_out.most_common(_NAMED):
        console.print(line(f"Left out of {count:,}: {name}", "dim"), soft_wrap=True)


def _show_namespaces(tally: Tally, console: Console) -> None:
    for namespace, count in tally.namespaces.most_common(_NAMED):
        told = line(f"{count:,} in the namespace {' / '.join(namespace)}")
        console.print(Text("  ", style="dim").append_text(told), soft_wrap=True)
    more = len(tally.namespaces) - _NAMED
    if more > 0:
        console.print(f"  and in {more:,} more namespaces", style="dim")


def _show_skipped(tally: Tally, console: Console) -> None:
    if not tally.skips:
        return
    console.print(f"Skipped {tally.skips:,}:", style="yellow")
    reasons = Counter(one.reason for one in tally.skipped)
    for reason, count in reasons.most_common(_NAMED):
        first = next(one.place for one in tally.skipped if one.reason == reason)
        times = f" and {count - 1} more" if count > 1 else ""
        told = line(f"{first}{times}: {reason}")
        console.print(Text("  ").append_text(told), soft_wrap=True)
    if len(reasons) > _NAMED or tally.skips > len(tally.skipped):
        console.print("  and others; --json lists the first hundred", style="dim")
