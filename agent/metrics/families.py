"""The figures of one home. Only counts, sizes and times: nothing that a document or a user says.

Everything is read anew each time and nothing is written, so a study may go on meanwhile.
"""

from __future__ import annotations

import datetime
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingrained.agent.library import Library
from ingrained.agent.report.records import exams, last_run
from ingrained.errors import IngrainedError
from ingrained.graphs.session import Home
from ingrained.memory.ledger import Ledger
from ingrained.memory.stats import by_kind_and_status, events_by_kind
from ingrained.trainer.manifest import Manifest

MEASURES = ("contained", "exact", "f1")
"""Of an exam, as `ingrained exam` reports them."""

Labels = tuple[str, ...]


class HomeCollector(Collector):
    """Reads a home whenever it is asked; one that cannot be read is told as that.

    Args:
        home: Opens it; it need not be there yet.
    """

    def __init__(self, home: Callable[[], Home]) -> None:
        self._home = home

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of now."""
        try:
            figures = families(self._home())
        except (IngrainedError, sqlite3.Error, OSError):
            figures = []
        told = "Whether the home could be read; if not, there are no other figures."
        yield _gauge("up", told, int(bool(figures)))
        yield from figures


class Fixed(Collector):
    """Figures that were read already."""

    def __init__(self, figures: Iterable[Metric]) -> None:
        self._figures = list(figures)

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._figures


def families(home: Home) -> list[Metric]:
    """Return all figures of a home.

    Raises:
        StoreError: it, or a store in it, cannot be read.
    """
    return [*_memory(home), *_library(home), *_exams(home), *_adapters(home), *_studies(home),
            _sizes(home)]  # fmt: skip


def _memory(home: Home) -> Iterator[Metric]:
    memories: Mapping[tuple[str, str], int] = {}
    events: Mapping[str, int] = {}
    if home.ledger_file.is_file():
        with closing(Ledger(home.ledger_file, read_only=True)) as ledger:
            memories, events = by_kind_and_status(ledger), events_by_kind(ledger)
    yield _labelled("memories", "Memories.", ("kind", "status"), memories)
    counted = CounterMetricFamily(
        "ingrained_ledger_events", "What ever happened to memories.", labels=("kind",)
    )
    for kind, number in events.items():
        counted.add_metric((kind,), number)
    yield counted


def _library(home: Home) -> Iterator[Metric]:
    counts: Mapping[str, int] = Counter()
    skipped, scores = 0, {}
    if home.library_file.is_file():
        with closing(Library(home.library_file, read_only=True)) as library:
            counts, skipped = library.counts(), len(library.skipped())
            scores = _sealed_scores(library)
    yield _gauge("documents", "Documents that were read.", counts["documents"])
    yield _gauge("documents_skipped", "What the last study could not or would not read.", skipped)
    yield _labelled(
        "passages", "Passages of the documents.", ("state",),
        {("studied",): counts["studied"], ("unread",): counts["passages"] - counts["studied"]},
    )  # fmt: skip
    yield _labelled(
        "questions", "Quiz questions that were kept.", ("sealed",),
        {("yes",): counts["sealed"], ("no",): counts["questions"] - counts["sealed"]},
    )  # fmt: skip
    yield _labelled(
        "sealed_score", "Share of the sealed questions answered in the last examination.",
        ("cell",), scores,
    )  # fmt: skip


def _sealed_scores(library: Library) -> dict[Labels, float]:
    examined = [one for one in library.rounds() if one.get("sealed")]
    return {(cell,): score for cell, score in examined[-1]["scores"].items()} if examined else {}


def _exams(home: Home) -> Iterator[Metric]:
    sittings = {Path(str(one["exam"])).stem: one for one in exams(home.path)}
    yield _labelled(
        "exam_questions", "Questions of an exam.", ("exam",),
        {(exam,): one["items"] for exam, one in sittings.items()},
    )  # fmt: skip
    yield _labelled(
        "exam_timestamp_seconds", "When an exam was sat last.", ("exam",),
        {(exam,): _time(one["date"]) for exam, one in sittings.items()},
    )  # fmt: skip
    yield _labelled(
        "exam_score", "How its last sitting went, in [0, 1].", ("exam", "cell", "measure"),
        {
            (exam, cell, measure): figures[measure]["value"]
            for exam, one in sittings.items()
            for cell, figures in one["cells"].items()
            for measure in MEASURES
        },
    )  # fmt: skip


def _adapters(home: Home) -> Iterator[Metric]:
    registry = home.registry()
    states = Counter(map(_state, registry.list()))
    states["unfinished"] = len(registry.unfinished())
    active = registry.active()
    yield _labelled(
        "adapters", "Adapters by what became of them.", ("state",),
        {(state,): number for state, number in states.items()},
    )  # fmt: skip
    yield _labelled(
        "adapter_in_use", "The adapter that is promoted; none for the base alone.", ("version",),
        {(active,): 1} if active else {},
    )  # fmt: skip


def _state(made: Manifest) -> str:
    return "stale" if made.stale else made.decision


def _studies(home: Home) -> Iterator[Metric]:
    run = last_run(home.path) or {}
    phases = run.get("phases", {})
    done = CounterMetricFamily("ingrained_studies", "Studies that came to their end.")
    done.add_metric((), run.get("number", 0))
    yield done
    yield _gauge(
        "study_unfinished", "Whether one goes on, or was cut short.", int(home.run_file.is_file())
    )
    yield _labelled(
        "study_started_timestamp_seconds", "When the last of them began.", (),
        {(): _time(run["started"])} if run else {},
    )  # fmt: skip
    yield _labelled(
        "study_seconds", "What the last of them took.", ("phase",), _cost(phases, "seconds")
    )
    yield _labelled(
        "study_calls", "What it asked of the model.", ("phase",), _cost(phases, "calls")
    )
    yield _labelled(
        "study_tokens", "What the model read and wrote.", ("phase", "direction"),
        {
            (phase, way): cost.get(f"tokens_{way}", 0)
            for phase, cost in phases.items()
            for way in ("in", "out")
        },
    )  # fmt: skip


def _cost(phases: Mapping[str, Mapping[str, float]], what: str) -> dict[Labels, float]:
    return {(phase,): cost.get(what, 0) for phase, cost in phases.items()}


def _sizes(home: Home) -> Metric:
    """Return the bytes of files by what they belong to: a database's side files are of it."""
    sizes: Counter[Labels] = Counter()
    # Unlike `rglob` it passes over a folder that goes in the meantime.
    for folder, _, names in os.walk(home.path):
        for path in (Path(folder, name) for name in names):
            first = path.relative_to(home.path).parts[0].partition(".")[0]
            sizes[(first or "other",)] += _size(path)
    return _labelled("home_bytes", "Size of the files in the home.", ("part",), sizes)


def _size(path: Path) -> int:
    """Return a file's own bytes; none of one that is gone in the meantime."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _time(iso: Any) -> float:
    return datetime.datetime.fromisoformat(str(iso)).timestamp()


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return _labelled(name, help_text, (), {(): value})


def _labelled(
    name: str, help_text: str, labels: Labels, values: Mapping[Any, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"ingrained_{name}", help_text, labels=labels)
    for given, value in values.items():
        family.add_metric(given, value)
    return family
