"""Adapters in a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ingrained.trainer.adapters import Manifest

from .console import duration, new_table, percent, results, safe

_STYLES = {"promoted": "green", "candidate": "yellow", "rejected": "red"}


def show_adapters(
    adapters: Sequence[Manifest], active: str | None, console: Console | None = None
) -> None:
    """Show one line per adapter."""
    console = console or results()
    if not adapters:
        console.print("None was trained yet: `ingrained study PATH --consolidate`.", style="dim")
        return
    table = new_table()
    table.show_edge = False
    table.add_column("version")
    table.add_column("made", no_wrap=True)
    for name in ("gate", "closed-\nbook", "with\nmemory"):
        table.add_column(name)
    for name in ("memories", "time"):
        table.add_column(name, justify="right")
    for one in adapters:
        table.add_row(
            Text(one.version + (" in use" if one.version == active else "")),
            _when(one, "%Y-%m-%d"),
            _gate(one, forced="forced"),
            *_change(one),
            f"{len(one.memory_ids):,}",
            duration(one.seconds),
        )
    console.print(table)


def show_adapter(one: Manifest, active: str | None, console: Console | None = None) -> None:
    """Show all about one adapter."""
    console = console or results()
    closed, memory = _change(one)
    table = new_table(header=False)
    table.add_column(style="bold")
    table.add_column()
    recipe = ", ".join(f"{name} {value}" for name, value in one.recipe.items())
    loss = f"{one.losses[0]:.3f} → {one.losses[-1]:.3f}" if one.losses else "-"
    rows = {
        "version": one.version + (" (in use)" if one.version == active else ""),
        "made": _when(one, "%Y-%m-%d %H:%M"),
        "base model": one.base_model,
        "before it": one.parent or "none",
        "made of": f"{len(one.memory_ids):,} memories, {one.rows:,} rows, {one.tokens:,} tokens",
        "data SHA-256": one.data_sha256,
        "recipe": recipe,
        "seed": str(one.seed),
        "took": duration(one.seconds),
        "loss": loss,
        "closed-book": closed,
        "with memory": memory,
    }
    for name, value in rows.items():
        table.add_row(name, Text(safe(value)))
    table.add_row("gate", _gate(one, forced="promoted by force"))
    if one.stale:
        table.add_row("stale", Text(safe(one.stale), style="yellow"))
    console.print(table)
    for reason in one.reasons:
        console.print(Text(f"  {safe(reason)}"), soft_wrap=True)


def _when(one: Manifest, form: str) -> str:
    return datetime.datetime.fromtimestamp(one.created, datetime.UTC).strftime(form)


def _gate(one: Manifest, *, forced: str) -> Text:
    if one.stale and not one.forced:
        return Text("stale", style="yellow")
    return Text(forced if one.forced else one.decision, style=_STYLES[one.decision])


def _change(one: Manifest) -> tuple[str, str]:
    before, after = one.exam_before, one.exam_after
    if before is None or after is None:
        return "-", "-"
    return (
        f"{100 * before.closed:.0f} → {percent(after.closed)}",
        f"{100 * before.memory:.0f} → {percent(after.memory)}",
    )
