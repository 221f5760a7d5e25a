"""Running a benchmark: sit what needs no study, then study and sit seed by seed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ingrained.agent.asking import Asker
from ingrained.agent.bench.cells import CELLS, LEARNT, PLACEBO
from ingrained.agent.bench.judging import judge_rows
from ingrained.agent.bench.plain_rag import excerpts, plain_rag
from ingrained.agent.bench.results import results
from ingrained.agent.bench.running import (
    ANSWERING,
    key_of,
    load_part,
    policy_facts,
    save_part,
    wording,
    writing,
)
from ingrained.agent.bench.sitting import Sitting, sit_cell
from ingrained.agent.bench.surroundings import machine, versions
from ingrained.agent.exam import Recall
from ingrained.agent.ui.console import line, notices
from ingrained.agent.ui.download import DownloadBar
from ingrained.agent.ui.progress import CountBar
from ingrained.graphs.session import open_embedder
from ingrained.settings import Settings

from .bench_job import BenchPlan, Job, watched
from .bench_studies import study_and_sit
from .opening import Doors


def run_bench(plan: BenchPlan, settings: Settings, behind: Doors) -> dict[str, Any]:
    """Measure, or go on measuring; return the results, with every sitting under `sittings`.

    Each sitting and each study is kept as soon as it is done. The same call after an interruption
    goes on from there.
    """
    job = Job(plan=plan, settings=settings, behind=behind, wording=wording())
    sittings, studies = _sit_without_study(job), []
    learnt = [cell for cell in plan.cells if cell in LEARNT]
    for seed in plan.seeds if learnt else ():
        sat, study = study_and_sit(job, plan.benchmark, learnt, seed=seed, group=f"seed{seed}")
        sittings += sat
        studies += [study] if study else []
    if plan.control is not None:
        sat, study = study_and_sit(job, plan.control, ["memory"], seed=plan.seeds[0], group=PLACEBO)
        sittings += [{**one, "cell": PLACEBO} for one in sat]
        studies += [study] if study else []
    order = [*CELLS, PLACEBO]
    sittings = sorted(_judged(job, sittings), key=lambda one: order.index(one["cell"]))
    return {**_head(job), **results(plan.benchmark, sittings, studies), "sittings": sittings}


def _head(job: Job) -> dict[str, Any]:
    plan, benchmark = job.plan, job.plan.benchmark
    return {
        "name": benchmark.name,
        "origin": benchmark.origin,
        "sha256": benchmark.sha256,
        "documents": len(benchmark.documents),
        "items": len(benchmark.items),
        "files_skipped": [one.to_dict() for one in plan.left_out],
        "main": benchmark.main if benchmark.gold else "judged",
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "model": job.model,
        "embedder": job.embedder,
        "judge": plan.judge,
        "seeds": list(plan.seeds),
        "policy": policy_facts(plan.policy),
        "wording": job.wording,
        "machine": machine(),
        "versions": versions(),
    }


def _sit_without_study(job: Job) -> list[Sitting]:
    """Sit, once, the cells that rest on no study."""
    cells = [cell for cell in job.plan.cells if cell not in LEARNT]
    paths = {
        cell: job.plan.work / "cells" / f"{cell}-{_cell_key(job, cell)}.json" for cell in cells
    }
    parts = {cell: load_part(path) for cell, path in paths.items()}
    missing = [cell for cell, part in parts.items() if part is None]
    if missing:
        with job.opened(job.settings.model) as asker:
            for cell in missing:
                parts[cell] = _sit_untaught(job, cell, asker)
                save_part(paths[cell], parts[cell] or {})
    return [part for part in parts.values() if part]


def _cell_key(job: Job, cell: str) -> str:
    policy = job.plan.policy
    found_by = (
        [job.embedder, job.embedding, policy.recall_k, policy.passage_tokens]
        if cell == "rag"
        else []
    )
    return key_of(
        exam=job.plan.benchmark.sha256, model=[job.model, job.weights],
        wording=wording(ANSWERING), found_by=found_by, code=job.answering_code,
    )  # fmt: skip


def _sit_untaught(job: Job, cell: str, asker: Asker) -> Sitting:
    benchmark = job.plan.benchmark
    with _recall(job, cell) as recall:
        return watched(
            benchmark,
            cell,
            lambda tell: sit_cell(benchmark, cell, asker, recall=lambda _: recall, on_replies=tell),
        )


@contextmanager
def _recall(job: Job, cell: str) -> Iterator[Recall]:
    """Give what finds passages for the cell `rag`; the others have nothing to find."""
    if cell != "rag":
        yield lambda questions: [[] for _ in questions]
        return
    policy = job.plan.policy
    embedder = job.behind.embedder
    if embedder is None:
        with DownloadBar() as bar:
            embedder = open_embedder(job.settings, bar)
    passages = excerpts(job.plan.benchmark.documents, passage_tokens=policy.passage_tokens)
    folder = job.plan.work / "rag"
    with ExitStack() as stack:
        with writing(folder):
            recall = stack.enter_context(plain_rag(passages, embedder, folder, k=policy.recall_k))
        yield recall


def _judged(job: Job, sittings: Sequence[Sitting]) -> list[Sitting]:
    """Put the judge's opinion into the rows, if a judge was asked for."""
    name = job.plan.judge
    if name is None:
        return list(sittings)
    paths = [_judged_path(job, name, one) for one in sittings]
    parts = [load_part(path) if "rows" in one else {} for path, one in _zip(paths, sittings)]
    if None in parts:
        with job.opened(name) as judge:
            for number, part in enumerate(parts):
                if part is None:
                    parts[number] = _judge(job, judge, sittings[number])
                    save_part(paths[number], parts[number] or {})
    return [
        {**one, "rows": [
            {**row, "judged": told} for row, told in _zip(one["rows"], (part or {})["judged"])
        ]} if "rows" in one else one
        for one, part in _zip(sittings, parts)
    ]  # fmt: skip


def _zip(one: Sequence[Any], two: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(one, two, strict=True)


def _judged_path(job: Job, name: str, sitting: Sitting) -> Path:
    said = [[row["id"], row["reply"]] for row in sitting.get("rows", ())]
    exam = job.plan.benchmark.sha256
    judge = [name, job.judge_weights]
    key = key_of(judge=judge, wording=job.wording, exam=exam, said=said)
    return job.plan.work / "judged" / f"{sitting['cell']}-{key}.json"


def _judge(job: Job, judge: Asker, sitting: Sitting) -> dict[str, Any]:
    rows, label = sitting["rows"], f"judging {sitting['cell']}"
    notices().print(line(f"{label}: {len(rows)} replies …", "dim"))
    with CountBar(label, "replies", len(rows)) as bar:
        told = judge_rows(rows, job.plan.benchmark, judge, on_replies=bar.advance)
    return {"judged": told}
