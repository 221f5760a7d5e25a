"""Running a study for the command line: show how it goes, and sit the exam after it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ingrained.agent.exam import CELLS, Exam
from ingrained.agent.report.records import save_exam
from ingrained.agent.ui.console import line, notices
from ingrained.agent.ui.download import DownloadBar
from ingrained.agent.ui.memories import show_repair
from ingrained.agent.ui.study_view import StudyView
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.session import Home, open_study
from ingrained.settings import Settings

from .opening import Doors, loading
from .recording import run_and_record, with_recipe
from .sitting import Candidate, sit_exam


def study_home(
    corpus: tuple[Path, ...],
    settings: Settings,
    policy: StudyPolicy,
    sealed: Exam | None,
    behind: Doors,
    explained: Mapping[str, Any],
    recipe: Mapping[str, Any],
) -> dict[str, Any]:
    """Study, sit the sealed exam if there is one, and return the run's record, saved already.

    `recipe` is what is to differ from the default recipe of a training.
    """
    home, started = Home(settings.home), time.time()
    with DownloadBar() as bar, ExitStack() as stack:
        with loading(settings.model, behind, bar):
            opened = stack.enter_context(
                open_study(
                    settings, corpus, policy,
                    model=behind.model, embedder=behind.embedder, progress=bar,
                )
            )  # fmt: skip
        context = with_recipe(opened, recipe)
        show_repair(context.store.repaired)
        with StudyView() as view:
            record = run_and_record(home, context, view, explained=explained, started=started)
        record["exam"] = None
        if sealed is not None:
            record["exam"] = _sit(sealed, context)
            save_exam(home.path, record["exam"])
        return record


def _sit(sealed: Exam, context: StudyContext) -> dict[str, Any]:
    console = notices()
    console.print(line(f"Exam {sealed.name}, SHA-256 {sealed.sha256[:16]}…", "dim"))
    candidate = Candidate(
        asker=context.asker,
        store=context.store,
        library=context.library,
        adapter=context.registry.active(),
    )
    return sit_exam(
        sealed,
        CELLS,
        candidate,
        on_cell=lambda cell: console.print(line(f"{cell}: {len(sealed.items)} questions …", "dim")),
    )
