"""What the doctor found, one line per check."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ingrained.agent.doctor import Check

from .console import results, safe

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def show_checks(checks: Sequence[Check], console: Console | None = None) -> None:
    """Show each check, and under those that are not well what to do."""
    console = console or results()
    for check in checks:
        text = Text(f"{check.state:<5}", style=_STYLES[check.state])
        text.append(f"{check.name:<12} {safe(check.detail)}", style="default")
        console.print(text, soft_wrap=True)
        if check.hint and check.state != "ok":
            console.print(Text(f"     {'':<12} → {safe(check.hint)}"), soft_wrap=True)
