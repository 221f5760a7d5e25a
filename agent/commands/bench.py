"""`ingrained bench`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingrained.errors import ExamError

from .opening import Doors, doors, load_settings
from .options import Json, Model
from .remarks import show_remarks
from .study_options import Autonomy, DryRun, Method, Votes

if TYPE_CHECKING:
    from ingrained.agent.bench.benchmark import Benchmark
    from ingrained.agent.reading.documents import Skipped
    from ingrained.graphs.context import StudyPolicy
    from ingrained.settings import Settings

    from .bench_job import BenchPlan

RESULTS = ("items.jsonl", "report.md", "report.html", "results.json")
"""What is written into the folder --out."""

Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the data sets.  [default: from the hub]")
]
Documents = Annotated[
    int | None, typer.Option(min=1, help="Only the first N documents.  [default: all]")
]
Items = Annotated[
    int | None, typer.Option(min=1, help="Only the first N questions.  [default: all]")
]
Seeds = Annotated[int, typer.Option(min=1, help="Studies, each with a seed of its own.")]
Cells = Annotated[
    str | None,
    typer.Option(help="Comma-separated.  [default: base,open,full,rag,memory]"),
]
Consolidate = Annotated[
    bool, typer.Option("--consolidate", help="Add adapter and both to the default cells.")
]
Work = Annotated[
    Path | None, typer.Option("--work", help="Kept parts.  [default: .ingrained-bench/NAME]")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of the results.  [default: that of --work]")
]
With = Annotated[
    list[str] | None, typer.Option("--with", metavar="MECHANISM", help="Switch on; repeatable.")
]
Without = Annotated[
    list[str] | None, typer.Option("--without", metavar="MECHANISM", help="Switch off; repeatable.")
]
Rounds = Annotated[int, typer.Option(min=1, help="Rounds of each study.")]
Placebo = Annotated[
    bool,
    typer.Option(
        "--placebo", help="Also study documents with all words dealt out at random, as a control."
    ),
]
Judge = Annotated[
    str | None, typer.Option("--judge", metavar="MODEL", help="Model for a second opinion.")
]


def bench(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="A known data set, or a folder of one's own.")
    ],
    data: Data = None,
    documents: Documents = None,
    items: Items = None,
    seeds: Seeds = 3,
    cells: Cells = None,
    consolidate: Consolidate = False,
    work: Work = None,
    out: Out = None,
    with_: With = None,
    without: Without = None,
    rounds: Rounds = 1,
    autonomy: Autonomy = None,
    votes: Votes = None,
    method: Method = None,
    placebo: Placebo = False,
    judge: Judge = None,
    model: Model = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Study documents and sit the exam on them beside base, open book, full context and RAG."""
    from ingrained.agent.bench.cells import TRAINED
    from ingrained.agent.bench.running import claim
    from ingrained.agent.replies import FILE_NAME

    from .bench_job import BenchPlan
    from .benching import run_bench

    settings = load_settings(model=model)
    wanted = _cells(cells, consolidate=consolidate)
    trains = any(cell in TRAINED for cell in wanted)
    policy = policy_for(
        rounds=rounds, consolidate=trains, with_=with_, without=without,
        **_given(autonomy=autonomy, votes=votes, method=method),
    )  # fmt: skip
    show_remarks(policy, plus=with_, minus=without, recipe={})
    left_out: list[Skipped] = []
    chosen = _benchmark(name, data, documents, items, judge, left_out)
    folder = work or Path(".ingrained-bench") / re.sub(r"[^\w.-]+", "-", chosen.name)
    plan = BenchPlan(
        benchmark=chosen, cells=wanted, seeds=tuple(range(seeds)), work=folder, policy=policy,
        control=_control(chosen) if placebo else None, judge=judge, left_out=tuple(left_out),
    )  # fmt: skip
    if dry_run:
        _show_left_out(left_out)
        return _foretell(plan, as_json=as_json)
    _check(plan, settings, doors(context))
    claim(folder, "cells", "judged", "rag", FILE_NAME)
    claim(out or folder, *RESULTS)
    _show_left_out(left_out)
    report = run_bench(plan, settings, doors(context))
    _finish(report, out or folder, as_json=as_json)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def policy_for(
    *,
    rounds: int = 1,
    consolidate: bool = False,
    with_: Sequence[str] | None = None,
    without: Sequence[str] | None = None,
    **more: Any,
) -> StudyPolicy:
    """Return the policy of a benchmark's studies.

    Args:
        rounds: Of each study.
        consolidate: Whether an adapter is trained.
        with_: Mechanisms to switch on.
        without: Mechanisms to switch off.
        more: Other fields of `StudyPolicy`.

    Raises:
        SettingsError: a mechanism that does not exist, one both with and without, or a setting out
            of range.
    """
    from ingrained.agent.mechanisms import chosen
    from ingrained.graphs.context import StudyPolicy

    mechanisms = chosen(plus=with_ or (), minus=without or ())
    return StudyPolicy(rounds=rounds, consolidate=consolidate, mechanisms=mechanisms, **more)


