"""The settings of a run, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from .console import notices, safe

_WORDS = {None: "no limit", True: "yes", False: "no"}


def show_settings(
    settings: Mapping[str, Mapping[str, Any]], console: Console | None = None
) -> None:
    """Show each setting's value and whether it is the default or was given."""
    console = console or notices()
    for name, of in settings.items():
        value = of["value"]
        said = _WORDS[value] if value is None or isinstance(value, bool) else safe(value)
        text = Text(f"{name.replace('_', ' '):<14} {said} ")
        text.append(f"({of['origin']})", style="dim")
        console.print(text, soft_wrap=True)
