"""What each change makes of a memory: pure functions of the memory, and of the time."""

from __future__ import annotations

import dataclasses

from ingrained.errors import StoreError

from .records import Memory
from .results import Event


def forgotten(memory: Memory, _now: float) -> Memory:
    """Out of recall."""
    return dataclasses.replace(memory, status="forgotten")


def pinned(memory: Memory, _now: float) -> Memory:
    """Never to fade."""
    return dataclasses.replace(memory, pinned=True)


def unpinned(memory: Memory, now: float) -> Memory:
    """To fade from now on, not from long ago."""
    return dataclasses.replace(memory, pinned=False, last_recalled=now) if memory.pinned else memory


def stale(memory: Memory) -> Memory:
    """Out of recall until it is derived anew."""
    return dataclasses.replace(memory, status="stale") if memory.status == "active" else memory


def superseded(memory: Memory, by: str, now: float) -> Memory:
    """Out of recall, since something else took its place at a time (POSIX seconds)."""
    return dataclasses.replace(
        memory, status="superseded", superseded_by=by, valid_to=memory.valid_to or now
    )


def returned(memory: Memory, since: float) -> Memory:
    """In recall again, though something had taken its place; it holds from a time (POSIX seconds)."""
    return dataclasses.replace(
        memory, status="active", superseded_by="", valid_from=since, valid_to=None
    )


def superseding(memory: Memory, old: str) -> Memory:
    """In the place of another."""
    return dataclasses.replace(memory, supersedes=tuple(dict.fromkeys((*memory.supersedes, old))))


def no_longer_superseding(memory: Memory, old: str) -> Memory:
    """No longer in the place of another."""
    kept = tuple(id_ for id_ in memory.supersedes if id_ != old)
    return dataclasses.replace(memory, supersedes=kept)


def undone(event: Event, current: Memory | None) -> Memory:
    """Return a memory with what one event changed put back, and the rest as it is now.

    The undoing of an insert is a forgetting: the ledger takes nothing back.

    Raises:
        StoreError: What it changed was changed again, or is purged.
    """
    past_is_gone = event.before is None and event.kind != "insert"
    if event.after is None or current is None or past_is_gone:
        raise StoreError(
            f"Event {event.id} cannot be undone: what it changed was purged.",
            hint="What is purged is gone for good. Let the agent learn it again.",
        )
    if event.before is None:
        changed = {"status": "forgotten"}
    else:
        changed = {
            field.name: getattr(event.before, field.name)
            for field in dataclasses.fields(Memory)
            if getattr(event.before, field.name) != getattr(event.after, field.name)
        }
    clash = [name for name in changed if getattr(current, name) != getattr(event.after, name)]
    if clash:
        raise StoreError(
            f"Event {event.id} cannot be undone: {', '.join(clash)} of {current.id} changed since.",
            hint=f"`ingrained memory history {current.id}` shows what; undo the later event first.",
        )
    return dataclasses.replace(current, **changed)  # type: ignore[arg-type]
