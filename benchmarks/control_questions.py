"""What an adapter costs elsewhere: people's questions on other things, before and after.

A fixed sample of MMLU and OpenTriviaQA is sat with nothing in view, by the base and by an adapter at
full strength; the likeliest choice counts. GSM8K is left out: its answers take longer replies than are
asked for here.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from pathlib import Path

import bench_figures
from bench_figures import Scores
from results_file import Figure

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.loading_controls import NAME
from ingrained.agent.bench.sitting import sit_cell
from ingrained.agent.bench.statistics import SHARE, interval

COUNT = 120
SETS = ("mmlu_500", "trivia_300")
HUB_SETS = SETS[:1]
"""Those of them that the hub has."""
_SEED = 0

Passed = dict[str, float]
"""Item id → score."""


def samples(count: int, data: Path | None) -> dict[str, Benchmark]:
    """Return so many questions in all, shared out over the sets, always the same ones.

    Args:
        count: How many; fewer if the sets have not so many.
        data: Folder of the data sets; None for the hub.
    """
    names = SETS if data else HUB_SETS
    shares = [count // len(names) + (number < count % len(names)) for number in range(len(names))]
    return {
        name: sample(load(f"{NAME}/{name}", data), share)
        for name, share in zip(names, shares, strict=True)
        if share
    }


def sample(benchmark: Benchmark, count: int) -> Benchmark:
    """Return a benchmark of so many of its questions, drawn at random but always alike."""
    drawn = random.Random(_SEED).sample(benchmark.items, min(count, len(benchmark.items)))
    return dataclasses.replace(benchmark, items=tuple(drawn))


def sit(benchmark: Benchmark, asker: Asker, adapter: str | None = None) -> Passed:
    """Return how each question fared, with an adapter that is loaded or without one."""
    sat = sit_cell(
        benchmark, "adapter" if adapter else "base", asker, adapter=adapter,
        recall=lambda _: lambda asked: [[] for _ in asked],
    )  # fmt: skip
    return {row["id"]: float(row[benchmark.main]) for row in sat["rows"]}


def figures_of(before: Mapping[str, Passed], after: Mapping[str, Passed]) -> dict[str, Figure]:
    """Return the shares before and after and their paired difference, of all and of each set.

    Args:
        before: Set → scores of the base.
        after: The same of the adapter.
    """
    figures: dict[str, Figure] = {}
    for label, sets in {"": list(before), **{f"_{name}": [name] for name in before}}.items():
        one, other = _of(before, sets), _of(after, sets)
        figures[f"controls_before{label}"] = _share(one)
        figures[f"controls_after{label}"] = _share(other)
        change = bench_figures.difference(scores(other), scores(one))
        if change:
            figures[f"controls_after_minus_before{label}"] = change
    return figures


def scores(passed: Passed, documents: Mapping[str, str] | None = None) -> Scores:
    """Return what was sat once, each question by itself unless it is on a document."""
    return Scores(by_seed={None: passed}, documents=documents or dict.fromkeys(passed, ""))


def _of(found: Mapping[str, Passed], sets: list[str]) -> Passed:
    return {f"{name}/{id_}": score for name in sets for id_, score in found[name].items()}


def _share(passed: Passed) -> Figure:
    told = interval([list(passed.values())], [""] * len(passed), within=SHARE)
    return Figure(value=told.value, low=told.low, high=told.high, unit="share")
