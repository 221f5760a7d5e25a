"""Which of many statements are learnt: none twice, none that is sealed, no more than a memory has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ingrained.agent.grading import contains
from ingrained.agent.insights import KNOWN
from ingrained.agent.tasks.likeness import alike

from .checking import Statement

SEALED = "is a sealed question in all but a word"
WITHHELD = "holds what the memory does not keep"
OVER = "beyond the budget"


def select(
    statements: Iterable[Statement],
    *,
    sealed: Sequence[str],
    withholds: Callable[[str], bool],
    per_memory: int,
) -> list[Statement]:
    """Return all the statements, those that are not to be learnt with the reason as their fault.

    The kinds take turns, so that none uses up a memory's room before another was asked. A statement
    counts for each memory that it tells of, and is dropped when one of them is full.

    Args:
        statements: As they were checked.
        sealed: Questions that nothing that learns may see.
        withholds: Whether a text has what the memory does not keep.
        per_memory: Most statements that tell of one memory.
    """
    kept: dict[str, list[str]] = {}
    room: Counter[str] = Counter()
    out: list[Statement] = []
    for one in _in_turns(statements):
        fault = one.fault or _unfit(one, sealed, withholds)
        if not fault and alike(one.text, kept.get(one.title, ())):
            fault = KNOWN
        if not fault and any(room[id_] >= per_memory for id_ in one.memories):
            fault = OVER
        if not fault:
            kept.setdefault(one.title, []).append(one.text)
            room.update(one.memories)
        out.append(replace(one, fault=fault))
    return out


def _unfit(one: Statement, sealed: Sequence[str], withholds: Callable[[str], bool]) -> str:
    whole = f"{one.title}\n{one.text}"
    if withholds(whole):
        return WITHHELD
    told = any(contains(whole, question) for question in sealed) or alike(one.text, sealed)
    return SEALED if told else ""


def _in_turns(statements: Iterable[Statement]) -> list[Statement]:
    """Return the first statement of each kind about each memory, then the second, and so on."""
    turns: Counter[tuple[str, str]] = Counter()
    order: list[tuple[int, Statement]] = []
    for one in statements:
        about = one.kind, next(iter(one.memories), "")
        order.append((turns[about], one))
        turns[about] += 1
    return [one for _, one in sorted(order, key=lambda each: each[0])]
