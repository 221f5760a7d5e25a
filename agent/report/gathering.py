"""Collecting what the page shows, as plain data, from the stores of one home."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from ingrained.agent.library import Library
from ingrained.graphs.session import Home
from ingrained.memory.ledger import Ledger
from ingrained.memory.records import Memory
from ingrained.trainer.manifest import Manifest

from .records import Record, exams, runs
from .steering import Steering, steering

MEMORIES_SHOWN = 200
"""The newest so many; a page with all of a large memory would not open."""
GAPS_SHOWN = 100
"""Passages with failing questions."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """All that the page shows."""

    home: str
    made: str
    """When the page was made."""
    model: str
    counts: Mapping[str, int]
    documents: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]
    """Documents that changed or vanished between two studies: run, id, what, memories."""
    skipped: Sequence[Mapping[str, str]]
    runs: Sequence[Record]
    rounds: Sequence[Mapping[str, Any]]
    """Those that were examined on the agent's own sealed questions."""
    steering: Steering
    """What each round was for and what came of it."""
    exams: Sequence[Record]
    memories: Sequence[Memory]
    """Active ones, newest first."""
    gaps: Sequence[Mapping[str, Any]]
    """Studied passages with questions that fail even with the memory."""
    rejected: Mapping[str, int]
    phases: Mapping[str, Mapping[str, float]]
    adapters: Sequence[Manifest]
    active_adapter: str | None


def gather(home: Home) -> Gathered:
    """Read the home; nothing is changed and no model is needed."""
    past, registry, memories = runs(home.path), home.registry(), _memories(home)
    with closing(home.library()) as library:
        questions = library.questions()
        return Gathered(
            home=home.path.resolve().name,
            made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            model=str(past[-1]["model"]) if past else "",
            counts=library.counts(),
            documents=_documents(library, questions, memories),
            changes=list(_changes(past)),
            skipped=library.skipped(),
            runs=past,
            rounds=[one for one in library.rounds() if one["sealed"]],
            steering=steering(library, questions),
            exams=exams(home.path),
            memories=memories,
            gaps=_gaps(library, questions),
            rejected=_summed(run["rejected"] for run in past),
            phases=_costs(past),
            adapters=registry.list(),
            active_adapter=registry.active(),
        )


def _memories(home: Home) -> list[Memory]:
    path = home.ledger_file
    if not path.is_file():
        return []
    with closing(Ledger(path, read_only=True)) as ledger:
        return ledger.select(status="active")[::-1]


def _documents(
    library: Library, questions: Sequence[Mapping[str, Any]], memories: Sequence[Memory]
) -> list[dict[str, Any]]:
    passages = library.passages(sorted({question["passage"] for question in questions}))
    home_of = {passage.id: passage.document for passage in passages}
    asked = Counter(home_of[one["passage"]] for one in questions if one["passage"] in home_of)
    kept = Counter(name for one in memories for name in {span.document for span in one.spans})
    rows = []
    for name in library.documents():
        document = library.document(name)
        rows.append({
            "id": name, "title": document.title if document else "",
            "characters": len(document.text) if document else 0,
            "questions": asked[name], "memories": kept[name],
        })  # fmt: skip
    return rows


def _changes(past: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """Yield what the studies found changed; the records of older versions tell nothing of it."""
    for run in past:
        day = str(run["started"])[:10]
        for one in run.get("revised", ()):
            said = f"{one['kept']} kept, {one['superseded']} superseded"
            yield {"day": day, "id": one["id"], "what": "changed", "memories": said}
        for one in run.get("missing", ()):
            said = f"{one['memories']} rest on it"
            yield {"day": day, "id": one["id"], "what": "no longer there", "memories": said}
        for one in run.get("dropped", ()):
            said = f"{one['forgotten']} forgotten"
            yield {"day": day, "id": one["id"], "what": "no longer there", "memories": said}


def _gaps(library: Library, questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    failing: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    asked: Counter[str] = Counter(str(question["passage"]) for question in questions)
    for question in questions:
        if not question["recalled"]:
            failing[question["passage"]].append(question)
    worst = sorted(failing, key=lambda passage: -len(failing[passage]) / asked[passage])
    return [
        {"passage": passage, "asked": asked[passage.id], "questions": failing[passage.id]}
        for passage in library.passages(worst[:GAPS_SHOWN])
    ]


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return {reason: count for reason, count in total.most_common() if count}


def _costs(past: Sequence[Record]) -> dict[str, dict[str, float]]:
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for run in past:
        for phase, cost in run["phases"].items():
            total[phase].update(cost)
    return {phase: dict(cost) for phase, cost in total.items()}
