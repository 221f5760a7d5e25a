"""From sittings and studies to the results of a benchmark, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .benchmark import Benchmark
from .cells import COMPARISONS, PLACEBO, counts_in
from .judging import NO_REFERENCE
from .placebo import against_base, contaminated
from .sitting import Sitting
from .statistics import ALIKE, GAP, SHARE, holm, interval, kappa, mcnemar, sign_flip

SCORES = ("contained", "exact", "f1", "choice", "abstained")
BASE = "base"

Row = Mapping[str, Any]
Score = Callable[[Row], float | None]
"""A row → its score; None if it does not count."""


def results(
    benchmark: Benchmark, sittings: Sequence[Sitting], studies: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return scores, tests, contamination, placebo, leak audit and costs.

    Args:
        benchmark: What was sat.
        sittings: Of all cells and seeds, the placebo's under the cell `placebo`.
        studies: The records of the studies, the placebo's marked as such.
    """
    sat = [one for one in sittings if "rows" in one]
    cells = {cell: [one for one in sat if one["cell"] == cell] for cell in _names(sat)}
    known = _known(benchmark, cells.get(BASE, []))
    tests = compare(benchmark, cells)
    return {
        "cells": {cell: _cell(benchmark, of, known) for cell, of in cells.items()},
        "skipped": [
            {"cell": one["cell"], "seed": one["seed"], "reason": one["skipped"]}
            for one in sittings if "skipped" in one
        ],
        "tests": tests,
        "placebo": _placebo(tests),
        "contamination": _contamination(benchmark, cells.get(BASE, []), known),
        "not_judged": _not_judged(sat),
        "studies": [dict(study) for study in studies],
        "audit": _audit(sat, studies),
    }  # fmt: skip


def rows_of(sittings: Sequence[Sitting]) -> list[dict[str, Any]]:
    """Return the rows of the per-question file."""
    return [{**row, "cell": one["cell"]} for one in sittings for row in _counting(one)]


def _counting(sitting: Sitting) -> list[Row]:
    """Return the rows that count; a sitting of an earlier version may have more."""
    rows = sitting.get("rows", ())
    return [row for row in rows if counts_in(sitting["cell"], row["document"])]


def _names(sittings: Sequence[Sitting]) -> list[str]:
    return list(dict.fromkeys(one["cell"] for one in sittings))


def main_score(benchmark: Benchmark) -> Score:
    """Return the score to read first; without accepted answers it is the judge's."""
    return _answerable(benchmark.main) if benchmark.gold else _judged


def _answerable(name: str) -> Score:
    return lambda row: row[name] if row["answers"] else None


def _judged(row: Row) -> float | None:
    told = row.get("judged")
    return None if told is None else float(told)


def _unanswerable(row: Row) -> float | None:
    return None if row["answers"] else row["abstained"]


def _hit(row: Row) -> float | None:
    return None if row["hit"] is None else float(row["hit"])


def values_of(sittings: Sequence[Sitting], score: Score) -> tuple[list[list[float]], list[Row]]:
    """Return seeds x items of a score, and the items' rows, where every seed has it."""
    tables = [{row["id"]: row for row in _counting(one)} for one in sittings]
    first = list(tables[0].values()) if tables else []
    kept = [row for row in first if all(score(table[row["id"]]) is not None for table in tables)]
    values = [[float(score(table[row["id"]]) or 0.0) for row in kept] for table in tables]
    return values, kept


def _figure(sittings: Sequence[Sitting], score: Score) -> dict[str, Any]:
    values, rows = values_of(sittings, score)
    return vars(interval(values, [row["document"] for row in rows], within=SHARE))


def _cell(
    benchmark: Benchmark, sittings: Sequence[Sitting], known: set[str] | None
) -> dict[str, Any]:
    main = main_score(benchmark)
    rows = _counting(sittings[0])
    topics = sorted({row["topic"] for row in rows if row["topic"]})

    def unknown(row: Row) -> float | None:
        return None if known is None or row["id"] in known else main(row)

    def of_topic(topic: str) -> Score:
        return lambda row: main(row) if row["topic"] == topic else None

    named = {name: _figure(sittings, _answerable(name)) for name in SCORES[:-1]}
    return {
        "seeds": [one["seed"] for one in sittings],
        "left_out": len(benchmark.items) - len(rows),
        "main": _figure(sittings, main),
        **named,
        "abstained_wrongly": _figure(sittings, _answerable("abstained")),
        "abstained_rightly": _figure(sittings, _unanswerable if benchmark.gold else _nothing),
        "unknown": _figure(sittings, unknown),
        "hit": _figure(sittings, _hit),
        "judged": _figure(sittings, _judged),
        "kappa": _agreement(sittings, main) if benchmark.gold else None,
        "by_seed": [_figure([one], main)["value"] for one in sittings],
        "topics": {topic: _figure(sittings, of_topic(topic)) for topic in topics},
        **_cost(sittings),
    }


def _nothing(_row: Row) -> None:
    return None


def _cost(sittings: Sequence[Sitting]) -> dict[str, Any]:
    """Return the mean cost of one sitting."""
    size = len(sittings)
    tokens = sum(one["tokens_in"] + one["tokens_out"] for one in sittings) / size
    questions = len(sittings[0]["rows"])
    return {
        "seconds": sum(one["seconds"] for one in sittings) / size,
        "tokens": tokens,
        "tokens_per_question": tokens / questions if questions else 0.0,
    }


