"""Looking at what the agent remembers."""

from __future__ import annotations

from typing import Annotated

import typer

from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import app, check_document, checked_kind, opened


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

    checked = checked_kind(kind)
    with opened(context, home) as store:
        check_document(store, document)
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
    with opened(context, home, searching=True) as store:
        check_document(store, document)
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

    with opened(context, home) as store:
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