def _cells(text: str | None, *, consolidate: bool) -> tuple[str, ...]:
    from ingrained.agent.bench.cells import CELLS, UNTRAINED

    from .sitting import parse_cells

    if text is None:
        return CELLS if consolidate else UNTRAINED
    named = parse_cells(text, CELLS)
    return tuple(cell for cell in CELLS if cell in named)


def _benchmark(
    name: str,
    data: Path | None,
    documents: int | None,
    items: int | None,
    judge: str | None,
    left_out: list[Skipped],
) -> Benchmark:
    from ingrained.agent.bench.loading import load

    chosen = load(name, data, on_skip=left_out.append).limited(documents, items)
    if not chosen.items:
        raise ExamError(f"no question of {name!r} is left", hint="Raise --documents.")
    if not chosen.gold and judge is None:
        raise ExamError(
            f"no accepted answers of {name!r} are known, so only a judge can score it",
            hint="Name one with --judge MODEL.",
        )
    return chosen


def _show_left_out(left_out: Sequence[Skipped]) -> None:
    from ingrained.agent.ui.console import notices
    from ingrained.agent.ui.plan import show_skipped

    show_skipped([one.to_dict() for one in left_out], notices())


def _foretell(plan: BenchPlan, *, as_json: bool) -> None:
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.plan import show_bench_plan

    from .bench_estimating import estimate_bench

    found = estimate_bench(plan)
    if as_json:
        show_json(found)
    else:
        show_bench_plan(found)


def _control(chosen: Benchmark) -> Benchmark:
    from ingrained.agent.bench.placebo import placebo

    return placebo(chosen)


def _check(plan: BenchPlan, settings: Settings, behind: Doors) -> None:
    """Raise now what would end the run after hours: models that are not there or not trainable."""
    from ingrained.agent.bench.cells import LEARNT
    from ingrained.agent.models.factory import check_chat_model
    from ingrained.graphs.session import check_trainable

    if any(cell in LEARNT for cell in plan.cells):
        check_trainable(settings, plan.policy, behind.model)
    if behind.model is None:
        for name in filter(None, (settings.model, plan.judge)):
            check_chat_model(name, settings)


def _finish(report: Mapping[str, Any], out: Path, *, as_json: bool) -> None:
    from ingrained.agent.bench.results import rows_of
    from ingrained.agent.bench.tables import to_markdown
    from ingrained.agent.report.bench_page import render_bench
    from ingrained.agent.report.records import write_text
    from ingrained.agent.ui.bench_table import show_bench
    from ingrained.agent.ui.console import line, notices, show_json

    kept = {name: value for name, value in report.items() if name != "sittings"}
    rows = [json.dumps(row) + "\n" for row in rows_of(report["sittings"])]
    texts = "".join(rows), to_markdown(kept), render_bench(kept), json.dumps(kept, indent=1) + "\n"
    for file, text in zip(RESULTS, texts, strict=True):
        write_text(out / file, text)
    if as_json:
        show_json(kept)
    else:
        show_bench(kept)
        notices().print(line(f"Results: {out}", "dim"), soft_wrap=True)
