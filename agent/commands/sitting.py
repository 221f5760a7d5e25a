"""Sitting a sealed exam in every cell that the home can sit."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.asking import Asker, Meter
from ingrained.agent.exam import CELLS, Exam, Item, sit, summarise, to_rows
from ingrained.agent.library import Library
from ingrained.agent.recalling import Excerpt, Recaller, likely_by
from ingrained.errors import SettingsError
from ingrained.memory.store import MemoryStore


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The agent that sits the exam."""

    asker: Asker
    store: MemoryStore | None
    """None when nothing is remembered yet."""
    library: Library
    adapter: str | None
    """The promoted adapter, loaded already."""


def parse_cells(text: str, known: Sequence[str] = CELLS) -> tuple[str, ...]:
    """Return the cells named in a comma-separated list, in the list's order, each once.

    Raises:
        SettingsError: a name is none of the known ones.
    """
    named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in named if name not in known]
    if unknown or not named:
        raise SettingsError(
            f"no such cell: {', '.join(map(repr, unknown)) or 'none given'}",
            hint=f"Give some of {','.join(known)}.",
        )
    return named


def sit_exam(
    exam: Exam,
    cells: Sequence[str],
    candidate: Candidate,
    *,
    on_cell: Callable[[str], None] = lambda _cell: None,
) -> dict[str, Any]:
    """Sit the exam and return its report as plain data.

    Cells that cannot be sat are left out and named, with the reason, under `skipped`; documents
    that the exam names and that are not known stand under `unknown_documents`.
    """
    report: dict[str, Any] = {
        "exam": exam.name,
        "sha256": exam.sha256,
        "items": len(exam.items),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "model": candidate.asker.name,
        "adapter": candidate.adapter,
        "cells": {},
        "skipped": {},
        "unknown_documents": _unknown_documents(exam, candidate.library),
        "rows": [],
    }
    for cell in cells:
        if reason := _obstacle(cell, exam, candidate):
            report["skipped"][cell] = reason
            continue
        on_cell(cell)
        figures, rows = _sit_cell(exam, cell, candidate)
        report["cells"][cell] = figures
        report["rows"] += rows
    return report


def _obstacle(cell: str, exam: Exam, candidate: Candidate) -> str:
    """Return why a cell cannot be sat, or nothing."""
    if cell in ("memory", "both") and candidate.store is None:
        return "nothing is remembered yet"
    if cell in ("adapter", "both"):
        if candidate.adapter is None:
            return "no adapter is promoted"
        if not candidate.asker.has_adapters:
            return "this model cannot switch adapters"
    if cell == "open" and not any(_gold(candidate.library, item) for item in exam.items):
        return "no question names a document that was read"
    return ""


def _unknown_documents(exam: Exam, library: Library) -> list[str]:
    """Return the documents that the exam names and the home has not read, or has several of."""
    named = {item.document for item in exam.items if item.document}
    return sorted(name for name in named if library.named(name) is None)


def _sit_cell(
    exam: Exam, cell: str, candidate: Candidate
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    asker = candidate.asker.metered_by(Meter())
    started = time.perf_counter()
    graded = sit(
        exam.items,
        cell,
        asker,
        recall=lambda questions: _recall(candidate, asker, questions),
        gold=lambda item: _gold(candidate.library, item),
        adapter=candidate.adapter,
    )
    cost = {"seconds": time.perf_counter() - started, "tokens": asker.meter.tokens}
    return {**summarise(graded), **cost}, to_rows(graded)


def _recall(candidate: Candidate, asker: Asker, questions: Sequence[str]) -> list[list[Excerpt]]:
    if candidate.store is None:
        return [[] for _ in questions]
    likely = likely_by(asker, phase="exam")
    return Recaller(candidate.store, candidate.library, likely=likely).recall(questions)


def _gold(library: Library, item: Item) -> str:
    document = library.named(item.document) if item.document else None
    return document.text if document else ""
