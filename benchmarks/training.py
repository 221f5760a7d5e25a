"""How fast adapters are trained: the loop everyone writes with peft, against ours.

    python benchmarks/training.py MODEL_FOLDER

Both train the same rows (a system prompt, a question of about 25 tokens, an answer of about 6), eight
a step, from the same base. `--clock cpu --threads 1` counts processor time instead of wall time, the
measure to take on a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import results_file
import torch
from peft import LoraConfig, get_peft_model
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer

from ingrained.trainer.encode import IGNORED, EncodedRow, encode
from ingrained.trainer.lora import StepReport, train
from ingrained.trainer.network import Network, load_base
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

SEED = 0
BATCH = 8
TOWNS = ("Orvel", "Tamsin", "Kirrow", "Dastan", "Miravel", "Quenby", "Fosgate", "Wyndle")
CASES = (
    ("all layers, rank 32, all-linear", LoraRecipe(rank=32)),
    ("all layers, rank 32, MLP", LoraRecipe(rank=32, targets="mlp")),
    ("from layer 8, rank 32, all-linear", LoraRecipe(rank=32, first_layer=8)),
    ("from layer 12, rank 32, all-linear", LoraRecipe(rank=32, first_layer=12)),
    ("from layer 12, rank 16, all-linear", LoraRecipe(rank=16, alpha=32, first_layer=12)),
    ("from layer 12, rank 32, MLP", LoraRecipe(rank=32, first_layer=12, targets="mlp")),
    ("from layer 16, rank 32, all-linear", LoraRecipe(rank=32, first_layer=16)),
    ("from layer 16, rank 16, MLP", LoraRecipe(rank=16, alpha=32, first_layer=16, targets="mlp")),
)


def make_rows(count: int) -> list[StudyRow]:
    """Return made-up facts."""
    draw = random.Random(SEED)
    return [
        StudyRow(
            messages=(
                ("system", "Answer from what you have learnt, in a few words."),
                (
                    "user",
                    f"In which town was the {draw.choice(('old', 'stone', 'small'))} tower of "
                    f"{draw.choice(TOWNS)} built by the guild of masons that came from "
                    f"{draw.choice(TOWNS)}?",
                ),
            ),
            answer=f"In {draw.choice(TOWNS)} town",
        )
        for _ in range(count)
    ]


def plain_peft(base: Path, rows: list[EncodedRow]) -> Iterator[int]:
    """Train as in peft's own documentation, padded batches and all logits; yield row tokens."""
    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_pretrained(base, dtype="auto", local_files_only=True)
    config = LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted: Any = get_peft_model(model, config)
    trainable = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=5e-4)
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        adapted(**_padded(some)).loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield sum(len(row.ids) for row in some)


def _padded(rows: list[EncodedRow]) -> dict[str, torch.Tensor]:
    width = max(len(row.ids) for row in rows)

    def pad(values: tuple[int, ...], filler: int) -> list[int]:
        return [*values, *(filler for _ in range(width - len(values)))]

    return {
        "input_ids": torch.tensor([pad(row.ids, 0) for row in rows]),
        "attention_mask": torch.tensor([pad((1,) * len(row.ids), 0) for row in rows]),
        "labels": torch.tensor([pad(row.labels, IGNORED) for row in rows]),
    }


def peft_speeds(base: Path, rows: list[EncodedRow], clock: Callable[[], float]) -> list[float]:
    """Return tokens per second of each step but the first."""
    speeds, last = [], clock()
    for tokens in plain_peft(base, rows):
        now = clock()
        speeds.append(tokens / (now - last))
        last = now
    return speeds[1:]


def our_speeds(
    base: Path, rows: list[StudyRow], recipe: LoraRecipe, clock: Callable[[], float]
) -> list[float]:
    """Return tokens per second of each step but the first."""
    marks: list[tuple[int, float]] = []

    def mark(report: StepReport) -> None:
        marks.append((report.tokens, clock()))

    folder = Path(tempfile.mkdtemp())
    try:
        train(rows, base=base, out=folder / "adapter", recipe=recipe, on_step=mark)
    finally:
        shutil.rmtree(folder)
    return [(b[0] - a[0]) / (b[1] - a[1]) for a, b in itertools.pairwise(marks)]


def once_speed(base: Path, rows: list[EncodedRow], clock: Callable[[], float]) -> float:
    """Return tokens per second of computing, once, what enters layer 12."""
    network = Network(load_base(base), LoraRecipe(first_layer=12))
    began = clock()
    network.keep_lower(rows, 512)
    return sum(len(row.ids) for row in rows) / (clock() - began)


def figure(speeds: list[float], unit: str) -> results_file.Figure:
    """Return the mean with its bootstrap 95 % interval."""
    draw = random.Random(SEED)
    means = sorted(sum(draw.choices(speeds, k=len(speeds))) / len(speeds) for _ in range(1000))
    mean = sum(speeds) / len(speeds)
    low, high = min(means[25], mean), max(means[974], mean)
    return results_file.Figure(value=mean, unit=unit, low=low, high=high)


def main() -> None:
    """Measure, print a table, write results/training.json."""
    parser = argparse.ArgumentParser(description="Measures the speed of adapter training.")
    parser.add_argument("base", type=Path, help="folder of the base model")
    parser.add_argument("--steps", type=int, default=5, help="timed steps per case")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    unit = "tokens/s" if options.clock == "wall" else "tokens/CPU-s"

    rows = make_rows(BATCH * (options.steps + 1))
    tokenizer = AutoTokenizer.from_pretrained(options.base, local_files_only=True)
    encoded = encode(rows, tokenizer, max_length=512)
    figures = {
        "plain peft, all layers, rank 32": figure(peft_speeds(options.base, encoded, clock), unit)
    }
    for name, recipe in CASES:
        one_epoch = _short(recipe)
        figures[f"ours, {name}"] = figure(our_speeds(options.base, rows, one_epoch, clock), unit)
    once = results_file.Figure(value=once_speed(options.base, encoded, clock), unit=unit)
    figures["ours, once: layers below 12"] = once
    _show(figures, unit)
    extra = "" if options.clock == "wall" else f" --clock cpu --threads {options.threads}"
    command = f"python benchmarks/training.py MODEL_FOLDER --steps {options.steps}{extra}"
    results_file.write("training", figures, seeds=[SEED], command=command)


def _short(recipe: LoraRecipe) -> LoraRecipe:
    return LoraRecipe(**{**recipe.to_dict(), "epochs": 1, "batch_rows": BATCH, "seed": SEED})


def _show(figures: dict[str, results_file.Figure], unit: str) -> None:
    plain = next(iter(figures.values())).value
    table = Table("training", unit, "95 % interval", "times plain peft")
    for name, one in figures.items():
        interval = "" if one.low is None else f"{one.low:.0f}-{one.high:.0f}"
        table.add_row(name, f"{one.value:.0f}", interval, f"{one.value / plain:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
