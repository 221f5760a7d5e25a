"""What the rounds were for and what came of them, from the gradebook, as rows to be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.library import Library
from ingrained.agent.planning.acceptance import Acceptance
from ingrained.agent.planning.scores import topics

Row = Mapping[str, Any]
_STEPS = ("tasks", "solutions", "feedback", "filter", "update")


@dataclass(frozen=True, kw_only=True)
class Steered:
    """One round."""

    number: int
    """Over all runs of the home."""
    level: str
    why: str
    passages: int
    cells: Mapping[str, float]
    """Share of the sealed questions answered, by cell."""
    topics: Sequence[Row]
    """name, planned (passages taken up), passed, asked: those that were planned or scored."""
    kinds: Sequence[Row]
    """name, planned (share of the tasks), passed, asked, sealed (cell → counts of the sealed ones)."""
    steps: Mapping[str, str]
    """Step of the cycle → what was counted."""
    claims: Sequence[Row]
    """The model's own review: question (id), topic, text."""
    next_why: str
    """What the evaluation set for the next round."""


@dataclass(frozen=True, kw_only=True)
class Steering:
    """All that the page shows of planning."""

    rounds: Sequence[Steered]
    acceptance: Sequence[Row]
    """model, kind, counts (`Acceptance`), share (with its 95 % interval)."""
    reviewed: Mapping[str, Row]
    """Question id → question that a claim is about."""


def steering(library: Library, questions: Sequence[Row]) -> Steering:
    """Read what the library's gradebook holds; the questions are all of the library's."""
    book = library.gradebook
    parts = topics(library)
    names = {part.id: part.name for part in parts}
    home_of = {id_: part.name for part in parts for id_ in part.passages}
    reviews = book.reviews()
    asked = {one["id"]: one for one in questions}
    reviewed = {id_: asked[id_] for claims in reviews.values() for id_ in claims if id_ in asked}
    topic_of = {id_: home_of.get(one["passage"], "") for id_, one in reviewed.items()}
    return Steering(
        rounds=[
            _steered(trace, names, topic_of, reviews.get(trace["round"], {}))
            for trace in book.traces()
        ],
        acceptance=list(_acceptance_rows(library)),
        reviewed=reviewed,
    )


def _steered(
    trace: Row, names: Mapping[str, str], topic_of: Mapping[str, str], claims: Mapping[str, str]
) -> Steered:
    objective, evaluation = trace["objective"], trace.get("evaluation", {})
    return Steered(
        number=trace["round"],
        level=objective["level"],
        why=objective["why"],
        passages=len(objective["passages"]),
        cells=evaluation.get("cells", {}),
        topics=_rows(objective["topics"], evaluation.get("topics", {}), names),
        kinds=_with_sealed(
            _rows(objective["kinds"], evaluation.get("kinds", {}), {}), evaluation.get("sealed", {})
        ),
        steps={step: counted(trace[step]) for step in _STEPS if trace.get(step)},
        claims=[
            {"question": id_, "topic": topic_of[id_], "text": text}
            for id_, text in claims.items()
            if id_ in topic_of
        ],
        next_why=trace.get("next_objective", {}).get("why", ""),
    )


def _rows(
    planned: Mapping[str, float], scores: Mapping[str, Row], names: Mapping[str, str]
) -> list[Row]:
    """Join what was planned for with how it stood in the end, by id; a topic that is gone keeps its id."""
    return [
        {
            "name": names.get(id_, id_),
            "planned": planned.get(id_, 0),
            "passed": scores.get(id_, {}).get("passed", 0),
            "asked": scores.get(id_, {}).get("asked", 0),
        }
        for id_ in dict.fromkeys([*planned, *scores])
    ]


def _with_sealed(kinds: Sequence[Row], sealed: Mapping[str, Mapping[str, Row]]) -> list[Row]:
    """Add to the rows of kinds how their sealed questions were answered, by cell."""
    return [
        {**row, "sealed": {cell: of.get(row["name"], {}) for cell, of in sealed.items()}}
        for row in kinds
    ]


def counted(facts: Row) -> str:
    """Return nested counts in one line: `asked 20, by kind: cloze 3, reversed 4`."""
    return ", ".join(
        f"{name}: {counted(value)}" if isinstance(value, Mapping) else f"{name} {_plain(value)}"
        for name, value in facts.items()
    )


def _plain(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _acceptance_rows(library: Library) -> Iterator[Row]:
    book = library.gradebook
    for model in book.models():
        for kind, counts in book.acceptance(model).items():
            yield {"model": model, "kind": kind, "counts": counts, "share": _share(counts)}


def _share(counts: Acceptance) -> dict[str, float]:
    low, high = counts.interval
    return {"value": counts.share, "low": low, "high": high, "n": counts.asked}
