"""`ingrained report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .opening import existing_home, load_settings
from .options import Home, Json


def report(
    home: Home = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The page to write.  [default: HOME/report.html]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page about the agent: no network needed to read it."""
    from ingrained.agent.report.page import render
    from ingrained.agent.report.records import write_text
    from ingrained.agent.ui.console import results, show_json

    settings = load_settings(home=home)
    page = render(existing_home(settings))
    written = write_text(out or settings.home / "report.html", page)
    if as_json:
        show_json({"report": str(written)})
    else:
        results().print(f"Report: {written}", soft_wrap=True)
