"""The `ingrained` command. `main` is the only place where errors are caught."""

from __future__ import annotations

import os
import sqlite3
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from ingrained.disk import as_store_error
from ingrained.errors import IngrainedError
from ingrained.tracing import tracing_scope

from .commands import (
    adapters,
    ask,
    bench,
    chat,
    doctor,
    exam,
    mcp,
    memory,
    metrics,
    models,
    report,
    serve,
    study,
)
from .commands.opening import Doors

INTERRUPTED = 130

QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # Waiting OpenMP threads sleep instead of spinning: beside other programs a training step then
    # takes less than half the processor time (LOG.md).
    "OMP_WAIT_POLICY": "passive",
}
"""Set before the libraries that read them are loaded; what the user has set stays."""

app = typer.Typer(
    name="ingrained",
    help="Give it documents; it studies them until they are part of the model.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("study")(study.study)
app.command("exam")(exam.exam)
app.command("bench")(bench.bench)
app.command("ask")(ask.ask)
app.command("chat")(chat.chat)
app.command("mcp")(mcp.mcp)
app.command("serve")(serve.serve)
app.command("metrics")(metrics.metrics)
app.add_typer(memory.app, name="memory")
app.add_typer(adapters.app, name="adapters")
app.add_typer(models.app, name="models")
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        from ingrained import __version__

        typer.echo(f"ingrained {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Give it documents; it studies them until they are part of the model."""


def run(arguments: Sequence[str], behind: Doors | None = None) -> int:
    """Run one command and return its exit code; `behind` replaces what the settings name."""
    from .ui.console import notices, show_error

    command, as_json = typer.main.get_command(app), "--json" in arguments
    try:
        given = replace(behind or Doors(), as_json=as_json)
        with tracing_scope():
            command.main(args=list(arguments), prog_name="ingrained", obj=given)
    except IngrainedError as error:
        show_error(error, as_json=as_json)
        return error.exit_code
    except (sqlite3.Error, OSError) as error:
        told = as_store_error(error)
        if told is None:
            raise
        show_error(told, as_json=as_json)
        return told.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    if code == INTERRUPTED:
        notices().print("Stopped. Run the same command again to go on.")
    return code


def main() -> None:
    """Entry point of the `ingrained` command."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    # Advice to the libraries' own callers, which a user of this command can do nothing about.
    warnings.filterwarnings("ignore", module=r"(peft|transformers)\.")
    sys.exit(run(sys.argv[1:]))
