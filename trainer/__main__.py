"""Train an adapter from a file of study rows: `python -m ingrained.trainer ROWS.jsonl ...`.

For a machine without the agent. Under `torchrun` or `accelerate launch` several processes train it
together. What the training came to is written to stdout as one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ingrained.errors import IngrainedError, TrainingError

from .lora import train
from .probes import probes
from .processes import processes
from .recipe import LoraRecipe, default_recipe, read_settings
from .reports import StepReport, TrainResult
from .rows import read_rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, tell of it, and return the exit code."""
    options = _options(arguments)
    try:
        return _reported(options)
    except IngrainedError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return error.exit_code


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ingrained.trainer", description=__doc__)
    parser.add_argument("rows", type=Path, help="study rows, as `write_rows` writes them")
    parser.add_argument("--base", type=Path, required=True, help="folder of the frozen base model")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new adapter")
    parser.add_argument(
        "--recipe", type=Path, help="JSON object of what is to differ from the default recipe"
    )
    parser.add_argument("--seed", type=int, help="the recipe's if omitted, else 0")
    return parser.parse_args(arguments)


def _reported(options: argparse.Namespace) -> int:
    together = processes()
    try:
        result = _train(options)
        if together.first:
            sys.stdout.write(json.dumps(dataclasses.asdict(result)) + "\n")
    except KeyboardInterrupt:
        if together.first:
            sys.stderr.write("Interrupted; the same command goes on.\n")
        return 130
    finally:
        together.close()
    return 0


def _train(options: argparse.Namespace) -> TrainResult:
    try:
        return train(
            read_rows(options.rows),
            base=options.base,
            out=options.out,
            recipe=_recipe(options),
            probes=probes(),
            on_step=_tell,
        )
    except OSError as error:
        raise TrainingError(
            f"The training into {options.out} cannot go on: {error}",
            hint="--out must be a folder that can be written to, on a disk with room. The same command goes on.",
        ) from error


def _recipe(options: argparse.Namespace) -> LoraRecipe:
    """Return the default recipe for the base, changed as the options have it."""
    changes = read_settings(options.recipe) if options.recipe else {}
    if options.seed is not None:
        changes["seed"] = options.seed
    return default_recipe(options.base, seed=0).changed(changes)


def _tell(report: StepReport) -> None:
    sys.stderr.write(
        f"step {report.step} of {report.steps}: loss {report.loss:.4f}, {report.seconds:.0f} s\n"
    )


if __name__ == "__main__":
    sys.exit(main())
