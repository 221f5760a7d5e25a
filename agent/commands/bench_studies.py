"""The studies of a benchmark: a home for each, gone on with after an interruption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ingrained.agent.bench.auditing import AuditedAsker, StudyAudit, read_audit
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.cells import PLACEBO
from ingrained.agent.bench.running import (
    StudyFolder,
    claim,
    key_of,
    load_part,
    policy_facts,
    prepare,
    save_part,
    study_folder,
    writing,
)
from ingrained.agent.bench.sitting import Sitting, sit_cell
from ingrained.agent.replies import FILE_NAME, ReplyCache
from ingrained.agent.ui.console import line, notices
from ingrained.agent.ui.download import DownloadBar
from ingrained.agent.ui.memories import show_repair
from ingrained.agent.ui.study_view import StudyView
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.session import Home, StudyResult, open_study, run_study

from .bench_job import Job, close_model, watched

KEPT_REPLIES = 1_000_000
Record = dict[str, Any]


def study_and_sit(
    job: Job, benchmark: Benchmark, cells: Sequence[str], *, seed: int, group: str
) -> tuple[list[Sitting], Record | None]:
    """Study a benchmark's documents and sit its exam, as far as that is not done.

    Args:
        job: The plan and what stands behind it.
        benchmark: The one that is measured, or its placebo.
        cells: Of `cells.LEARNT`.
        seed: Of the study.
        group: Folder of the study's homes.

    Returns:
        The sittings and the record of the study; no record when there is nothing to study.
    """
    if not benchmark.documents:
        reason = "the benchmark has no documents"
        return [{"cell": cell, "seed": seed, "skipped": reason} for cell in cells], None
    folder = _folder(job, benchmark, seed, group)
    paths = {cell: folder.cells / f"{cell}-{benchmark.sha256[:12]}.json" for cell in cells}
    parts = {cell: load_part(path) for cell, path in paths.items()}
    record = load_part(folder.record)
    if record is None or None in parts.values():
        with _opened(job, benchmark, folder, _policy(job, seed, group)) as context:
            record = record or _study(benchmark, context, folder, group)
            for cell in [cell for cell, part in parts.items() if part is None]:
                parts[cell] = _sit(benchmark, cell, context, seed, group)
                save_part(paths[cell], parts[cell] or {})
    return [part for part in parts.values() if part], record


def _folder(job: Job, benchmark: Benchmark, seed: int, group: str) -> StudyFolder:
    documents = key_of(documents=[vars(document) for document in benchmark.documents])
    key = key_of(
        documents=documents, model=[job.model, job.weights],
        embedder=[job.embedder, job.embedding], recalling=job.recalling, wording=job.wording,
        code=job.studying_code,
        policy=policy_facts(_policy(job, seed, group)),
    )  # fmt: skip
    return study_folder(job.plan.work, group, key, documents)


def _policy(job: Job, seed: int, group: str) -> StudyPolicy:
    """Return the policy of one study; no cell takes an adapter of the placebo, so none is made."""
    policy = job.plan.policy
    consolidate = policy.consolidate and group != PLACEBO
    return replace(policy, seed=seed, consolidate=consolidate)


@contextmanager
def _opened(
    job: Job, benchmark: Benchmark, folder: StudyFolder, policy: StudyPolicy
) -> Iterator[StudyContext]:
    for made in (folder.home, folder.documents):
        claim(made.parent, made.name)
    prepare(folder.home)
    with writing(folder.documents):
        corpus = tuple(benchmark.write_documents(folder.documents))
    settings = job.settings.model_copy(update={"home": folder.home, "unattended": {}})
    with (
        DownloadBar() as bar,
        _shared_replies(job) as replies,
        open_study(
            settings, corpus, policy, model=job.behind.model, embedder=job.behind.embedder,
            progress=bar, replies=replies,
        ) as context,
    ):  # fmt: skip
        show_repair(context.store.repaired)
        try:
            yield context
        finally:
            if job.behind.model is None:
                close_model(context.asker.model)


@contextmanager
def _shared_replies(job: Job) -> Iterator[ReplyCache | None]:
    """Open the replies that all studies of a work folder share; none for stand-ins of the model."""
    if job.behind.model is not None or not job.settings.replies:
        yield None
        return
    with ReplyCache(job.plan.work / FILE_NAME, limit=KEPT_REPLIES) as replies:
        yield replies


def _study(benchmark: Benchmark, context: StudyContext, folder: StudyFolder, group: str) -> Record:
    """Run the study, or go on with it, with an ear on its closed-book prompts."""
    console = notices()
    console.print(line(f"{group}: studying {len(benchmark.documents)} documents …", "bold"))
    audit = StudyAudit(
        (document.text for document in benchmark.documents), folder.audit,
        titles=(document.title for document in benchmark.documents),
    )  # fmt: skip
    heard = replace(context, asker=AuditedAsker(context.asker, audit))
    with StudyView() as view:
        result = run_study(Home(folder.home), heard, view)
    record = _record(benchmark, context, result, folder, group)
    save_part(folder.record, record)
    return record


def _record(
    benchmark: Benchmark,
    context: StudyContext,
    result: StudyResult,
    folder: StudyFolder,
    group: str,
) -> Record:
    counts, state = context.library.counts(), result.state
    return {
        "name": group,
        "home": folder.name,
        "seed": context.policy.seed,
        "resumed": result.resumed,
        "words": sum(len(document.text.split()) for document in benchmark.documents),
        "passages": counts["passages"],
        "accepted": counts["questions"],
        "accepted_by_kind": dict(Counter(str(one["kind"]) for one in context.library.questions())),
        "memories": len(context.store.list(namespace=context.namespace)),
        "rejected": dict(state.get("rejected", {})),
        "stop": state.get("stop", ""),
        "adapter": context.registry.active(),
        "scores": dict(state.get("scores", {})),
        "seconds": sum(cost.seconds for cost in result.meter.phases.values()),
        "tokens": result.meter.tokens,
        "phases": result.meter.to_plain(),
        "audit": read_audit(folder.audit),
    }


def _sit(benchmark: Benchmark, cell: str, context: StudyContext, seed: int, group: str) -> Sitting:
    return watched(
        benchmark,
        f"{cell}, {group}",
        lambda tell: sit_cell(
            benchmark,
            cell,
            context.asker,
            recall=lambda asker: context.recaller(asker, phase="exam").recall,
            adapter=context.registry.active(),
            seed=seed,
            on_replies=tell,
        ),
    )
