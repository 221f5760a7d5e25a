"""The figures of consolidation.py, and their table."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bench_figures
from control_questions import scores
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.statistics import SHARE, interval

_PREFIXES = {"ours": "", "seal_equal_tokens": "seal_recipe_"}
"""Of what a variant scored, where it is not the variant's own name."""
CELLS = ("base", "open", "memory", "both")
_COSTS = ("rows", "tokens", "tokens_generated", "seconds", "training_seconds")
_CONTROLS = ("controls_before", "controls_after", "controls_after_minus_before")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One adapter, and how it did."""

    version: str
    """By which the model knows it."""
    rows: int
    tokens: int
    """Trained on."""
    tokens_generated: int
    """Said by the model to make the rows and the adapter."""
    seconds: float
    """To make the rows and the adapter."""
    training_seconds: float
    """Of these, in the training loops."""
    drift: float
    strength: float
    scores: Mapping[str, Mapping[str, float]]
    """Cell → item id → contained."""


def label(name: str, what: str) -> str:
    """Return what a score of a variant is called: `adapter`, `placebo_adapter`, `kl_to_base`."""
    return _PREFIXES.get(name, f"{name}_") + what


def figures_of(found: Mapping[str, Trained], benchmark: Benchmark) -> dict[str, Figure]:
    """Return what each adapter answers, how far it drifts and what it cost."""
    documents = {item.id: item.document for item in benchmark.items}
    figures = {}
    for name, one in found.items():
        for cell, passed in one.scores.items():
            told = interval(
                [list(passed.values())], [documents[id_] for id_ in passed], within=SHARE
            )
            figures[label(name, cell)] = Figure(
                value=told.value, low=told.low, high=told.high, unit="share"
            )
        figures[label(name, "kl_to_base")] = Figure(value=one.drift, unit="nats/token")
        figures[f"{name}_strength"] = Figure(value=one.strength, unit="share")
        figures[f"{name}_rows"] = Figure(value=one.rows, unit="rows")
        figures[f"{name}_tokens"] = Figure(value=one.tokens, unit="tokens")
        figures[f"{name}_tokens_generated"] = Figure(value=one.tokens_generated, unit="tokens")
        figures[f"{name}_seconds"] = Figure(value=one.seconds, unit="s")
        figures[f"{name}_training_seconds"] = Figure(value=one.training_seconds, unit="s")
    return figures


def gain_figures(
    found: Mapping[str, Trained], base: Mapping[str, float], benchmark: Benchmark
) -> dict[str, Figure]:
    """Return how many times SEAL's gain over the base ours is, at equal trained tokens.

    (adapter - base) / (seal_recipe_adapter - base), with the interval of `bench_figures.ratio`;
    nothing where one of the two was not trained, or SEAL's recipe gains nothing.

    Args:
        found: Variant → its adapter.
        base: Item id → contained, of the base with nothing in view.
        benchmark: What they sat.
    """
    if not {"ours", "seal_equal_tokens"} <= found.keys():
        return {}
    documents = {item.id: item.document for item in benchmark.items}
    mine, theirs = (
        {id_: score - base[id_] for id_, score in found[name].scores["adapter"].items()}
        for name in ("ours", "seal_equal_tokens")
    )
    if statistics.fmean(theirs.values()) <= 0:
        return {}
    times = bench_figures.ratio(scores(mine, documents), scores(theirs, documents))
    return {"gain_over_seal_recipe": dataclasses.replace(times, unit="times")} if times else {}


def show(figures: Mapping[str, Figure], variants: Sequence[str]) -> None:
    """Print a row for each adapter, between those of the cells without one and of the controls."""
    table = Table("trained", "contained", "drift", *(cost.replace("_", " ") for cost in _COSTS))
    rest = [""] * (1 + len(_COSTS))
    for cell in CELLS:
        if cell in figures:
            table.add_row(cell, _told(figures[cell]), *rest)
    for name in variants:
        costs = (figures[f"{name}_{what}"].value for what in _COSTS)
        table.add_row(
            name,
            _told(figures[label(name, "adapter")]),
            f"{figures[label(name, 'kl_to_base')].value:.2f}",
            *(f"{cost:,.0f}" for cost in costs),
        )
    for name in ("gain_over_seal_recipe", *_CONTROLS):
        if name in figures:
            table.add_row(name, _told(figures[name]), *rest)
    Console().print(table)


def _told(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
