"""The memory at 100,000 memories, and what it withstands: `python benchmarks/memory.py`.

Parts, all in one run: speed and size from 1,000 memories on beside a bare Chroma collection
(memory_growth.py), forgetting over seven days of a clock that is set (memory_fading.py), purging and
looking for what was purged (memory_deletion.py), processes killed in the middle of changes
(memory_crash.py), and whether contradictions are told from mere likeness (superseding.py).

Texts are made up (made_memories.py). Embedding 100,000 of them takes minutes to an hour once; the
vectors are kept in the cache, and so is the part of them that an interrupted run has made.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import results_file
from memory_crash import crash_figures
from memory_deletion import deletion_figures
from memory_fading import fading_figures, write_curves
from memory_growth import SEED, growth_figures, material
from results_file import Figure
from rich.console import Console
from rich.table import Table
from superseding import PAIRS, read_pairs, superseding_figures

from ingrained.agent.asking import Asker
from ingrained.agent.models.factory import load_chat_model
from ingrained.agent.relating import QuizJudge
from ingrained.agent.reranking import open_reranker
from ingrained.graphs.session import open_embedder
from ingrained.settings import Settings

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 300
RERANKER = "smollm2-135m"
RERANKED = 5
"""Questions that the reranker is timed with; it is much slower than the rest."""

Figures = dict[str, Figure]
Part = Callable[[argparse.Namespace, Path], Figures]


def main() -> None:
    """Measure all parts, print the table, write `results/memory.json` and the drawing."""
    options = _options()
    figures: Figures = {}
    for name in options.parts:
        with tempfile.TemporaryDirectory() as scratch:
            found = PARTS[name](options, Path(scratch))
        show(name, found)
        figures |= found
    if tuple(options.parts) != tuple(PARTS):
        return
    write_curves(options.folder / "forgetting.svg")
    command = f"python benchmarks/memory.py --reranker {options.reranker}"
    print(
        results_file.write("memory", figures, seeds=[SEED], command=command, folder=options.folder)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=list(PARTS),
        help="only these, and write nothing",
    )  # fmt: skip
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="ascending thousands")
    parser.add_argument(
        "--reranker", default=Settings().reranker or RERANKER, help="a name or folder of weights"
    )
    parser.add_argument("--purges", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser.parse_args()


def growth(options: argparse.Namespace, scratch: Path) -> Figures:
    """Speed and size beside bare Chroma."""
    settings = Settings()
    told = material(
        options.sizes, QUESTIONS, open_embedder(settings), settings.cache / "benchmarks"
    )
    reranker = open_reranker(settings.model_copy(update={"reranker": options.reranker}))
    figures: Figures = {}
    for size, found in growth_figures(
        scratch, told, options.sizes, reranker=reranker, reranked=RERANKED
    ):
        show(size, found)
        figures |= found
    return figures


def fading(_options: argparse.Namespace, scratch: Path) -> Figures:
    """Survival for one start and for seven."""
    return fading_figures(scratch)


def deletion(options: argparse.Namespace, scratch: Path) -> Figures:
    """Purges, and the search for what was purged."""
    return deletion_figures(scratch, count=2 * options.purges, purges=options.purges)


def crash(options: argparse.Namespace, scratch: Path) -> Figures:
    """Kills during 200 random operations each."""
    return crash_figures(scratch, rounds=options.kills, operations=200)


def superseding(_options: argparse.Namespace, scratch: Path) -> Figures:
    """Contradictions told from likeness, by the judge of the program."""
    settings = Settings()
    judge = QuizJudge(Asker(load_chat_model(settings.model, settings)))
    return superseding_figures(scratch, read_pairs(PAIRS), judge, open_embedder(settings))


PARTS: Mapping[str, Part] = {
    "growth": growth,
    "fading": fading,
    "deletion": deletion,
    "crash": crash,
    "superseding": superseding,
}


def show(name: str, figures: Figures) -> None:
    """Print the figures of one part."""
    table = Table(name, "value", "low", "high", "unit")
    for label, one in figures.items():
        ends = ("" if end is None else f"{end:,.3g}" for end in (one.low, one.high))
        table.add_row(label, f"{one.value:,.3g}", *ends, one.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
