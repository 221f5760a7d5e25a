"""Erasing memories for good, and proof that a text is gone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingrained.agent.commands.opening import existing_home, load_settings
from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import WHO, app, ids_of, opened
from .selecting import OfDocument, OfQuery, OfUser, SomeIds, check_selector, no_memory_of, select

if TYPE_CHECKING:
    from ingrained.graphs.erasing import Erasure
    from ingrained.graphs.erasure_plan import ErasurePlan
    from ingrained.graphs.session import Home as AgentHome
    from ingrained.memory.absence import Search
    from ingrained.memory.store import MemoryStore

FOUND = 1
"""Exit code when a text that is to be gone still stands somewhere."""


@app.command("purge")
def purge(
    context: typer.Context,
    ids: SomeIds = None,
    document: OfDocument = None,
    query: OfQuery = None,
    user: OfUser = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would go, and change nothing.")
    ] = False,
    keep_adapter: Annotated[
        bool, typer.Option("--keep-adapter", help="Go on using an adapter trained on them.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Erase memories for good, wherever their text stands in the home."""
    from ingrained.agent.ui.erasing import show_erasure

    if as_json and not (yes or dry_run):
        raise InputError("--json cannot ask", hint="Add --yes to purge without being asked.")
    agent = existing_home(load_settings(home=home))
    _check(agent, ids, document, query, user)
    with opened(context, home, writing=not dry_run, searching=query is not None) as store:
        plan = _planned(agent, store, (ids, document, query, user))
        if not _agreed(plan, yes=yes, dry_run=dry_run, as_json=as_json):
            return
        erasure = _erased(agent, store, plan, keep_adapter=keep_adapter)
    # The search must come when the databases are closed; see `memory.absence`.
    proof = _proof(agent, plan)
    _make_report_again(agent, erasure)
    if as_json:
        _show_json(
            {**asdict(erasure), "left": [asdict(hit) for hit in proof.hits] if proof else []}
        )
    else:
        show_erasure(erasure, proof, short=plan.short)
    if proof is not None and not proof.absent:
        raise typer.Exit(FOUND)


@app.command("verify-absent")
def verify(
    text: Annotated[str, typer.Argument(help="What must be nowhere.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Search every byte of every file of the home for a text; exit code 1 when it is found."""
    from ingrained.agent.ui.erasing import show_search
    from ingrained.memory.absence import search

    done = search(existing_home(load_settings(home=home)).path, [text])
    if as_json:
        _show_json({"absent": done.absent, **asdict(done)})
    else:
        show_search(done)
    if not done.absent:
        raise typer.Exit(FOUND)


def _check(
    agent: AgentHome,
    ids: list[str] | None,
    document: str | None,
    query: str | None,
    user: str | None,
) -> None:
    """Refuse a wrong choice; none at all finishes a purge that was cut short."""
    from ingrained.graphs.erasing import unfinished

    if any((ids, document, query, user)) or not unfinished(agent):
        check_selector(ids, document, query, user)


def _planned(
    agent: AgentHome,
    store: MemoryStore,
    chosen: tuple[list[str] | None, str | None, str | None, str | None],
) -> ErasurePlan:
    """Return what goes; what a purge that was cut short has erased may be gone already."""
    from ingrained.graphs.erasing import unfinished
    from ingrained.graphs.erasing_threads import has_talked
    from ingrained.graphs.erasure_plan import plan_erasure
    from ingrained.graphs.erasure_reading import read_of

    begun = unfinished(agent)
    there = {memory.id for memory in store.list(status=None)}
    ids, document, query, user = chosen
    left = [id_ for id_ in ids or () if not _gone_already(id_, begun.ids, there)]
    whole = () if document is None else read_of(agent.path, [document]).documents
    known = whole or document in begun.documents
    resting = known and not store.list(document=document, status=None, limit=1)
    talked = user is not None and (user in begun.users or has_talked(agent, user))
    remembered = user is not None and not (talked and no_memory_of(store, user))
    named: list[str] = []
    if left or query or remembered or (document and not resting):
        named = ids_of(select(store, left or None, document, query, user))
    return plan_erasure(
        agent.path,
        store,
        [*named, *(id_ for id_ in begun.ids if id_ in there)],
        {*whole, *begun.documents},
        dict.fromkeys((*begun.users, *([user] if user else []))),
    )


def _gone_already(id_: str, begun: tuple[str, ...], there: set[str]) -> bool:
    return any(one.startswith(id_) and one not in there for one in begun)


def _agreed(plan: ErasurePlan, *, yes: bool, dry_run: bool, as_json: bool) -> bool:
    """Show what will go, and ask; tell whether to go on."""
    from ingrained.agent.ui.erasing import plan_as_json, show_plan

    if dry_run and as_json:
        _show_json(plan_as_json(plan))
    elif dry_run or not yes:
        show_plan(plan)
    if not (yes or dry_run):
        count = len(plan.memories) + len(plan.documents)
        told = f"{count} and the conversations" if plan.users else f"{count}"
        typer.confirm(f"Erase {told} for good? This cannot be undone", abort=True)
    return not dry_run


def _erased(
    agent: AgentHome, store: MemoryStore, plan: ErasurePlan, *, keep_adapter: bool
) -> Erasure:
    from ingrained.graphs.erasing import erase

    return erase(
        agent, store, ids_of([*plan.chosen]), documents=plan.documents, users=plan.users,
        who=WHO, why="asked to", keep_adapter=keep_adapter,
    )  # fmt: skip


def _proof(agent: AgentHome, plan: ErasurePlan) -> Search | None:
    from ingrained.graphs.erasing import finish, prove

    if plan.texts:
        return prove(agent, plan.texts)
    finish(agent)
    return None


def _make_report_again(agent: AgentHome, erasure: Erasure) -> None:
    if erasure.report:
        from ingrained.agent.report.page import render
        from ingrained.agent.report.records import write_text

        write_text(agent.path / "report.html", render(agent))


def _show_json(data: dict[str, Any]) -> None:
    from ingrained.agent.ui.console import show_json

    show_json(data)
