"""`ingrained doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from .opening import load_settings
from .options import Home, Json, Model


def doctor(
    home: Home = None,
    model: Model = None,
    network: Annotated[
        bool, typer.Option("--network", help="Also ask whether the sources of weights answer.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check this machine, the installation, the home and the weights."""
    from dataclasses import asdict

    from ingrained.agent.doctor import examine
    from ingrained.agent.ui.checks import show_checks
    from ingrained.agent.ui.console import show_json

    checks = examine(load_settings(home=home, model=model), network=network)
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        show_checks(checks)
    if any(check.state == "fail" for check in checks):
        raise typer.Exit(1)
