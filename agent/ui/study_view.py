"""A study as it runs: lines for what happened, and in a terminal bars for what goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from .console import duration, notices, safe
from .events import Event, describe
from .skipped import skipped_lines

QUIET_SECONDS = 20.0
"""Without a terminal, training says something no more often than this."""


class StudyView:
    """Called with each progress event of a study.

    Args:
        console: Where to show it; standard error when omitted.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or notices()
        self._clock = clock
        self._skipped: list[Event] = []
        self._kept = 0
        self._in_hand = 0
        self._training: TaskID | None = None
        self._training_since = clock()
        self._first_step = 0
        self._last_told = clock() - QUIET_SECONDS
        self._bars = _bars(self._console)
        self._task = self._bars.add_task("starting", total=None, facts="")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tell_skipped()
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Show one event; what was skipped is shown together, when the next thing happens."""
        if (event["phase"], event["event"]) == ("plan", "skipped"):
            self._skipped.append(event)
            return
        self._tell_skipped()
        text = describe(event)
        if text:
            self._console.print(_shown(text), soft_wrap=True)
        match event["phase"], event["event"]:
            case phase, "start":
                self._end_training()
                self._bars.update(self._task, description=str(phase))
            case "plan", "objective":
                self._begin(int(event["passages"]))
            case "run", "resumed":
                self._kept = int(event["kept"])
                self._begin(int(event["passages"]))
            case "read", "notes":
                self._in_hand = int(event["passages"])
            case "remember", "kept":
                self._kept += int(event["kept"])
                self._bars.update(self._task, advance=self._in_hand, facts=self._facts())
            case "consolidate", "step":
                self._step(event)
            case "consolidate", "stage":
                self._end_training()

    def _tell_skipped(self) -> None:
        for text in skipped_lines(self._skipped):
            self._console.print(_shown(f"skipped   {text}"), soft_wrap=True)
        self._skipped.clear()

    def _begin(self, passages: int) -> None:
        self._bars.reset(self._task, total=passages, facts=self._facts())

    def _facts(self) -> str:
        return f"{self._kept} kept" if self._kept else ""

    def _step(self, event: Event) -> None:
        step, steps = int(event["step"]), int(event["steps"])
        if self._training is None:
            self._training = self._bars.add_task("training", total=steps, facts="")
            self._training_since, self._first_step = self._clock(), step - 1
        facts = f"loss {event['loss']:.3f}{self._remaining(step, steps)}"
        self._bars.update(self._training, completed=step, facts=facts)
        quiet = self._clock() - self._last_told < QUIET_SECONDS and step < steps
        if not self._console.is_terminal and not quiet:
            self._last_told = self._clock()
            self._console.print(
                _shown(f"train     step {step} of {steps}, {facts}"), soft_wrap=True
            )

    def _remaining(self, step: int, steps: int) -> str:
        done = step - self._first_step
        if done < 2 or step >= steps:
            return ""
        each = (self._clock() - self._training_since) / done
        return f", {duration(each * (steps - step))} left"

    def _end_training(self) -> None:
        if self._training is not None:
            self._bars.remove_task(self._training)
            self._training = None


def _shown(text: str) -> Text:
    """Return an event's line, its columns kept, as text that no terminal obeys."""
    return Text(safe(text).replace("\n", " "))


def _bars(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<12}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:.0f}/{task.total}", markup=False),
        TextColumn("{task.fields[facts]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
