"""Looking at what the agent remembers."""

from __future__ import annotations

from typing import Annotated

import typer

from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import MOST, OneId, app, check_document, first_of, opened
from .filtering import Namespace, Tags, checked_status, conditions, namespace_of

OfKind = Annotated[str | None, typer.Option("--kind", help="Only of this kind, such as fact.")]
OfDocument = Annotated[str | None, typer.Option("--document", help="Only of this document.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Only what was made at this time or later.")
]
Until = Annotated[str | None, typer.Option("--until", help="Only what was made before this time.")]


@app.command("list")
def list_memories(
    context: typer.Context,
    kind: OfKind = None,
    document: OfDocument = None,
    tag: Tags = None,
    namespace: Namespace = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="At most so many, oldest first.")
    ] = 50,
    status: Annotated[
        str, typer.Option(help="active, superseded, forgotten, stale or any.")
    ] = "active",
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="Short for --status forgotten.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List memories, oldest first."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_list

    where = conditions(kind=kind, document=document, tags=tag)
    wanted = checked_status("forgotten" if forgotten else status)
    with opened(context, home) as store:
        check_document(store, document)
        found = store.list(
            namespace=namespace_of(namespace), status=wanted, where=where, limit=limit + 1
        )
    if as_json:
        show_json([memory.to_dict() for memory in found[:limit]])
    else:
        show_list(found[:limit], more=len(found) > limit)


@app.command("search")
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Any words.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 5,
    kind: OfKind = None,
    document: OfDocument = None,
    tag: Tags = None,
    namespace: Namespace = None,
    since: Since = None,
    until: Until = None,
    min_trust: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Only what is trusted at least so much.")
    ] = 0.0,
    diversity: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Prefer memories unlike each other: 0 to 1.")
    ] = 0.0,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Together at most about so many tokens.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Every candidate, with all parts of its score.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what would be recalled for a query, with scores."""
    from dataclasses import asdict

    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_considered, show_found
    from ingrained.memory.recalling import RecallOptions
    from ingrained.memory.records import DEFAULT_NAMESPACE

    _check_query(query)
    where = conditions(
        kind=kind, document=document, tags=tag, since=since, until=until, min_trust=min_trust
    )
    options = RecallOptions(k=limit, where=where, diversity=diversity, max_tokens=max_tokens)
    if (within := namespace_of(namespace)) is not None:
        options["namespace"] = within
    with opened(context, home, searching=True) as store:
        check_document(store, document)
        if explain:
            considered = store.explain(query, **options)
            show_considered(considered) if not as_json else show_json(list(map(asdict, considered)))
            return
        found = store.recall(query, **options)
        searched = options.get("namespace", DEFAULT_NAMESPACE)
        others = [] if found else [one for one in store.namespaces() if one != searched]
    if as_json:
        show_json([asdict(one) for one in found])
    else:
        show_found(found, elsewhere=first_of([" / ".join(one) for one in others]))


def _check_query(query: str) -> None:
    if not query.strip():
        raise InputError("the query is empty", hint='Give some words: ingrained memory search "…"')


@app.command("show")
def show(
    context: typer.Context,
    memory_id: OneId,
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
