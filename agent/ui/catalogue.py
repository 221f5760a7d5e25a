"""The catalogue of models in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from ingrained.agent.weights import ModelStatus

from .console import new_table, results


def show_models(models: Sequence[ModelStatus], console: Console | None = None) -> None:
    """Show one line per catalogue model."""
    table = new_table()
    table.add_column("name", no_wrap=True)
    table.add_column("to fetch", justify="right", no_wrap=True)
    for name in ("licence", "cached"):
        table.add_column(name, no_wrap=True)
    table.add_column("description")
    for one in models:
        table.add_row(
            one.name,
            f"{one.size / 1e6:,.0f} MB",
            one.licence,
            "yes" if one.cached else "no",
            one.description,
        )
    (console or results()).print(table)
