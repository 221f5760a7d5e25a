"""`ingrained memory`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from ingrained.errors import InputError, NotFoundError, SettingsError

from .opening import doors, existing_home, load_settings, open_memory
from .options import Home, Json

if TYPE_CHECKING:
    from ingrained.memory.records import Kind, Memory
    from ingrained.memory.store import MemoryStore

app = typer.Typer(help="See, search and edit what the agent remembers.", no_args_is_help=True)

WHO = "cli"
_NAMED = 5
"""Most documents that are named when another one was asked for."""
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids, or their first letters.")]


@app.command("list")
def list_memories(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as fact.")] = None,
    document: Annotated[str | None, typer.Option(help="Only of this document.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, oldest first.")] = 50,
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="What was forgotten instead of what is active.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List memories, oldest first."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_list

    checked = _kind(kind)
    with _opened(context, home) as store:
        _check_document(store, document)
        found = store.list(
            kind=checked,
            document=document,
            status="forgotten" if forgotten else "active",
            limit=limit + 1,
        )
    if as_json:
        show_json([memory.to_dict() for memory in found[:limit]])
    else:
        show_list(found[:limit], more=len(found) > limit)


@app.command("search")
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Any words.")],
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 5,
    document: Annotated[str | None, typer.Option(help="Only of this document.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what would be recalled for a query, with scores."""
    from dataclasses import asdict

    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_found

    if not query.strip():
        raise InputError("the query is empty", hint='Give some words: ingrained memory search "…"')
    with _opened(context, home, searching=True) as store:
        _check_document(store, document)
        found = store.recall(query, k=limit, document=document)
    if as_json:
        show_json([asdict(one) for one in found])
    else:
        show_found(found)


@app.command("show")
def show(
    context: typer.Context,
    memory_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or its first letters.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show one memory: its source, the questions it was tried on, its history."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_memory

    with _opened(context, home) as store:
        memory = store.get(memory_id)
        history = store.history(memory.id)
    if as_json:
        told = [
            {"time": e.time, "who": e.who, "why": e.why, "kind": e.kind, "id": e.id}
            for e in history
        ]
        show_json({**memory.to_dict(), "history": told})
    else:
        show_memory(memory, history)


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
    with _opened(context, home, writing=True) as store:
        already, to_forget = _parted(store, ids)
        if to_forget and not yes:
            show_list(to_forget, more=False)
            typer.confirm(f"Forget {len(to_forget)}?", abort=True)
        store.forget(_ids(to_forget), who=WHO, why="asked to")
    if as_json:
        show_json({"forgotten": _ids(to_forget), "already": _ids(already)})
    else:
        show_changed("Forgotten", to_forget)
        show_changed("Already forgotten", already)


@app.command("restore")
def restore(context: typer.Context, ids: Ids, home: Home = None, as_json: Json = False) -> None:
    """Bring forgotten memories back."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with _opened(context, home, writing=True) as store:
        to_restore, already = _parted(store, ids)
        store.restore(_ids(to_restore), who=WHO, why="asked to")
    if as_json:
        show_json({"restored": _ids(to_restore), "already": _ids(already)})
    else:
        show_changed("Restored", to_restore)
        show_changed("Already remembered", already)


def _check_document(store: MemoryStore, document: str | None) -> None:
    """Refuse a document that no memory rests on, not even a forgotten one.

    Raises:
        NotFoundError: it is such a one; some that there are get named.
    """
    if document is None or store.list(document=document, status=None, limit=1):
        return
    everything = store.list(status=None)
    known = list(dict.fromkeys(span.document for one in everything for span in one.spans))
    rest = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    raise NotFoundError(
        f"unknown document {document!r}: no memory rests on it",
        hint=f"There are: {', '.join(known[:_NAMED]) or 'none'}{rest}.",
    )


def _parted(store: MemoryStore, ids: list[str]) -> tuple[list[Memory], list[Memory]]:
    """Return the memories of these ids, each once: those that are forgotten, and the others."""
    named = {memory.id: memory for memory in map(store.get, ids)}.values()
    forgotten = [one for one in named if one.status == "forgotten"]
    return forgotten, [one for one in named if one.status != "forgotten"]


def _ids(memories: list[Memory]) -> list[str]:
    return [memory.id for memory in memories]


@contextmanager
def _opened(
    context: typer.Context, home: Home, *, writing: bool = False, searching: bool = False
) -> Iterator[MemoryStore]:
    from ingrained.agent.ui.download import DownloadBar

    settings, behind = load_settings(home=home), doors(context)
    existing_home(settings)
    with (
        DownloadBar() as bar,
        open_memory(settings, behind, writing=writing, searching=searching, progress=bar) as store,
    ):
        yield store


def _kind(name: str | None) -> Kind | None:
    from ingrained.memory.records import Kind

    if name is not None and name not in get_args(Kind):
        raise SettingsError(
            f"there is no kind {name!r}", hint=f"Choose of {', '.join(get_args(Kind))}."
        )
    return cast("Kind | None", name)
