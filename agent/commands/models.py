"""`ingrained models`."""

from __future__ import annotations

from typing import Annotated

import typer

from ingrained.errors import FetchError

from .opening import load_settings
from .options import Json

app = typer.Typer(help="The small models that can be asked for by name.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A name of `ingrained models list`.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the catalogue and what of it is in the cache."""
    from dataclasses import asdict

    from ingrained.agent import weights
    from ingrained.agent.ui.catalogue import show_models
    from ingrained.agent.ui.console import show_json

    found = weights.list_models(load_settings().cache)
    if as_json:
        show_json([{**asdict(one), "path": str(one.path)} for one in found])
    else:
        show_models(found)


@app.command("pull")
def pull(name: Name, as_json: Json = False) -> None:
    """Fetch a model into the cache."""
    from ingrained.agent import weights
    from ingrained.agent.ui.console import results, show_json
    from ingrained.agent.ui.download import DownloadBar

    settings = load_settings()
    with DownloadBar() as bar:
        folder = weights.ensure(name, settings.cache, offline=settings.offline, progress=bar)
    if as_json:
        show_json({"name": name, "path": str(folder)})
    else:
        results().print(f"{name} is in {folder}", soft_wrap=True)


@app.command("path")
def path(name: Name, as_json: Json = False) -> None:
    """Print where a fetched model lies."""
    from ingrained.agent import weights
    from ingrained.agent.ui.console import results, show_json

    folder = weights.path_of(name, load_settings().cache)
    if folder is None:
        raise FetchError(
            f"{name} is not in the cache", hint=f"Fetch it first: `ingrained models pull {name}`."
        )
    if as_json:
        show_json({"name": name, "path": str(folder)})
    else:
        results().out(str(folder), highlight=False)
