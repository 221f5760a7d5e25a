"""How many tokens a second are trained, beside TRL's SFTTrainer and beside the machine's own limit.

    python benchmarks/training_speed.py

All train the same rows (closed-book questions as a study makes them), eight a step, on the same base in
the same precision, with rank 32 on all linear layers: of all decoder layers in TRL and in ours, and of the
upper half in our default recipe. They take turns, so that what else the machine does hits all alike; the
first step of each turn is not counted. A token is one of a row, never one of padding; that ours
computes the system prompt which rows share once is part of what is measured. `--clock cpu --threads 1`
counts processor time, the measure to take on a machine that is busy with other things.

SFTTrainer is given what suits it here: tokens and labels ready made, a loss on the answers only (its
head is then computed for these only), no gradient checkpointing, no mixed precision, torch's fused
AdamW, rows sorted by their length, so that next to nothing is padded (its `group_by_length`), no worker
processes, no logging, no saving. Its padding-free batches were tried, one step each: 11 % slower, with
sdpa attention 5 %. It runs in an environment of its own (`make peers`); without that it is left out.

The limit is how fast this machine does the products of the step with nothing between them, the best of several times
(training_flops.py says which and how they are counted). A fact's seconds are reckoned, not measured: the
demo's rows for each of its memories (README.md, its transcript), as long as the rows here, with the
replay and the epochs of the default recipe. What is not a step is not in it: loading, validation, drift.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import results_file
import torch
from results_file import Figure
from rich.console import Console
from rich.table import Table
from training_flops import Shapes, flops, matmul_speed, passes

from ingrained.agent.answering import closed_book
from ingrained.agent.weights.resolve import resolve_local
from ingrained.settings import DEFAULT_MODEL, Settings
from ingrained.trainer.encode import EncodedRow, encode, load_tokenizer, shuffled_steps
from ingrained.trainer.lora import train
from ingrained.trainer.network import Network, load_base
from ingrained.trainer.recipe import LoraRecipe, default_recipe
from ingrained.trainer.reports import StepReport
from ingrained.trainer.rows import StudyRow

ROOT = Path(__file__).resolve().parent.parent
WORKER = Path(__file__).parent / "peers" / "trl_worker.py"
SEED = 0
BATCH = 8
PATIENCE = 60.0
"""Seconds that TRL's process has to end when nothing is left to do."""
DEMO_ROWS, DEMO_MEMORIES = 318, 91
"""What the demo's consolidation trained, replay aside."""
TOWNS = ("Orvel", "Tamsin", "Kirrow", "Dastan", "Miravel", "Quenby", "Fosgate", "Wyndle")

Turn = dict[str, float]
"""What one turn measured, by label."""
Peer = Callable[[dict[str, Any]], dict[str, Any]]
"""Trains by a `task`; returns the `seconds` of all steps but the first, and the mean `loss`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bench:
    """What all ways have in common."""

    base: Path
    rows: list[StudyRow]
    encoded: list[EncodedRow]
    shapes: Shapes
    clock: str

    @property
    def now(self) -> Callable[[], float]:
        """The clock: of the wall, or of this process's work."""
        return time.process_time if self.clock == "cpu" else time.perf_counter


