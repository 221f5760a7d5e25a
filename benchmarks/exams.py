"""How well the questions of known data sets are answered, in every cell of `ingrained bench`.

    python benchmarks/exams.py squad20|tofu10|fictionalqa|locomo1 --data FOLDER

`squad20` is the first 20 passages of SQuAD with all their questions, beside a placebo; `tofu10` the
first 10 authors of TOFU; `fictionalqa` all there is of it; `locomo1` the first conversation of LoCoMo.
FOLDER holds a folder for each, in the form that `ingrained bench NAME --data FOLDER` reads (docs/bench.md);
without `--data` they are fetched from the hub, which has no LoCoMo.

Shares have the cluster bootstrap's 95 % interval over documents and seeds. What the studies cost is
the median over seeds with minimum and maximum, and counts replies from the cache as if they had been
computed. `accepted_right_share` is there once a reader has judged accepted questions (`reading.py`).
With other mechanisms than the default ones the result goes to the work folder.
The same command goes on where it was cut short.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bench_figures
import reading
import results_file
from bench_figures import Measured
from results_file import Figure
from rich.console import Console

CELLS = "base,open,full,rag,memory"


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What is studied and asked."""

    source: str
    """Name that `ingrained bench` knows it by."""
    documents: int | None = None
    """How many of its documents; None for all."""
    placebo: bool = False


EXAMS: Mapping[str, Exam] = {
    "squad20": Exam(source="squad", documents=20, placebo=True),
    "tofu10": Exam(source="tofu", documents=10),
    "fictionalqa": Exam(source="fictionalqa"),
    "locomo1": Exam(source="locomo/1"),
}


def main() -> None:
    """Run one exam, print its figures, write `results/NAME.json`."""
    options = _options()
    work = options.work or Path(".ingrained-bench") / options.name
    bench_figures.bench([*arguments(options), "--work", str(work)])
    measured = bench_figures.read_bench(work)
    figures = {
        **figures_of(measured),
        **reading.read_figures(
            options.read / f"{options.name}.csv",
            [work / study["home"] for study in measured.studies],
        ),
    }
    bench_figures.show(figures, options.name)
    for cell in measured.results["skipped"]:
        Console().print(f"{cell['cell']}: not sat, {cell['reason']}.", markup=False)
    usual = not (options.with_ or options.without)
    bench_figures.keep(
        options.name, figures, measured, command=command(options),
        folder=options.folder if usual else work,
    )  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=EXAMS)
    bench_figures.add_data_option(parser)
    parser.add_argument("--seeds", type=int, default=3, help="studies")
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--with", dest="with_", action="append", default=[], metavar="MECHANISM")
    parser.add_argument("--without", action="append", default=[], metavar="MECHANISM")
    parser.add_argument("--work", type=Path, help="for parts; default .ingrained-bench/NAME")
    parser.add_argument("--read", type=Path, default=reading.FOLDER, help="of what was judged")
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser.parse_args()


def arguments(options: argparse.Namespace) -> list[str]:
    """Return the arguments of `ingrained bench`, without the work folder."""
    exam = EXAMS[options.name]
    return [
        exam.source,
        *bench_figures.data_arguments(options.data),
        *(["--documents", str(exam.documents)] if exam.documents else []),
        *(["--placebo"] if exam.placebo else []),
        *["--seeds", str(options.seeds), "--cells", options.cells],
        *mechanisms(options),
    ]


def mechanisms(options: argparse.Namespace) -> list[str]:
    """Return the arguments that switch mechanisms on and off."""
    more = [word for name in options.with_ for word in ("--with", name)]
    return more + [word for name in options.without for word in ("--without", name)]


def command(options: argparse.Namespace) -> str:
    """Return what to type to measure it again."""
    cells = [] if options.cells == CELLS else ["--cells", options.cells]
    words = [
        *["python", "benchmarks/exams.py", options.name],
        *bench_figures.data_arguments(options.data and "FOLDER"),
        *["--seeds", str(options.seeds)],
        *cells,
        *mechanisms(options),
    ]
    return " ".join(words)


def figures_of(measured: Measured) -> dict[str, Figure]:
    """Return all figures of one run."""
    results = measured.results
    found = {
        "memory_over_open": bench_figures.ratio(
            *(bench_figures.scores_of(measured, cell) for cell in ("memory", "open"))
        ),
        "contaminated": bench_figures.contaminated_share(measured),
    }
    return {
        **bench_figures.cell_figures(measured),
        **bench_figures.pair_figures(measured),
        **{label: figure for label, figure in found.items() if figure},
        **sitting_figures(measured),
        **bench_figures.study_figures(measured.studies),
        **audit_figures(measured),
        "documents": Figure(value=results["documents"], unit="documents"),
        "questions": Figure(value=results["items"], unit="questions"),
    }


def sitting_figures(measured: Measured) -> dict[str, Figure]:
    """Return, by cell, tokens for each question, and how often an excerpt was of the right document."""
    figures = {}
    for cell, of in measured.results["cells"].items():
        figures[f"tokens_per_question_{cell}"] = Figure(
            value=of["tokens_per_question"], unit="tokens"
        )
        if (hit := of["hit"])["n"]:
            figures[f"hit_{cell}"] = Figure(
                value=hit["value"], low=hit["low"], high=hit["high"], unit="share"
            )
    return figures


def audit_figures(measured: Measured) -> dict[str, Figure]:
    """Return how many closed-book prompts were audited, and how many held text of a document."""
    audit = measured.results["audit"]
    audited = audit["exam_prompts"] + audit["study_prompts"]
    return {
        "leaks": Figure(value=audit["leaks"], unit="prompts"),
        "prompts_audited": Figure(value=audited, unit="prompts"),
    }


if __name__ == "__main__":
    main()
