"""What is left after seven days, for one start and for seven; and the curves, drawn.

Called by memory.py. The clock is a number, so that seven days take no time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from line_chart import line_chart
from made_memories import made_memories
from results_file import Figure

from ingrained.memory import Memory, MemoryStore
from ingrained.memory.forgetting import (
    DEFAULT_THRESHOLD,
    SECONDS_PER_DAY,
    reinforced,
    retention,
)
from ingrained.memory.in_memory import InMemoryIndex
from ingrained.memory.testing import HashEmbedder

DAYS = 7
COUNT = 400
SEED = 0
SCHEDULES: Mapping[str, tuple[int, ...]] = {
    "never recalled": (),
    "recalled on day 1": (1,),
    "recalled on days 1 and 2": (1, 2),
    "recalled on days 1, 2 and 4": (1, 2, 4),
}
"""Days of useful recalls; a memory of the first fades after 3.0 days."""
_CURVE_DAYS = 21
_STEPS_PER_DAY = 8


class Clock:
    """Gives the time that it was set to."""

    def __init__(self) -> None:
        self.day = 0.0

    def __call__(self) -> float:
        """Return POSIX seconds."""
        return self.day * SECONDS_PER_DAY


def fading_figures(folder: Path) -> dict[str, Figure]:
    """Live through seven days twice, with one start and with one a day, and compare."""
    once = survivors(folder / "once", starts=(DAYS,))
    daily = survivors(folder / "daily", starts=tuple(range(1, DAYS + 1)))
    figures = {
        "survivors_7_days_one_start": _count(once),
        "survivors_7_days_seven_starts": _count(daily),
        "survivors_that_differ": _count(once ^ daily),
        "random_draw_survivors_one_start": _count(_drawn((DAYS,))),
        "random_draw_survivors_seven_starts": _count(_drawn(tuple(range(1, DAYS + 1)))),
    }
    return figures


def survivors(folder: Path, *, starts: Sequence[int]) -> set[str]:
    """Return the texts that are still there after seven days.

    The memories are of use by turns on the days of each of `SCHEDULES`.

    Args:
        folder: For the memory.
        starts: Days on which the program starts; what has faded goes then.
    """
    clock = Clock()

    def opened() -> MemoryStore:
        return MemoryStore.open(folder, HashEmbedder(), clock=clock, index=InMemoryIndex())

    with opened() as store:
        ids = [one.id for one in store.insert(_memories(), who="benchmark", why="made")]
    for day in range(1, DAYS + 1):
        clock.day = float(day)
        useful = [id_ for id_, days in zip(ids, _days(), strict=True) if day in days]
        with opened() as store:
            store.reinforce(useful, who="benchmark", why="of use")
            if day in starts:
                store.decay(who="benchmark", why="start of the program")
    with opened() as store:
        return {memory.text for memory in store.list()}


def _memories() -> list[Memory]:
    return [Memory(id="", text=one.text) for one in made_memories(COUNT, seed=SEED)]


def _days() -> list[tuple[int, ...]]:
    schedules = list(SCHEDULES.values())
    return [schedules[row % len(schedules)] for row in range(COUNT)]


def _drawn(starts: Sequence[int]) -> set[int]:
    """What a peer's rule leaves: at every start a memory goes with the chance 1 - R.

    The rule of MemoryBank's code (Zhong et al. 2023), with R = exp(-t/S) put right.
    """
    draw = random.Random(SEED)
    kept = set(range(COUNT))
    memories = {row: Memory(id=str(row), text="x") for row in kept}
    for day in range(1, DAYS + 1):
        now = day * SECONDS_PER_DAY
        for row, days in enumerate(_days()):
            if row in kept and day in days:
                memories[row] = reinforced(memories[row], now)
        if day in starts:
            kept = {row for row in sorted(kept) if draw.random() < retention(memories[row], now)}
    return kept


def _count(found: set[str] | set[int]) -> Figure:
    return Figure(value=len(found), unit=f"of {COUNT} memories")


def write_curves(path: Path) -> None:
    """Draw retention over three weeks for every one of `SCHEDULES`, and where a memory goes."""
    lines = {name: curve(days) for name, days in SCHEDULES.items()}
    drawing = line_chart(lines, x="days", y="retention R = exp(-t/S)", mark=DEFAULT_THRESHOLD)
    path.write_text(drawing, encoding="utf-8")


def curve(useful: Sequence[int]) -> list[tuple[float, float]]:
    """Return (day, retention) of a memory that is of use on some days."""
    memory = Memory(id="curve", text="x")
    points = []
    for step in range(_CURVE_DAYS * _STEPS_PER_DAY + 1):
        day = step / _STEPS_PER_DAY
        now = day * SECONDS_PER_DAY
        points.append((day, retention(memory, now)))
        if day in useful:
            memory = reinforced(memory, now)
            points.append((day, retention(memory, now)))
    return points
