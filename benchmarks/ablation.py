"""What each mechanism of a study does to what is learnt, and what it costs.

    python benchmarks/ablation.py --data FOLDER --work FOLDER

The same documents (the first 20 passages of SQuAD) are studied as by default, and once more for each
mechanism: without it if it is on by default, with it if it is not. All studies share one work folder,
so that what the model has said before is not computed again; tokens and seconds count as if it had been.
`gain_of_NAME` is the memory cell with the mechanism minus the memory cell without it, paired item by
item and seed by seed, with the cluster bootstrap's 95 % interval; costs are medians over seeds with
minimum and maximum. With one round, what only steers later rounds can show no gain.
The same command goes on where it was cut short.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import bench_figures
import results_file
from bench_figures import Measured, Study, keep, median
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.mechanisms import DEFAULT_MECHANISMS, MECHANISMS, check_mechanisms

SOURCE = "squad"
CELLS = "base,open,rag,memory"
COSTS = {"tokens": "tokens", "accepted": "questions", "kept": "memories", "seconds": "s"}
"""What is told of each study → its unit."""


def main() -> None:
    """Run all variants, print the table, write `results/ablation.json`."""
    options = _options()
    if options.mechanisms is None:
        options.mechanisms = list(MECHANISMS)
    check_mechanisms(options.mechanisms)
    default = run(options, "default")
    variants = {name: run(options, name) for name in options.mechanisms}
    figures = figures_of(default, variants)
    show(figures, options.mechanisms)
    keep("ablation", figures, default, command=command(options), folder=options.folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    bench_figures.add_data_option(parser)
    parser.add_argument("--work", type=Path, required=True, help="for parts and replies")
    parser.add_argument("--source", default=SOURCE, help="the data set")
    parser.add_argument("--documents", type=int, default=20, help="how many of its documents")
    parser.add_argument("--seeds", type=int, default=1, help="studies of each variant")
    parser.add_argument("--cells", default=CELLS, help="of the default study; memory is needed")
    parser.add_argument("--rounds", type=int, default=1, help="of each study")
    parser.add_argument(
        "--mechanisms", nargs="+", metavar="NAME", help="only these; default all there are"
    )
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser.parse_args()


def command(options: argparse.Namespace) -> str:
    """Return what to type to measure it again."""
    chosen = [] if options.mechanisms == list(MECHANISMS) else options.mechanisms
    words = [
        *[
            "python",
            "benchmarks/ablation.py",
            *bench_figures.data_arguments(options.data and "FOLDER"),
        ],
        *["--work", "FOLDER"],
        *([] if options.source == SOURCE else ["--source", options.source]),
        *["--documents", str(options.documents), "--seeds", str(options.seeds)],
        *(["--rounds", str(options.rounds)] if options.rounds > 1 else []),
        *([] if options.cells == CELLS else ["--cells", options.cells]),
        *(["--mechanisms", *chosen] if chosen else []),
    ]
    return " ".join(words)


def run(options: argparse.Namespace, name: str) -> Measured:
    """Run one variant, as far as it is not done; the default one has the other cells beside it."""
    out = options.work / "variants" / name
    switched = [f"--{switch(name)}", name] if name in MECHANISMS else []
    bench_figures.bench([
        *[options.source, *bench_figures.data_arguments(options.data)],
        *["--documents", str(options.documents)],
        *["--work", str(options.work), "--out", str(out)],
        *["--seeds", str(options.seeds), "--rounds", str(options.rounds)],
        *["--cells", "memory" if switched else options.cells, *switched],
    ])  # fmt: skip
    return bench_figures.read_bench(out)


def switch(name: str) -> str:
    """Return how the variant of a mechanism differs from the default: `with` or `without` it."""
    return "without" if name in DEFAULT_MECHANISMS else "with"


def figures_of(default: Measured, variants: Mapping[str, Measured]) -> dict[str, Figure]:
    """Return the figures of the default study and of the variant of each mechanism."""
    figures = {**bench_figures.cell_figures(default), **cost_figures(default.studies, "")}
    for name, variant in variants.items():
        label = f"_{switch(name)}_{name}"
        figures[f"memory{label}"] = bench_figures.cell_figures(variant)["memory"]
        if switch(name) == "with":
            figures[f"memory_without_{name}"] = figures["memory"]
        if gained := gain(name, default, variant):
            figures[f"gain_of_{name}"] = gained
        figures |= cost_figures(variant.studies, label)
    return figures


def gain(name: str, default: Measured, variant: Measured) -> Figure | None:
    """Return what memory has with a mechanism more than without it."""
    usual, changed = (bench_figures.scores_of(one, "memory") for one in (default, variant))
    if switch(name) == "with":
        return bench_figures.difference(changed, usual)
    return bench_figures.difference(usual, changed)


def cost_figures(studies: Sequence[Study], label: str) -> dict[str, Figure]:
    """Return what the studies of one variant took and found; the label is put behind each name."""
    told = [
        {
            "tokens": study["tokens"],
            "accepted": study["accepted"],
            "kept": study["memories"],
            "seconds": bench_figures.study_seconds(study),
        }
        for study in studies
    ]
    return {f"{name}{label}": median([one[name] for one in told], COSTS[name]) for name in COSTS}


def show(figures: Mapping[str, Figure], mechanisms: Sequence[str]) -> None:
    """Print a line for each variant, and the cells beside it."""
    table = Table("study", "memory", "gain of the mechanism", *COSTS)
    table.add_row("default", _share(figures.get("memory")), "", *_costs(figures, ""))
    for name in mechanisms:
        label = f"_{switch(name)}_{name}"
        table.add_row(
            f"{switch(name)} {name}",
            _share(figures.get(f"memory{label}")),
            _share(figures.get(f"gain_of_{name}"), sign="+"),
            *_costs(figures, label),
        )
    console = Console()
    console.print(table)
    for cell in ("base", "open", "rag"):
        if cell in figures:
            console.print(f"{cell}: {_share(figures[cell])}", markup=False)


def _share(one: Figure | None, sign: str = "") -> str:
    if one is None:
        return ""
    form = f"{sign}.3f"
    return f"{one.value:{form}} ({one.low:{form}} to {one.high:{form}})"


def _costs(figures: Mapping[str, Figure], label: str) -> list[str]:
    return [f"{figures[name + label].value:,.0f}" for name in COSTS]


if __name__ == "__main__":
    main()
