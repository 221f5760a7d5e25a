"""Taking memories out of recall, and bringing them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import WHO, Ids, app, ids_of, opened

if TYPE_CHECKING:
    from ingrained.memory.records import Memory
    from ingrained.memory.store import MemoryStore


@app.command("forget")
def forget(
    context: typer.Context,
    ids: Ids,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take memories out of recall; `restore` brings them back."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed, show_list

    if as_json and not yes:
        raise InputError("--json cannot ask", hint="Add --yes to forget without being asked.")
    with opened(context, home, writing=True) as store:
        already, to_forget = _parted(store, ids)
        if to_forget and not yes:
            show_list(to_forget, more=False)
            typer.confirm(f"Forget {len(to_forget)}?", abort=True)
        store.forget(ids_of(to_forget), who=WHO, why="asked to")
    if as_json:
        show_json({"forgotten": ids_of(to_forget), "already": ids_of(already)})
    else:
        show_changed("Forgotten", to_forget)
        show_changed("Already forgotten", already)


@app.command("restore")
def restore(context: typer.Context, ids: Ids, home: Home = None, as_json: Json = False) -> None:
    """Bring forgotten memories back."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with opened(context, home, writing=True) as store:
        to_restore, already = _parted(store, ids)
        store.restore(ids_of(to_restore), who=WHO, why="asked to")
    if as_json:
        show_json({"restored": ids_of(to_restore), "already": ids_of(already)})
    else:
        show_changed("Restored", to_restore)
        show_changed("Already remembered", already)


def _parted(store: MemoryStore, ids: list[str]) -> tuple[list[Memory], list[Memory]]:
    """Return the memories of these ids, each once: those that are forgotten, and the others."""
    named = {memory.id: memory for memory in map(store.get, ids)}.values()
    forgotten = [one for one in named if one.status == "forgotten"]
    return forgotten, [one for one in named if one.status != "forgotten"]