def main() -> None:
    """Measure, print and write."""
    options = _options()
    base = resolve_local(options.model, Settings())
    if base is None:
        raise SystemExit(f"{options.model} stands for no local weights")
    bench = prepare(base, options.steps, options.clock)
    with ExitStack() as stack:
        peer = None
        if options.peer_python.is_file():
            peer = stack.enter_context(trl(options.peer_python))
        turns = []
        for number in range(options.turns):
            turns.append(measure(bench, peer))
            Console(stderr=True).print(f"turn {number + 1}: {turns[-1]}")
    figures = summed_up(turns, "tokens/CPU-s" if options.clock == "cpu" else "tokens/s")
    _show(figures)
    command = (
        f"python benchmarks/training_speed.py --model {options.model} --turns {options.turns} "
        f"--steps {options.steps} --threads {torch.get_num_threads()} --clock {options.clock}"
    )
    path = results_file.write(
        "training_speed", figures, seeds=[SEED], command=command, folder=options.folder,
        versions={"trl": peer.version} if peer else {},
    )  # fmt: skip
    print(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--turns", type=int, default=5, help="of each way")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--peer-python", type=Path, default=ROOT / ".venv-peers/bin/python")
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def prepare(base: Path, steps: int, clock: str) -> Bench:
    """Make the rows of a first and `steps` timed steps, and look at the base."""
    rows = make_rows(BATCH * (steps + 1))
    encoded = encode(rows, load_tokenizer(base), max_length=512)
    return Bench(
        base=base, rows=rows, encoded=encoded, shapes=Shapes.of(load_base(base)), clock=clock
    )


def make_rows(count: int) -> list[StudyRow]:
    """Return made-up facts, about as long as a study's."""
    draw = random.Random(SEED)
    return [
        StudyRow(
            messages=closed_book(
                f"In which town was the {draw.choice(('old', 'stone', 'small'))} tower of "
                f"{draw.choice(TOWNS)} built by the guild of masons that came from "
                f"{draw.choice(TOWNS)}?"
            ),
            answer=f"In {draw.choice(TOWNS)} town",
        )
        for _ in range(count)
    ]


def measure(bench: Bench, peer: Peer | None) -> Turn:
    """Give each way one turn."""
    default = default_recipe(bench.base, SEED)
    whole, half = LoraRecipe(), dataclasses.replace(default, max_drift=None)
    turn, rates = {}, {}
    for suffix, recipe in (("", whole), ("_default", half)):
        turn["tokens_per_second_ours" + suffix], rates[suffix] = our_speed(bench, recipe)
    if peer is not None:
        turn["tokens_per_second_trl"] = peer_speed(bench, peer)
        for suffix in ("", "_default"):
            ours = turn["tokens_per_second_ours" + suffix]
            turn[f"ours{suffix}_over_trl"] = ours / turn["tokens_per_second_trl"]
    turn["tokens_per_second_lower_half_once"] = once_speed(bench, half)
    limit = limit_of(bench)
    turn["matmul_limit"] = limit / 1e9
    for suffix, rate in rates.items():
        turn["share_of_matmul_limit" + suffix] = rate / limit
    turn["seconds_per_fact"] = seconds_per_fact(bench, default, turn)
    return turn


def our_speed(bench: Bench, recipe: LoraRecipe) -> tuple[float, float]:
    """Return row tokens and useful floating point operations a second, of all steps but the first."""
    marks: list[tuple[int, float]] = []

    def mark(report: StepReport) -> None:
        marks.append((report.tokens, bench.now()))

    once = dataclasses.replace(recipe, epochs=1, batch_rows=BATCH, seed=SEED)
    with tempfile.TemporaryDirectory() as folder:
        train(bench.rows, base=bench.base, out=Path(folder) / "a", recipe=once, on_step=mark)
    seconds = marks[-1][1] - marks[0][1]
    _, *timed = shuffled_steps(len(bench.rows), batch_rows=BATCH, seed=SEED, epoch=0)
    work = passes(bench.encoded, timed, once.batch_tokens)
    return (marks[-1][0] - marks[0][0]) / seconds, flops(bench.shapes, once, work) / seconds


def peer_speed(bench: Bench, peer: Peer) -> float:
    """Return row tokens a second of all steps but the first."""
    rows = sorted(bench.encoded, key=lambda row: -len(row.ids))
    return sum(len(row.ids) for row in rows[BATCH:]) / float(peer(task(bench, rows))["seconds"])


def once_speed(bench: Bench, recipe: LoraRecipe) -> float:
    """Return row tokens a second of what is computed once for all epochs: the layers not adapted."""
    network = Network(load_base(bench.base), recipe)
    began = bench.now()
    network.keep_lower(bench.encoded, recipe.batch_tokens)
    return sum(len(row.ids) for row in bench.encoded) / (bench.now() - began)


