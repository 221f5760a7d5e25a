"""`ingrained adapters`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .opening import existing_home, load_settings
from .options import Home, Json

if TYPE_CHECKING:
    from ingrained.trainer.adapters import AdapterRegistry, Manifest

app = typer.Typer(help="See and choose what was trained.", no_args_is_help=True)

_STEPS = ("losses", "validation_losses")
"""What a manifest has for each step or epoch: too much for a list."""

Version = Annotated[str, typer.Argument(help="A version of `ingrained adapters list`.")]


@app.command("list")
def list_adapters(home: Home = None, as_json: Json = False) -> None:
    """List the adapters, oldest first."""
    from ingrained.agent.ui.adapters import show_adapters
    from ingrained.agent.ui.console import show_json

    registry = _registry(home)
    found, active = registry.list(), registry.active()
    if as_json:
        show_json([{**_brief(one), "active": one.version == active} for one in found])
    else:
        show_adapters(found, active)


@app.command("show")
def show(version: Version, home: Home = None, as_json: Json = False) -> None:
    """Show one adapter: what it was made of, how it fared, why it passed the gate or did not."""
    from ingrained.agent.ui.adapters import show_adapter
    from ingrained.agent.ui.console import show_json

    registry = _registry(home)
    manifest = registry.show(version)
    if as_json:
        show_json({**manifest.to_dict(), "active": version == registry.active()})
    else:
        show_adapter(manifest, registry.active())


@app.command("promote")
def promote(
    version: Version,
    force: Annotated[
        bool, typer.Option("--force", help="Even if the gate rejected it or it is stale.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Answer with this adapter from now on."""
    registry = _registry(home)
    registry.promote(version, force=force)
    _tell(registry, as_json=as_json)


@app.command("rollback")
def rollback(home: Home = None, as_json: Json = False) -> None:
    """Go back to the adapter that was in use before, or to none."""
    registry = _registry(home)
    registry.rollback()
    _tell(registry, as_json=as_json)


def _brief(one: Manifest) -> dict[str, Any]:
    return {name: value for name, value in one.to_dict().items() if name not in _STEPS}


def _registry(home: Home) -> AdapterRegistry:
    return existing_home(load_settings(home=home)).registry()


def _tell(registry: AdapterRegistry, *, as_json: bool) -> None:
    from ingrained.agent.ui.console import results, show_json

    if as_json:
        show_json({"active": registry.active()})
    else:
        results().print(f"In use: {registry.active() or 'no adapter'}")