def _agreement(sittings: Sequence[Sitting], main: Score) -> float | None:
    """Return Cohen's kappa of the string score and the judge."""
    pairs = [
        ((main(row) or 0.0) >= ALIKE if row["answers"] else bool(row["abstained"]), row["judged"])
        for one in sittings for row in _counting(one) if row.get("judged") is not None
    ]  # fmt: skip
    return kappa([one for one, _ in pairs], [two for _, two in pairs])


def _known(benchmark: Benchmark, base: Sequence[Sitting]) -> set[str] | None:
    """Return the ids of the items that the untouched model has right closed-book.

    None if it was not asked. Without accepted answers they are those that the judge calls right.
    """
    if not base:
        return None
    if not benchmark.gold:
        return {row["id"] for row in rows_of(base) if row.get("judged")}
    return set(contaminated(rows_of(base)).ids)


def _contamination(
    benchmark: Benchmark, base: Sequence[Sitting], known: set[str] | None
) -> dict[str, Any] | None:
    """Return what the untouched model knew; None if that was not asked."""
    if known is None:
        return None
    return {"closed_book": _figure(base, main_score(benchmark)), "known": sorted(known)}


def _placebo(tests: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return how the placebo stands to the untouched model; None if one of them was not sat."""
    gaps = [
        test["difference"] for test in tests if (test["cell"], test["other"]) == (PLACEBO, BASE)
    ]
    return against_base(gaps[0]) if gaps else None


def _not_judged(sittings: Sequence[Sitting]) -> dict[str, Any] | None:
    """Return which questions the judge had nothing to judge by, and why; None if there are none."""
    rows = [row for one in sittings for row in _counting(one)]
    ids = dict.fromkeys(row["id"] for row in rows if "judged" in row and row["judged"] is None)
    return {"ids": list(ids), "reason": NO_REFERENCE} if ids else None


def compare(benchmark: Benchmark, cells: Mapping[str, Sequence[Sitting]]) -> list[dict[str, Any]]:
    """Test the planned pairs on the same items; the p-values of each test are corrected by Holm's."""
    main = main_score(benchmark)
    pairs = [pair for pair in COMPARISONS if all(cells.get(name) for name in pair)]
    tests = [
        {"cell": one, "other": two, **_paired(cells[one], cells[two], main)}
        for one, two in pairs
    ]  # fmt: skip
    tests = [test for test in tests if test["difference"]["n"]]
    for name in ("mcnemar", "permutation"):
        for test, value in zip(tests, holm([test[name] for test in tests]), strict=True):
            test[f"{name}_holm"] = value
    return tests


def _paired(one: Sequence[Sitting], two: Sequence[Sitting], main: Score) -> dict[str, Any]:
    """Test two cells; an item is right in a cell if it is in more than half of its sittings."""
    one, two = _same_seeds(one, two)
    first, second = (_by_item(of, main) for of in (one, two))
    ids = [id_ for id_ in first if id_ in second]
    shared = set(ids)
    clusters = [row["document"] for row in _counting(one[0]) if row["id"] in shared]
    gaps = [
        [a - b for a, b in zip(x, y, strict=True)]
        for x, y in _broadcast(_matrix(first, ids), _matrix(second, ids))
    ]
    mine, theirs = ([sum(of[id_]) / len(of[id_]) for id_ in ids] for of in (first, second))
    right = [[sum(v >= ALIKE for v in of[id_]) * 2 > len(of[id_]) for id_ in ids]
             for of in (first, second)]  # fmt: skip
    return {
        "difference": vars(interval(gaps, clusters, within=GAP)),
        "mcnemar": mcnemar(*right),
        "permutation": sign_flip(mine, theirs, clusters) if ids else 1.0,
    }


def _same_seeds(
    one: Sequence[Sitting], two: Sequence[Sitting]
) -> tuple[Sequence[Sitting], Sequence[Sitting]]:
    """Keep the seeds that both cells have; a cell that has one sitting stands for any seed."""
    common = {of["seed"] for of in one} & {of["seed"] for of in two}
    if len(one) == 1 or len(two) == 1 or not common:
        return one, two
    return (
        [of for of in one if of["seed"] in common],
        [of for of in two if of["seed"] in common],
    )


def _by_item(sittings: Sequence[Sitting], score: Score) -> dict[str, list[float]]:
    """Return item id → its score in each sitting."""
    values, rows = values_of(sittings, score)
    return {row["id"]: [of[number] for of in values] for number, row in enumerate(rows)}


def _matrix(of: Mapping[str, Sequence[float]], ids: Sequence[str]) -> list[list[float]]:
    """Return seeds x items."""
    return [list(row) for row in zip(*(of[id_] for id_ in ids), strict=True)]


def _broadcast(
    one: list[list[float]], two: list[list[float]]
) -> list[tuple[list[float], list[float]]]:
    size = max(len(one), len(two))
    return [(one[n % len(one)], two[n % len(two)]) for n in range(size)] if one and two else []


def _audit(sittings: Sequence[Sitting], studies: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    exams = [one["audit"] for one in sittings]
    heard = [study["audit"] for study in studies]
    return {
        "exam_prompts": sum(one["prompts"] for one in exams),
        "study_prompts": sum(one["prompts"] for one in heard),
        "leaks": sum(len(one["leaks"]) for one in [*exams, *heard]),
        "leaking": [leak for one in [*exams, *heard] for leak in one["leaks"]],
        "quoting": sorted({id_ for one in exams for id_ in one["quoting"]}),
        "cloze_prompts": sum(one["cloze"]["prompts"] for one in heard),
        "cloze_longest_run": max((one["cloze"]["longest_run"] for one in heard), default=0),
    }
