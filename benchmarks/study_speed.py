"""How long it takes to study 1,000 words, beside the first version: `python benchmarks/study_speed.py`.

Both versions study the same documents with the default model on two cores, without training and
without an exam, taking turns, each time in a new home. The first version is taken out of the history
(`--first`) and run with the libraries of today. No cache of replies is used. Given are medians, with
minimum and maximum.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results_file import Figure, write
from rich.console import Console
from rich.table import Table

from ingrained.agent.reading.corpus import read_corpus

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "examples" / "corpus"
FIRST = "a27c1f69e48465ec0fc34899397247d02bcbe483"
"""The first commit with a command line and a `make demo`."""
CORES = 2
SUFFIXES = {"now": "", "first": "_first_version"}
"""Of the labels of each version's figures."""
COUNTS = ("accepted", "kept")
"""What the seconds bought: questions that were found usable, and notes that were kept."""


def main() -> None:
    """Study in turns, print the table, write `results/study_speed.json`."""
    options = _options()
    hold_to(CORES)
    documents = sorted(path for path in CORPUS.iterdir() if path.is_file())[: options.documents]
    words = count_words(documents)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sources = {"now": ROOT / "src", "first": check_out(options.first, folder / "first") / "src"}
        records: dict[str, list[dict[str, Any]]] = {version: [] for version in sources}
        for run in range(options.runs):
            for version in list(sources)[:: -1 if run % 2 else 1]:
                home = folder / f"{version}{run}"
                records[version].append(study(sources[version], documents, home, options.seed))
    figures = summed_up(records, words)
    show(figures, words)
    if options.documents is None:
        command = f"python benchmarks/study_speed.py --runs {options.runs} --seed {options.seed}"
        write("study_speed", figures, seeds=[options.seed], command=command)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="of each version")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", default=FIRST, help="the commit to compare with")
    parser.add_argument(
        "--documents", type=int, help="study only so many of the documents, and write no result"
    )
    return parser.parse_args()


def hold_to(cores: int) -> None:
    """Keep this process and those it starts on a few of the processor's cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def count_words(documents: Sequence[Path]) -> int:
    """Return how many words the text of some documents has, without their markup."""
    return sum(len(document.text.split()) for document in read_corpus(documents).documents)


def check_out(commit: str, folder: Path) -> Path:
    """Put the files of a commit into a new folder; the checkout and its history stay as they are."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def study(source: Path, documents: Sequence[Path], home: Path, seed: int) -> dict[str, Any]:
    """Let one version study some documents in a new home, and return its record."""
    home.mkdir()
    command = [
        sys.executable, "-m", "ingrained", "study", *map(str, documents),
        "--home", str(home / "agent"), "--seed", str(seed),
    ]  # fmt: skip
    environment = os.environ | {
        "PYTHONPATH": str(source),
        "INGRAINED_REPLIES": "false",
        "INGRAINED_THREADS": str(CORES),
        "OMP_NUM_THREADS": str(CORES),
    }
    # In a folder of its own: a .env of the checkout is for its user.
    subprocess.run(command, cwd=home, env=environment, check=True)
    record = json.loads((home / "agent" / "runs" / "0001.json").read_text(encoding="utf-8"))
    if any(cost.get("calls_replayed") for cost in record["phases"].values()):
        raise SystemExit("Replies were taken from a cache: this is no measure of speed.")
    return dict(record)


def summed_up(records: Mapping[str, Sequence[Mapping[str, Any]]], words: int) -> dict[str, Figure]:
    """Return the figures of both versions, per 1,000 words of the documents."""
    figures = {}
    for version, runs in records.items():
        measured = [measures(record) for record in runs]
        for label in measured[0]:
            values = [one[label] * 1000 / words for one in measured]
            kind, _, phase = label.partition(" ")
            name = "_".join(filter(None, (f"{kind}_per_1000_words", phase)))
            figures[name + SUFFIXES[version]] = _median(values, "s" if kind == "seconds" else kind)
    figures["words"] = Figure(value=words, unit="words")
    return figures


def measures(record: Mapping[str, Any]) -> dict[str, float]:
    """Return what one run took: KIND, or KIND and the phase; `loading` is what no phase counts."""
    phases = record["phases"]
    seconds = {f"seconds {name}": cost["seconds"] for name, cost in phases.items()}
    tokens = {
        f"tokens {name}": cost["tokens_in"] + cost["tokens_out"] for name, cost in phases.items()
    }
    loading = max(0.0, record["seconds"] - sum(seconds.values()))
    return {
        "seconds": record["seconds"],
        "tokens": sum(tokens.values()),
        **{kind: record[kind] for kind in COUNTS},
        **seconds,
        "seconds loading": loading,
        **tokens,
    }


def _median(values: Sequence[float], unit: str) -> Figure:
    return Figure(value=statistics.median(values), low=min(values), high=max(values), unit=unit)


def show(figures: Mapping[str, Figure], words: int) -> None:
    """Print both versions side by side."""
    table = Table("per 1,000 words", "now", "first version", title=f"{words:,} words")
    ours = SUFFIXES["first"]
    names = dict.fromkeys(name.removesuffix(ours) for name in figures if name != "words")
    for name in names:
        table.add_row(
            name.replace("_per_1000_words", ""), _cell(figures, name), _cell(figures, name + ours)
        )
    Console().print(table)


def _cell(figures: Mapping[str, Figure], name: str) -> str:
    one = figures.get(name)
    return f"{one.value:,.1f} ({one.low:,.1f} to {one.high:,.1f})" if one else ""


if __name__ == "__main__":
    main()
