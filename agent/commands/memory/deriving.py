"""Drawing insights from what the agent remembers."""

from __future__ import annotations

from typing import Annotated

import typer

from ingrained.agent.commands.opening import (
    doors,
    existing_home,
    load_settings,
    open_memory,
    open_model,
)
from ingrained.agent.commands.options import Home, Json, Model

from .app import app


@app.command("reflect")
def reflect_on_memory(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Seed of all sampling.")] = 0,
    home: Home = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Draw insights from facts that belong together, and renew those that are out of date."""
    from ingrained.agent.reflecting import reflect
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.agent.ui.progress import CountBar
    from ingrained.agent.ui.reflection import show_reflection

    settings, behind = load_settings(home=home, model=model), doors(context)
    existing = existing_home(settings)
    with DownloadBar() as bar, open_memory(settings, behind, writing=True, progress=bar) as store:
        asker = open_model(existing, settings, behind, bar)
        with CountBar("Reflecting", "groups of facts") as progress:
            result = reflect(store, asker, seed=seed, on_progress=progress)
    if as_json:
        show_json(result.to_dict())
    else:
        show_reflection(result)
