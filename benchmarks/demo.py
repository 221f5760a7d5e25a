"""What `make demo` learns and costs, over several seeds: `python benchmarks/demo.py`.

Each seed studies the example corpus in a home of its own and then sits the exam, which no part of
the program has seen before. Shares of one seed carry the exam's sampling error, so the interval
given is the exam's bootstrap over all sittings; times are the median with minimum and maximum.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from results_file import Figure, write
from rich.console import Console
from rich.table import Table

from ingrained.agent.exam import interval

ROOT = Path(__file__).resolve().parent.parent
CELLS = ("base", "memory", "adapter", "both", "open")


def main() -> None:
    """Run all seeds, print the table, write `results/demo.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--keep", type=Path, help="keep the homes in this folder as home0, home1, …"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        records = [study(seed, folder) for seed in options.seeds]
    figures = {**shares(records), **costs(records)}
    show(figures)
    seeds = " ".join(map(str, options.seeds))
    write(
        "demo", figures, seeds=options.seeds, command=f"python benchmarks/demo.py --seeds {seeds}"
    )


def study(seed: int, folder: Path) -> dict[str, Any]:
    """Run the demo's study and exam in a home of its own and return its record.

    A home that has sat the exam already (`make demo`, or an earlier call with --keep) is taken as
    it is; one that was cut short goes on.
    """
    home = folder / f"home{seed}"
    run, exam = home / "runs" / "0001.json", home / "exams" / "exam.json"
    if not exam.exists():
        command = [
            sys.executable, "-m", "ingrained", "study", "examples/corpus", "--consolidate",
            "--exam", "examples/exam.jsonl", "--home", str(home), "--seed", str(seed),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)
    record: dict[str, Any] = json.loads(run.read_text(encoding="utf-8"))
    if record["settings"]["seed"]["value"] != seed:
        raise SystemExit(f"{home} was made with another seed than {seed}")
    sat = json.loads(exam.read_text(encoding="utf-8"))
    asked = hashlib.sha256((ROOT / "examples" / "exam.jsonl").read_bytes()).hexdigest()
    if sat["sha256"] != asked or (home / "runs" / "0002.json").exists():
        raise SystemExit(f"{home} has sat another exam, or was studied in more than one run")
    return {**record, "exam": sat}


def shares(records: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    """Return the share of answers contained in each cell, and abstention beside it."""
    figures = {}
    for cell in CELLS:
        rows = [row for r in records for row in r["exam"]["rows"] if row["cell"] == cell]
        answerable = [row["contained"] for row in rows if row["answers"]]
        declined = [row["abstained"] for row in rows if not row["answers"]]
        figures[cell] = _share(answerable)
        figures[f"{cell}_abstained_rightly"] = _share(declined)
    return {label: figure for label, figure in figures.items() if figure is not None}


def _share(values: Sequence[float]) -> Any:
    if not values:
        return None
    found = interval(values)
    return Figure(value=found.value, low=found.low, high=found.high, unit="share")


def costs(records: Sequence[dict[str, Any]]) -> dict[str, Figure]:
    """Return seconds and tokens, in all and by phase; the exam is a phase of its own."""
    spent = [_spent(record) for record in records]
    totals = [sum(seconds for seconds, _ in phases.values()) for phases in spent]
    figures = {"seconds_total": _median(totals, "s")}
    for phase in spent[0]:
        figures[f"seconds_{phase}"] = _median([one[phase][0] for one in spent], "s")
        figures[f"tokens_{phase}"] = _median([one[phase][1] for one in spent], "tokens")
    return figures


def _spent(record: dict[str, Any]) -> dict[str, tuple[float, float]]:
    phases = {
        name: (cost["seconds"], cost["tokens_in"] + cost["tokens_out"])
        for name, cost in record["phases"].items()
    }
    cells = record["exam"]["cells"].values()
    exam = (sum(one["seconds"] for one in cells), sum(one["tokens"] for one in cells))
    known = sum(seconds for seconds, _ in phases.values())
    return {**phases, "exam": exam, "loading": (max(0.0, record["seconds"] - known), 0)}


def _median(values: Sequence[float], unit: str) -> Figure:
    return Figure(value=statistics.median(values), low=min(values), high=max(values), unit=unit)


def show(figures: dict[str, Figure]) -> None:
    """Print the figures."""
    table = Table("figure", "value", "low", "high", "unit")
    for label, one in figures.items():
        table.add_row(label, f"{one.value:.3g}", f"{one.low:.3g}", f"{one.high:.3g}", one.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
