"""What a derived memory owes to those that it was made from: its trust, and whether it holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .changing import stale
from .records import Memory
from .reflecting import sources_sha256


def capped(memory: Memory, sources: Mapping[str, Memory]) -> Memory:
    """Trust a memory no more than the least trusted of those that it was made from."""
    least = min((one.trust for one in _found(memory, sources)), default=memory.trust)
    return dataclasses.replace(memory, trust=min(memory.trust, least))


def hashed(memory: Memory, sources: Mapping[str, Memory]) -> Memory:
    """Note what the sources say now, if all are there."""
    found = _found(memory, sources)
    if not found or len(found) < len(set(memory.derived_from)):
        return memory
    return dataclasses.replace(memory, derived_sha256=sources_sha256(found))


def supported(memory: Memory, sources: Mapping[str, Memory]) -> Memory:
    """Return the memory, stale if it was made from something that is gone or not active."""
    active = [one for one in _found(memory, sources) if one.status == "active"]
    return memory if len(active) == len(set(memory.derived_from)) else stale(memory)


def grounded(memory: Memory, sources: Mapping[str, Memory]) -> Memory:
    """Return the memory, stale if what it was made from is gone, not active, or says otherwise."""
    digest = memory.derived_sha256
    changed = bool(digest) and digest != hashed(memory, sources).derived_sha256
    return stale(memory) if changed else supported(memory, sources)


def _found(memory: Memory, sources: Mapping[str, Memory]) -> list[Memory]:
    return [sources[id_] for id_ in dict.fromkeys(memory.derived_from) if id_ in sources]
