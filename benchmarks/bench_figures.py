"""Figures from what `ingrained bench` writes: `results.json` and `items.jsonl` of its `--out` folder."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import results_file
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.bench.cells import PLACEBO
from ingrained.agent.bench.statistics import GAP, SHARE, interval
from ingrained.agent.tasks.kinds import CLOZE

Row = Mapping[str, Any]
Study = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One finished run of `ingrained bench`."""

    results: Mapping[str, Any]
    rows: Sequence[Row]
    """One per cell, seed and item."""

    @property
    def studies(self) -> list[Study]:
        """The records of the studies, one a seed, without that of the placebo."""
        return [study for study in self.results["studies"] if study["name"] != PLACEBO]

    def score(self, row: Row) -> float | None:
        """Return the score that is read first; None if the item does not count."""
        name = self.results["main"]
        counts = name == "judged" or row["answers"]
        told = row.get(name) if counts else None
        return None if told is None else float(told)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The main score of one cell."""

    by_seed: Mapping[int | None, Mapping[str, float]]
    """Seed → item id → score; a cell that rests on no study has the one seed None."""
    documents: Mapping[str, str]
    """Item id → the document it is on, if it is on one."""


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Let a script be told where the data sets lie."""
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the data sets; without it they are fetched from the hub",
    )


def data_arguments(data: Path | str | None) -> list[str]:
    """Return the arguments that name a folder of data sets; none for the hub."""
    return ["--data", str(data)] if data else []


