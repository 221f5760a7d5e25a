"""Memories out of the agent into a file, and out of a file into the agent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast, get_args

import typer

from ingrained.agent.commands.opening import Doors, doors, load_settings, open_memory
from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import app, opened
from .filtering import Namespace, namespace_of

if TYPE_CHECKING:
    from ingrained.memory.store import MemoryStore
    from ingrained.memory.transfer import ExportForm, Form, Source, Tally, Wishes
    from ingrained.settings import Settings

T = TypeVar("T")


@app.command("export")
def export_memories(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.")],
    form: Annotated[
        str | None, typer.Option("--format", help="jsonl or parquet.  [default: by the suffix]")
    ] = None,
    namespace: Namespace = None,
    status: Annotated[
        str | None, typer.Option(help="Only what is active, forgotten, ….  [default: all]")
    ] = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="With vectors: importing them needs no embedding.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write memories to a file, as they are, without their history."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.moving import show_exported
    from ingrained.agent.ui.progress import CountBar
    from ingrained.memory.records import Status
    from ingrained.memory.transfer import export

    chosen = _export_form(form, file)
    wanted = cast("Status | None", _one_of("status", status, get_args(Status)))
    with opened(context, home) as store:
        memories = store.list(namespace=namespace_of(namespace), status=wanted)
        with CountBar("Exporting", "memories", len(memories)) as bar:
            count = export(store, memories, file, chosen, vectors=vectors, progress=bar.advance)
    if as_json:
        show_json({"file": str(file), "format": chosen, "memories": count, "vectors": vectors})
    else:
        show_exported(count, str(file), vectors=vectors)


@app.command("import")
def import_memories(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to read.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="jsonl or parquet (our exports), mem0, mem0-history, langgraph or plain.  "
            "[default: told by its content]",
        ),
    ] = None,
    namespace: Namespace = None,
    trust: Annotated[
        float | None,
        typer.Option(help="Most that they are trusted.  [default: 0.5; as exported for our own]"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read and count: nothing is remembered.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Remember what a file holds: an export, or another memory's data. Twice is once."""
    import time

    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.moving import show_imported
    from ingrained.memory.transfer import Form, Wishes, open_source, survey

    forced = cast("Form | None", _one_of("format", form, get_args(Form)))
    wishes = Wishes(namespace=namespace_of(namespace), trust=trust)
    source = open_source(file, form=forced, now=time.time())
    tally = survey(source, wishes)
    if not dry_run:
        settings = load_settings(home=home)
        tally = _bring_in(settings, doors(context), source, wishes, total=tally.rows)
    if as_json:
        told = {"file": str(file), "format": source.form, "dry_run": dry_run}
        show_json({**told, **tally.to_dict()})
    else:
        show_imported(tally, str(file), source.form, dry_run=dry_run)


def _bring_in(
    settings: Settings, behind: Doors, source: Source, wishes: Wishes, *, total: int
) -> Tally:
    from ingrained.agent.ui.progress import CountBar
    from ingrained.graphs.session import store_options
    from ingrained.memory.transfer import bring_in

    why = f"imported from {source.path.name}"
    options = store_options(settings)
    with _receiving(settings, behind) as store, CountBar("Importing", "memories", total) as bar:
        return bring_in(
            store,
            source,
            wishes,
            who="import",
            why=why,
            screen=options.screen,
            screening=options.screening,
            progress=bar.advance,
        )


@contextmanager
def _receiving(settings: Settings, behind: Doors) -> Iterator[MemoryStore]:
    """Open the memory for writing, of an agent that may be new."""
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.graphs.session import Home as AgentHome

    AgentHome(settings.home)
    known = (settings.home / "memory" / "ledger.sqlite").is_file()
    with (
        DownloadBar() as bar,
        open_memory(settings, behind, writing=True, searching=not known, progress=bar) as store,
    ):
        yield store


def _export_form(name: str | None, file: Path) -> ExportForm:
    from ingrained.memory.transfer import ExportForm

    forms: tuple[ExportForm, ...] = get_args(ExportForm)
    chosen = name or file.suffix.removeprefix(".").lower()
    if name is None and chosen not in forms:
        raise InputError(
            f"the name {file.name!r} does not say what to write",
            hint="End it in .jsonl or .parquet, or give --format jsonl or --format parquet.",
        )
    return cast("ExportForm", _one_of("format", chosen, forms))


def _one_of(what: str, name: str | None, known: tuple[T, ...]) -> T | None:
    if name is None:
        return None
    if name not in known:
        raise InputError(
            f"there is no {what} {name!r}", hint=f"Choose of {', '.join(map(str, known))}."
        )
    return name
