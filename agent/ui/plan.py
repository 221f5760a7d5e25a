"""What a dry run found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from .console import duration, line, new_table, results, safe


def show_plan(plan: Mapping[str, Any], console: Console | None = None) -> None:
    """Show documents, what is skipped, and the estimate."""
    console = console or results()
    table = new_table()
    table.add_column("document")
    for name in ("characters", "passages", "questions"):
        table.add_column(name, justify="right")
    for one in plan["documents"]:
        table.add_row(
            line(one["id"]),
            f"{one['characters']:,}",
            f"{one['passages']:,}",
            f"{one['questions']:,}",
        )
    console.print(table)
    show_skipped(plan["skipped"], console)
    speed = plan["speed"]
    basis = "as in this home's last run" if speed["measured"] else "the default model on two cores"
    console.print(
        f"About {plan['questions']:,} questions, {plan['tokens']:,} tokens and "
        f"{duration(plan['seconds'])} a round, at {speed['tokens_per_second']:,} tokens a second "
        f"({basis}); cached prompts make it less."
        + (" Training comes on top." if plan["training"] else ""),
        soft_wrap=True,
    )
    console.print("Nothing was written.", style="dim")


def show_skipped(skipped: Sequence[Mapping[str, str]], console: Console) -> None:
    """Show what could not be read, each with its reason."""
    for item in skipped:
        text = Text(f"skipped  {safe(item['path'])}: {safe(item['reason'])}", style="yellow")
        console.print(text, soft_wrap=True)