def bench(arguments: Sequence[str]) -> None:
    """Run `ingrained bench`; end with its exit code if it fails."""
    done = subprocess.run([sys.executable, "-m", "ingrained", "bench", *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def read_bench(folder: Path) -> Measured:
    """Return what a run wrote to its `--out` folder."""
    lines = (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()
    return Measured(
        results=json.loads((folder / "results.json").read_text(encoding="utf-8")),
        rows=[json.loads(line) for line in lines],
    )


def scores_of(measured: Measured, cell: str) -> Scores:
    """Return a cell's scores, of the items that count."""
    by_seed: dict[int | None, dict[str, float]] = {}
    documents = {}
    for row in measured.rows:
        score = measured.score(row)
        if row["cell"] == cell and score is not None:
            by_seed.setdefault(row["seed"], {})[row["id"]] = score
            documents[row["id"]] = row["document"]
    return Scores(by_seed=by_seed, documents=documents)


def cell_figures(measured: Measured) -> dict[str, Figure]:
    """Return the main score of each cell that was sat."""
    found = {cell: _from(of["main"]) for cell, of in measured.results["cells"].items()}
    return {cell: figure for cell, figure in found.items() if figure}


def pair_figures(measured: Measured) -> dict[str, Figure]:
    """Return ONE_minus_OTHER for each tested pair of cells, paired item by item."""
    found = {
        f"{test['cell']}_minus_{test['other']}": _from(test["difference"])
        for test in measured.results["tests"]
    }
    return {label: figure for label, figure in found.items() if figure}


def _from(told: Mapping[str, Any]) -> Figure | None:
    """Return an interval of the results as a figure; None if no item counted."""
    if not told["n"]:
        return None
    return Figure(value=told["value"], low=told["low"], high=told["high"], unit="share")


def difference(one: Scores, other: Scores) -> Figure | None:
    """Return the mean of one minus other over the items and seeds that both have."""
    return _paired(one, other, lambda mine, theirs: mine - theirs, within=GAP)


def ratio(over: Scores, under: Scores) -> Figure | None:
    """Return the mean of one cell over that of another; None where the other's is 0.

    The interval is that of the linearised ratio (Cochran 1977, "Sampling Techniques", chapter 6):
    around R = mean(m) / mean(o), each item counts with R + (m - R o) / mean(o), whose mean is R.
    """
    pairs = [pair for row in _pairs(over, under) for pair in row]
    below = statistics.fmean(o for _, o in pairs) if pairs else 0.0
    if not below:
        return None
    whole = statistics.fmean(m for m, _ in pairs) / below
    return _paired(over, under, lambda m, o: whole + (m - whole * o) / below)


def _paired(
    one: Scores,
    other: Scores,
    of: Callable[[float, float], float],
    *,
    within: tuple[float, float] | None = None,
) -> Figure | None:
    values = [[of(*pair) for pair in row] for row in _pairs(one, other)]
    documents = [one.documents[id_] for id_ in _common(one, other)]
    return _from(vars(interval(values, documents, within=within)))


def _pairs(one: Scores, other: Scores) -> list[list[tuple[float, float]]]:
    """Return seeds x items; a cell that was sat once stands beside every seed of the other."""
    ids = _common(one, other)
    return [[(mine[id_], theirs[id_]) for id_ in ids] for mine, theirs in _sittings(one, other)]


def _sittings(one: Scores, other: Scores) -> list[tuple[Mapping[str, float], Mapping[str, float]]]:
    first, second = one.by_seed, other.by_seed
    if list(second) == [None]:
        return [(of, second[None]) for of in first.values()]
    if list(first) == [None]:
        return [(first[None], of) for of in second.values()]
    return [(first[seed], second[seed]) for seed in first if seed in second]


def _common(one: Scores, other: Scores) -> list[str]:
    """Return the items that count in every sitting of both."""
    tables = [table for pair in _sittings(one, other) for table in pair]
    return [id_ for id_ in tables[0] if all(id_ in table for table in tables)] if tables else []


def contaminated_share(measured: Measured) -> Figure | None:
    """Return the share of the items that the untouched model answers closed-book."""
    told = measured.results["contamination"]
    if told is None:
        return None
    known = set(told["known"])
    asked = [row for row in measured.rows if row["cell"] == "base" and row["answers"]]
    values = [[float(row["id"] in known) for row in asked]]
    return _from(vars(interval(values, [row["document"] for row in asked], within=SHARE)))


def study_figures(studies: Sequence[Study]) -> dict[str, Figure]:
    """Return what the studies found and cost: the median over seeds, with minimum and maximum.

    What a cache of replies spared counts as if it had been computed.
    """
    found = [{**_yield(study), **_per_1000_words(study)} for study in studies]
    units = {label: unit for one in found for label, (_, unit) in one.items()}
    return {
        label: median([one[label][0] for one in found if label in one], unit)
        for label, unit in units.items()
    }


def _yield(study: Study) -> dict[str, tuple[float, str]]:
    """Return accepted questions for each passage, and what each took; value and unit."""
    accepted, passages = study["accepted"], study["passages"]
    gaps = study["accepted_by_kind"].get(CLOZE, 0)
    found = {
        "accepted_per_passage": (accepted / passages, "questions"),
        "accepted_gaps_per_passage": (gaps / passages, "questions"),
        "accepted_worded_per_passage": ((accepted - gaps) / passages, "questions"),
        "kept_per_passage": (study["memories"] / passages, "memories"),
    }
    return found | (
        {"tokens_per_accepted": (study["tokens"] / accepted, "tokens")} if accepted else {}
    )


def _per_1000_words(study: Study) -> dict[str, tuple[float, str]]:
    """Return seconds of all phases and of each, and tokens; value and unit.

    Loading the models is no phase, and what else the machine did meanwhile is in the seconds:
    `study_speed.py` measures speed.
    """
    each = 1000 / study["words"]
    phases = {
        f"phase_seconds_per_1000_words_{name}": (seconds_of(cost) * each, "s")
        for name, cost in study["phases"].items()
    }
    return {
        "phase_seconds_per_1000_words": (study_seconds(study) * each, "s"),
        **phases,
        "tokens_per_1000_words": (study["tokens"] * each, "tokens"),
    }


def study_seconds(study: Study) -> float:
    """Return the seconds of all phases, those of replayed replies included."""
    return sum(seconds_of(cost) for cost in study["phases"].values())


def seconds_of(cost: Mapping[str, float]) -> float:
    """Return the seconds of a phase, those of replayed replies included."""
    return cost["seconds"] + cost.get("seconds_saved", 0.0)


def median(values: Sequence[float], unit: str) -> Figure:
    """Return the median, with minimum and maximum."""
    return Figure(value=statistics.median(values), low=min(values), high=max(values), unit=unit)


def keep(
    name: str, figures: Mapping[str, Figure], measured: Measured, *, command: str, folder: Path
) -> None:
    """Write the result file of a benchmark's figures, and print where it is."""
    seeds = measured.results["seeds"]
    print(results_file.write(name, figures, seeds=seeds, command=command, folder=folder))


def show(figures: Mapping[str, Figure], title: str) -> None:
    """Print the figures."""
    table = Table("figure", "value", "low", "high", "unit", title=title)
    for label, one in figures.items():
        ends = ("" if end is None else f"{end:,.3g}" for end in (one.low, one.high))
        table.add_row(label, f"{one.value:,.3g}", *ends, one.unit)
    Console().print(table)
