"""The HTML page: Jinja2 with autoescape, for the text of documents is not to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ingrained.agent.ui.console import duration, percent, safe
from ingrained.agent.ui.exam_table import with_interval
from ingrained.agent.ui.memories import quiz_score, when
from ingrained.graphs.session import Home

from .charts import cells_chart, counts_chart, loss_chart, plotly_script, rounds_chart
from .gathering import MEMORIES_SHOWN, Gathered, gather
from .marks import by_question


def render(home: Home) -> str:
    """Return the whole page: one file, no network."""
    data = gather(home)
    pictures = _pictures(data)
    return (
        environment()
        .get_template("report.html")
        .render(
            data=data,
            shown=data.memories[:MEMORIES_SHOWN],
            pictures=pictures,
            script=plotly_script() if pictures else "",
        )
    )


def environment() -> Environment:
    """Return what fills the templates in: every value is escaped."""
    made = Environment(
        loader=PackageLoader("ingrained.agent", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    made.filters.update(
        duration=duration,
        percent=percent,
        interval=with_interval,
        day=when,
        by_question=by_question,
        quiz_score=quiz_score,
    )
    return made


def _clean(value: Any) -> Any:
    """Take out what a browser or an editor would obey or choke on."""
    return safe(value) if type(value) is str else value


def _pictures(data: Gathered) -> dict[str, str]:
    drawn = {}
    for number, exam in enumerate(data.exams):
        if exam["cells"]:
            drawn[f"exam{number}"] = cells_chart(exam["cells"], f"exam{number}")
    for number, manifest in enumerate(data.adapters):
        if manifest.losses:
            validation = _validation(manifest.losses, manifest.validation_losses)
            drawn[f"loss{number}"] = loss_chart(manifest.losses, validation, f"loss{number}")
    if data.rounds:
        drawn["rounds"] = rounds_chart(data.rounds, "rounds")
    if data.rejected:
        drawn["rejected"] = counts_chart(data.rejected, "questions", "rejected")
    if data.phases:
        seconds = {phase: cost["seconds"] for phase, cost in data.phases.items()}
        drawn["seconds"] = counts_chart(seconds, "seconds", "seconds")
    return drawn


def _validation(losses: Sequence[float], taken: Sequence[float]) -> list[tuple[int, float]]:
    """Place the losses on the agent's own sealed questions, taken at even distances, among the steps."""
    return [
        (round((number + 1) * len(losses) / len(taken)), loss) for number, loss in enumerate(taken)
    ]
