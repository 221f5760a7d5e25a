"""How memories fade, and what a useful recall does about it.

Ebbinghaus' curve as MemoryBank uses it (Zhong et al. 2023, arXiv:2305.10250, section 3.3):
retention R = exp(-t/S), t the days since the memory was last of use (or made), S its strength
in days. Two differences, on purpose: only a *useful* recall counts, not every hit, and a
memory goes when R falls below a threshold, never by a random draw, so that survival does not
depend on how often anyone looks.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from ingrained.errors import SettingsError

from .records import Kind, Memory

SECONDS_PER_DAY = 86_400.0
DEFAULT_THRESHOLD = 0.05
"""A memory never of use (S = 1) falls below it after 3.0 days, one of use once after 6.0."""


@dataclass(frozen=True, kw_only=True)
class ForgettingPolicy:
    """When a memory goes.

    Raises:
        SettingsError: one or more values are out of range; all are named.
    """

    threshold: float = DEFAULT_THRESHOLD
    """Lowest retention that stays, in [0, 1]."""
    half_lives: Mapping[str, float] = field(default_factory=dict)
    """Kind of memory → days in which one of strength 1 loses half; ln 2 where none is named."""
    capacity: int | None = None
    """Most active memories of one namespace; beyond it the most faded go. None is no limit."""

    def __post_init__(self) -> None:
        """Report all faults together."""
        faults = [
            f"there is no kind {kind!r} to have a half-life; there are {', '.join(get_args(Kind))}"
            for kind in self.half_lives
            if kind not in get_args(Kind)
        ]
        faults += [
            f"the half-life of {kind!r} must be above 0, got {days}"
            for kind, days in self.half_lives.items()
            if not days > 0
        ]
        if not 0 <= self.threshold <= 1:
            faults.append(f"the threshold must be in [0, 1], got {self.threshold}")
        if self.capacity is not None and self.capacity < 1:
            faults.append(f"the capacity must be at least 1, got {self.capacity}")
        if faults:
            raise SettingsError("; ".join(faults))


DEFAULT_POLICY = ForgettingPolicy()


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What decides how far a memory has faded, without its text."""

    id: str
    namespace: str
    kind: str
    strength: float
    """S, in days."""
    since: float
    """POSIX seconds of the last useful recall, or of the making."""
    pinned: bool


def trace(memory: Memory) -> Trace:
    """Return what decides the retention of a memory."""
    return Trace(
        id=memory.id,
        namespace="",
        kind=memory.kind,
        strength=memory.strength,
        since=memory.created if memory.last_recalled is None else memory.last_recalled,
        pinned=memory.pinned,
    )


def retention(
    memory: Memory | Trace, now: float, policy: ForgettingPolicy = DEFAULT_POLICY
) -> float:
    """Return R in [0, 1] at `now` (POSIX seconds); 1.0 for a pinned memory.

    A clock that went backwards counts as no time at all.
    """
    one = trace(memory) if isinstance(memory, Memory) else memory
    if one.pinned:
        return 1.0
    if one.strength <= 0.0:
        return 0.0
    half_life = policy.half_lives.get(one.kind)
    scale = 1.0 if half_life is None else half_life / math.log(2.0)
    days = max(0.0, now - one.since) / SECONDS_PER_DAY
    return math.exp(-days / (one.strength * scale))


def fading(
    traces: Iterable[Trace], now: float, policy: ForgettingPolicy
) -> list[tuple[str, float, str]]:
    """Return what goes: (id, retention, "faded" or "capacity"), most faded first.

    Deterministic: what has faded goes, and beyond the capacity of its namespace the most faded of
    the rest, the older first where two are alike. Pinned memories stay, even above the capacity.
    """
    kept: dict[str, list[tuple[float, Trace]]] = defaultdict(list)
    gone = []
    for one in traces:
        left = retention(one, now, policy)
        if left < policy.threshold and not one.pinned:
            gone.append((one.id, left, "faded"))
        else:
            kept[one.namespace].append((left, one))
    for group in kept.values():
        gone.extend((one.id, left, "capacity") for left, one in _surplus(group, policy.capacity))
    return sorted(gone, key=lambda item: (item[1], item[0]))


def _surplus(
    group: Sequence[tuple[float, Trace]], capacity: int | None
) -> list[tuple[float, Trace]]:
    if capacity is None or len(group) <= capacity:
        return []
    loose = sorted(
        ((left, one) for left, one in group if not one.pinned),
        key=lambda item: (item[0], item[1].since, item[1].id),
    )
    return loose[: len(group) - capacity]


def reinforced(memory: Memory, now: float) -> Memory:
    """Return the memory after a useful recall: S grows by one day, t starts anew.

    MemoryBank section 3.3: "S is increased by 1 and t is reset to 0".
    """
    return dataclasses.replace(memory, last_recalled=now, strength=memory.strength + 1.0)
