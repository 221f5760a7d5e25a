"""`ingrained exam`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from .opening import Doors, doors, existing_home, load_settings, open_memory, open_model
from .options import Home, Json, Model

CELLS = "base,memory,adapter,both,open"


def exam(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSONL with id, question, answers.")],
    cells: Annotated[str, typer.Option(help="What to answer with, comma-separated.")] = CELLS,
    home: Home = None,
    model: Model = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the report here too.")] = None,
    as_json: Json = False,
) -> None:
    """Sit a sealed exam and score it, in every cell the agent has."""
    from ingrained.agent.exam import read_exam
    from ingrained.agent.report.records import check_target, save_exam, write_text
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.exam_table import show_exam

    from .sitting import parse_cells

    wanted, parsed = parse_cells(cells), read_exam(file)
    if out is not None:
        check_target(out)
    settings = load_settings(home=home, model=model)
    report = _sit(parsed, wanted, settings, doors(context))
    save_exam(settings.home, report)
    if out is not None:
        import json

        write_text(out, json.dumps(report, indent=1) + "\n")
    if as_json:
        show_json(report)
    else:
        show_exam(report)


def _sit(parsed: Any, wanted: tuple[str, ...], settings: Any, behind: Doors) -> dict[str, Any]:
    from ingrained.agent.ui.console import line, notices
    from ingrained.agent.ui.download import DownloadBar

    from .sitting import Candidate, sit_exam

    home, console = existing_home(settings), notices()
    console.print(line(f"Exam {parsed.name}, SHA-256 {parsed.sha256[:16]}…", "dim"))
    with ExitStack() as stack:
        bar = stack.enter_context(DownloadBar())
        library = home.library()
        stack.callback(library.close)
        store = None
        if home.ledger_file.is_file():
            store = stack.enter_context(open_memory(settings, behind, progress=bar))
        candidate = Candidate(
            asker=open_model(home, settings, behind, bar),
            store=store,
            library=library,
            adapter=home.registry().active(),
        )
        return sit_exam(
            parsed,
            wanted,
            candidate,
            on_cell=lambda cell: console.print(
                line(f"{cell}: {len(parsed.items)} questions …", "dim")
            ),
        )
