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

from .records import Memory

SECONDS_PER_DAY = 86_400.0
DEFAULT_THRESHOLD = 0.05
"""A memory never of use (S = 1) falls below it after 3.0 days, one of use once after 6.0."""


def retention(memory: Memory, now: float) -> float:
    """Return R in [0, 1] at `now` (POSIX seconds); 1.0 for a pinned memory.

    A clock that went backwards counts as no time at all.
    """
    if memory.pinned:
        return 1.0
    if memory.strength <= 0.0:
        return 0.0
    since = memory.created if memory.last_recalled is None else memory.last_recalled
    days = max(0.0, now - since) / SECONDS_PER_DAY
    return math.exp(-days / memory.strength)


def reinforced(memory: Memory, now: float) -> Memory:
    """Return the memory after a useful recall: S grows by one day, t starts anew.

    MemoryBank section 3.3: "S is increased by 1 and t is reset to 0".
    """
    return dataclasses.replace(memory, last_recalled=now, strength=memory.strength + 1.0)