def limit_of(bench: Bench) -> float:
    """Return floating point operations a second of the products of one pass."""
    first, *_ = passes(bench.encoded, [range(BATCH)], LoraRecipe().batch_tokens)
    return matmul_speed(bench.shapes, first, bench.now)


def seconds_per_fact(bench: Bench, recipe: LoraRecipe, turn: Mapping[str, float]) -> float:
    """Return what it takes to train a fact of the demo by the default recipe, its share of replay too."""
    rows = (DEMO_ROWS + recipe.replay) / DEMO_MEMORIES
    tokens = rows * statistics.mean(len(row.ids) for row in bench.encoded)
    once = 1 / turn["tokens_per_second_lower_half_once"]
    return tokens * (recipe.epochs / turn["tokens_per_second_ours_default"] + once)


@dataclasses.dataclass(kw_only=True)
class Trl:
    """SFTTrainer in a process of its own: a `Peer`."""

    worker: subprocess.Popen[str]
    errors: Path
    """What it wrote to stderr."""
    version: str = ""
    """Known once it has trained."""

    def __call__(self, told: dict[str, Any]) -> dict[str, Any]:
        """Train by a `task`; what TRL ended by is shown."""
        answer = ""
        with suppress(BrokenPipeError):
            self.worker.stdin.write(json.dumps(told) + "\n")
            self.worker.stdin.flush()
            answer = self.worker.stdout.readline()
        if not answer:
            self.end()
            said = self.errors.read_text(encoding="utf-8", errors="replace").strip()
            raise SystemExit(f"TRL ended: {said[-2000:]}")
        result = dict(json.loads(answer))
        self.version = result["version"]
        return result

    def end(self) -> None:
        """Let it end, or end it."""
        with suppress(BrokenPipeError):
            self.worker.stdin.close()
        try:
            self.worker.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()


@contextmanager
def trl(python: Path) -> Iterator[Trl]:
    """Start TRL; it lives as long as the measurement."""
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "stderr"
        with errors.open("w") as stderr:
            worker = subprocess.Popen(
                [str(python), str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        peer = Trl(worker=worker, errors=errors)
        try:
            yield peer
        finally:
            peer.end()


def task(bench: Bench, rows: Sequence[EncodedRow], learning_rate: float = 5e-4) -> dict[str, Any]:
    """Return what the worker is told."""
    recipe = LoraRecipe()
    return {
        "base": str(bench.base),
        "dtype": str(bench.shapes.dtype).removeprefix("torch."),
        "attention": "eager",
        "padding_free": False,
        "threads": torch.get_num_threads(),
        "clock": bench.clock,
        "batch": BATCH,
        "rank": recipe.rank,
        "alpha": recipe.alpha,
        "targets": list(recipe.target_names),
        "learning_rate": learning_rate,
        "seed": SEED,
        "rows": [{"input_ids": row.ids, "labels": row.labels} for row in rows],
    }


def summed_up(turns: Sequence[Turn], unit: str) -> dict[str, Figure]:
    """Return medians with the least and the greatest of the turns."""
    figures = {}
    for label in turns[0]:
        values = [turn[label] for turn in turns]
        figures[label] = Figure(
            value=statistics.median(values), low=min(values), high=max(values),
            unit=_unit(label, unit),
        )  # fmt: skip
    return figures


def _unit(label: str, tokens: str) -> str:
    seconds = tokens.removeprefix("tokens/")
    kinds = {"tokens": tokens, "matmul": f"GFLOP/{seconds}", "share": "fraction", "ours": "times"}
    return kinds.get(label.partition("_")[0], seconds)


def _show(figures: Mapping[str, Figure]) -> None:
    table = Table("training", "median", "lowest to highest", "unit")
    for label, one in figures.items():
        table.add_row(label, f"{one.value:.3g}", f"{one.low:.3g} to {one.high:.3g}", one.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
