"""Keeping a memory in order: its index, its floor, its namespaces."""

from __future__ import annotations

from typing import Annotated

import typer

from ingrained.agent.commands.opening import doors, existing_home, load_settings
from ingrained.agent.commands.options import Home, Json

from .app import app, opened


@app.command("rebuild")
def rebuild(
    context: typer.Context,
    embedder: Annotated[
        str | None, typer.Option(help="Change over to this embedder; set INGRAINED_EMBEDDER to it.")
    ] = None,
    chroma: Annotated[
        str | None, typer.Option(help="Address of a Chroma server to put the index on.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make the index anew from the ledger; the old one stays until the new one is whole."""
    from ingrained.agent.ui.console import line, results, show_json
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.agent.ui.progress import CountBar
    from ingrained.graphs.session import open_embedder
    from ingrained.memory.rebuilding import rebuild_index

    settings, behind = load_settings(home=home, embedder=embedder, chroma=chroma), doors(context)
    existing_home(settings)
    with DownloadBar() as bar:
        wanted = behind.embedder or open_embedder(settings, bar)
    with CountBar("Indexing", "memories") as counted:
        number = rebuild_index(
            settings.home, wanted, chroma=settings.chroma or None, progress=counted
        )
    if as_json:
        show_json({"memories": number, "embedder": wanted.name, "chroma": settings.chroma or None})
    else:
        results().print(line(f"Indexed {number} memories with {wanted.name}."))


@app.command("calibrate")
def calibrate(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """Choose how near a memory must be to be recalled, by the questions it was tried on."""
    from dataclasses import asdict

    from ingrained.agent.ui.console import line, results, show_json

    with opened(context, home, writing=True, searching=True) as store:
        found = store.calibrate()
    if as_json:
        show_json(asdict(found))
        return
    results().print(
        line(
            f"Recalled from a similarity of {found.floor:.3f} on: {found.kept:.0%} of "
            f"{found.questions} questions reach their own memory, {found.junk:.0%} a stranger's."
        )
    )


@app.command("namespaces")
def namespaces(context: typer.Context, home: Home = None, as_json: Json = False) -> None:
    """List the namespaces, with how many active memories each holds."""
    from ingrained.agent.ui.console import line, new_table, results, show_json

    with opened(context, home) as store:
        counts = store.stats().namespaces
        found = [(namespace, counts.get(namespace, 0)) for namespace in store.namespaces()]
    if as_json:
        show_json([{"namespace": list(name), "active": number} for name, number in found])
        return
    table = new_table()
    table.add_column("namespace")
    table.add_column("active", justify="right")
    for name, number in found:
        table.add_row(line(" / ".join(name)), str(number))
    results().print(table)
