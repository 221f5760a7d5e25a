"""What test_several_processes.py lets two processes do at once; run by `accelerate launch`.

Each process writes what it saw to NUMBER.json in the folder it is given.
"""

from __future__ import annotations

import dataclasses
import errno
import itertools
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ingrained.errors import TrainingError
from ingrained.trainer.__main__ import main
from ingrained.trainer.lora import learning_rate, train
from ingrained.trainer.processes import processes
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.reports import StepReport
from ingrained.trainer.rows import StudyRow

RECIPE = LoraRecipe(rank=4, alpha=8, epochs=3, batch_rows=4, learning_rate=1e-2)
UPPER = dataclasses.replace(RECIPE, first_layer=1, distil=0.5, max_drift=0.05)


def row(question: str, answer: str, **more: Any) -> StudyRow:
    return StudyRow(messages=(("system", "Short."), ("user", question)), answer=answer, **more)


ROWS = [
    row(f"What is {letter}?", letter * (2 + number % 3))
    for number, letter in enumerate("abcdefghi")
]
"""Nine: the last step of an epoch has one row, and nothing for the second process."""
TAUGHT = [
    *(
        dataclasses.replace(one, source=(("user", f"{one.answer}! {one.messages[-1][1]}"),))
        for one in ROWS
    ),
    row("Who are you?", "a model", kind="replay"),
]
OTHERS = [row("Which is a?", "aa"), row("Which is b?", "bbb"), row("Which is c?", "cccc")]


def work(base: Path, folder: Path) -> dict[str, Any]:
    steps: list[int] = []
    plain = train(
        ROWS, base=base, out=folder / "plain", recipe=RECIPE, on_step=lambda r: steps.append(r.step)
    )
    upper = train(
        TAUGHT, base=base, out=folder / "upper", recipe=UPPER, validation=OTHERS, probes=OTHERS
    )
    return {
        "plain": dataclasses.asdict(plain),
        "reported": steps,
        "upper": dataclasses.asdict(upper),
        **stopped_and_resumed(base, folder),
        "disk": full_disk(base, folder),
        "other interrupted": other_interrupted(base, folder),
        "late": interrupted_late(),
        "again": refused(base, folder / "plain", ROWS),
        "too few": refused(base, folder / "few", ROWS[:1]),
        "others": refused(base, folder / "others", ROWS[processes().number :]),
    }


def stopped_and_resumed(base: Path, folder: Path) -> dict[str, Any]:
    out, asked = folder / "stopped", iter([False, False, True])
    stopped = train(ROWS, base=base, out=out, recipe=RECIPE, should_stop=lambda: next(asked))
    steps: list[int] = []

    def interrupt(report: StepReport) -> None:
        steps.append(report.step)
        if report.step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        train(ROWS, base=base, out=out, recipe=RECIPE, on_step=interrupt)
    except KeyboardInterrupt:
        steps.append(-1)
    return {"stopped": dataclasses.asdict(stopped), "interrupted": steps}


def full_disk(base: Path, folder: Path) -> str:
    def fill(report: StepReport) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "a")

    try:
        train(ROWS, base=base, out=folder / "full", recipe=RECIPE, on_step=fill)
    except OSError as error:
        return str(error)
    return "written"


def other_interrupted(base: Path, folder: Path) -> list[int]:
    """Let Ctrl-C reach the second process alone, in the middle of its third step."""
    steps: list[int] = []
    computed = itertools.count(1)

    def interrupt(*arguments: Any) -> float:
        if next(computed) == 3 and processes().number == 1:
            signal.raise_signal(signal.SIGINT)
        return learning_rate(*arguments)

    with patch("ingrained.trainer.lora.learning_rate", interrupt):
        try:
            train(
                ROWS, base=base, out=folder / "other", recipe=RECIPE,
                on_step=lambda r: steps.append(r.step),
            )  # fmt: skip
        except KeyboardInterrupt:
            steps.append(-1)
    return steps


def interrupted_late() -> bool:
    """Let it reach the second process when nothing is left to be decided."""
    try:
        with processes().between_decisions():
            if processes().number == 1:
                signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return True
    return False


def refused(base: Path, out: Path, rows: Sequence[StudyRow]) -> str:
    try:
        train(rows, base=base, out=out, recipe=RECIPE)
    except TrainingError as error:
        return str(error)
    return "not refused"


if __name__ == "__main__":
    base, folder, rows, recipe = map(Path, sys.argv[1:])
    number = processes().number
    saw = work(base, folder)
    saw["ended"] = main(
        [str(rows), "--base", str(base), "--out", str(folder / "main"), "--recipe", str(recipe)]
    )
    (folder / f"{number}.json").write_text(json.dumps(saw), encoding="utf-8")
