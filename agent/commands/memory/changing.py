"""Taking memories out of recall, bringing them back, and letting them never fade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import WHO, Ids, app, ids_of, opened
from .selecting import OfDocument, OfQuery, OfUser, SomeIds, check_selector, select

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingrained.memory.records import Memory


@app.command("forget")
def forget(
    context: typer.Context,
    ids: SomeIds = None,
    document: OfDocument = None,
    query: OfQuery = None,
    user: OfUser = None,
    faded: Annotated[
        bool, typer.Option("--faded", help="All that has faded, or is beyond the capacity.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go, and why.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take memories out of recall; `restore` brings them back.

    With --dry-run alone: what has faded by now.
    """
    chosen = [ids, document, query, user]
    if faded or (dry_run and not any(chosen)):
        if any(chosen):
            raise InputError("--faded chooses by itself", hint="Leave the ids and options away.")
        _forget_faded(context, home, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    check_selector(ids, document, query, user)
    if as_json and not (yes or dry_run):
        raise InputError("--json cannot ask", hint="Add --yes to forget without being asked.")
    with opened(context, home, writing=not dry_run, searching=query is not None) as store:
        already, to_forget = _parted(select(store, ids, document, query, user))
        if not dry_run and to_forget:
            _ask("Forget", to_forget, yes=yes)
            store.forget(ids_of(to_forget), who=WHO, why=_why(document, query, user))
    _tell("Forgotten", to_forget, already, dry_run=dry_run, as_json=as_json)


def _forget_faded(
    context: typer.Context, home: Home, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_fading

    if as_json and not (yes or dry_run):
        raise InputError("--json cannot ask", hint="Add --yes to forget without being asked.")
    with opened(context, home, writing=not dry_run) as store:
        found = store.decay(who=WHO, why="asked to", dry_run=True)
        if not as_json:
            show_fading(found)
        if not dry_run and found:
            if not yes:
                typer.confirm(f"Forget {len(found)}?", abort=True)
            store.forget([one.memory.id for one in found], who=WHO, why="faded")
    if as_json:
        told = [{"id": one.memory.id, "retention": one.retention, "why": one.why} for one in found]
        show_json({"fading" if dry_run else "forgotten": told})


@app.command("restore")
def restore(context: typer.Context, ids: Ids, home: Home = None, as_json: Json = False) -> None:
    """Bring forgotten memories back."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with opened(context, home, writing=True) as store:
        to_restore, already = _parted(select(store, ids))
        store.restore(ids_of(to_restore), who=WHO, why="asked to")
    if as_json:
        show_json({"restored": ids_of(to_restore), "already": ids_of(already)})
    else:
        show_changed("Restored", to_restore)
        show_changed("Already remembered", already)


@app.command("reinforce")
def reinforce(context: typer.Context, ids: Ids, home: Home = None, as_json: Json = False) -> None:
    """Note that memories were of use: they fade from now on, and more slowly."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with opened(context, home, writing=True) as store:
        useful = select(store, ids)
        store.reinforce(ids_of(useful), who=WHO, why="said to be of use")
    if as_json:
        show_json({"reinforced": ids_of(useful)})
    else:
        show_changed("Reinforced", useful)


@app.command("pin")
def pin(context: typer.Context, ids: Ids, home: Home = None, as_json: Json = False) -> None:
    """Let memories never fade."""
    _pinning(context, ids, home, pinned=True, as_json=as_json)


@app.command("unpin")
def unpin(context: typer.Context, ids: Ids, home: Home = None, as_json: Json = False) -> None:
    """Let memories fade again, from now on."""
    _pinning(context, ids, home, pinned=False, as_json=as_json)


def _pinning(
    context: typer.Context, ids: list[str], home: Home, *, pinned: bool, as_json: bool
) -> None:
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with opened(context, home, writing=True) as store:
        changing = [memory for memory in select(store, ids) if memory.pinned != pinned]
        change: Callable[..., None] = store.pin if pinned else store.unpin
        change(ids_of(changing), who=WHO, why="asked to")
    if as_json:
        show_json({"pinned" if pinned else "unpinned": ids_of(changing)})
    else:
        show_changed("Pinned" if pinned else "Unpinned", changing)


@app.command("supersede")
def supersede(
    context: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="What holds no longer.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What holds now.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let one memory take the place of another; both stay, with when each held."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with opened(context, home, writing=True) as store:
        store.supersede(old, new, who=WHO, why="asked to")
        loser = store.get(old)
    if as_json:
        show_json(loser.to_dict())
    else:
        show_changed("Superseded", [loser])


def _ask(what: str, memories: list[Memory], *, yes: bool) -> None:
    from ingrained.agent.ui.memories import show_list

    if not yes:
        show_list(memories, more=False)
        typer.confirm(f"{what} {len(memories)}?", abort=True)


def _tell(
    what: str, done: list[Memory], already: list[Memory], *, dry_run: bool, as_json: bool
) -> None:
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    name = f"would be {what.lower()}" if dry_run else what.lower()
    if as_json:
        show_json({name: ids_of(done), "already": ids_of(already)})
    else:
        show_changed(name.capitalize(), done)
        show_changed(f"Already {what.lower()}", already)


def _why(document: str | None, query: str | None, user: str | None) -> str:
    """Return why something was forgotten, without the words of a query: they may be what it says."""
    if document is not None:
        return f"asked to: all of document {document!r}"
    if user is not None:
        return "asked to: all of a user"
    return "asked to: found by a query" if query is not None else "asked to"


def _parted(memories: list[Memory]) -> tuple[list[Memory], list[Memory]]:
    """Return those that are forgotten, and the others."""
    forgotten = [one for one in memories if one.status == "forgotten"]
    return forgotten, [one for one in memories if one.status != "forgotten"]
