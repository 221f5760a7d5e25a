"""Taking changes back: what an undo, a restoring or a purge makes of a memory and of its kin."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ingrained.errors import NotFoundError

from .changing import no_longer_superseding, superseding, undone
from .grounding import grounded
from .lookups import Lookups
from .records import Memory, Status
from .results import Event

_LARGEST = 2**63 - 1
"""SQLite's."""


def events_to_undo(ledger: Lookups, event_id: int, *, whole: bool) -> list[Event]:
    """Return an event, or all that were recorded in one transaction with it.

    Raises:
        NotFoundError: There is no such event.
    """
    batch = ledger.batch(event_id) if 0 < event_id <= _LARGEST else []
    if not batch:
        raise NotFoundError(
            f"There is no event {event_id}.", hint="`ingrained memory history ID` has the numbers."
        )
    return [event for event in batch if whole or event.id == event_id]


def put_back(ledger: Lookups, events: Sequence[Event]) -> dict[str, Memory]:
    """Return the memories that the undoing of events changes, as they are then, by id.

    Who had taken a place that is given back has it no longer, and what had lost its place to a
    memory that is undone has it again. Who takes a place again takes it from what holds it now.

    Raises:
        StoreError: What they changed was changed again since, or purged.
    """
    current = ledger.load([event.memory_id for event in events])
    events = [
        one
        for one in events
        if one.kind != "stale"
        or (one.memory_id in current and current[one.memory_id].status == "stale")
    ]
    after = dict(current)
    for event in reversed(events):
        after[event.memory_id] = undone(event, after.get(event.memory_id))
    made = {event.memory_id for event in events if event.before is None}
    for id_, before in current.items():
        gone = (
            before.supersedes if id_ in made else set(before.supersedes) - {*after[id_].supersedes}
        )
        after |= _given_back(ledger, id_, gone, after)
        after |= _taken_again(ledger, id_, set(after[id_].supersedes) - {*before.supersedes}, after)
    after = _relinked(ledger, after)
    return _all_grounded(ledger, after)


def restored(ledger: Lookups, memories: Mapping[str, Memory], now: float) -> dict[str, Memory]:
    """Return memories after a restoring, by id: the forgotten ones as they were before that."""
    after = {
        id_: dataclasses.replace(one, status=_status_before(ledger, one), last_recalled=now)
        for id_, one in memories.items()
        if one.status == "forgotten"
    }
    return _all_grounded(ledger, after)


def without(ledger: Lookups, purged: Mapping[str, Memory]) -> list[tuple[Memory, Memory]]:
    """Return what is left to change in others when memories are purged: no one points to those."""
    kin = {id_ for one in purged.values() for id_ in (*one.supersedes, one.superseded_by)}
    left = ledger.load(kin - purged.keys()).values()
    return [(one, _cut(one, purged)) for one in left if one != _cut(one, purged)]


def made_from(ledger: Lookups, named: Mapping[str, Memory]) -> dict[str, Memory]:
    """Return all that was made from some memories, of any status, however far."""
    found: dict[str, Memory] = {}
    sources = list(named)
    every: tuple[Status, ...] = ("active", "stale", "superseded", "forgotten")
    while sources:
        made = {
            memory.id: memory
            for memory in ledger.dependants(sources, statuses=every)
            if memory.id not in named and memory.id not in found
        }
        found |= made
        sources = list(made)
    return found


def _cut(memory: Memory, purged: Mapping[str, Memory]) -> Memory:
    return dataclasses.replace(
        memory,
        supersedes=tuple(id_ for id_ in memory.supersedes if id_ not in purged),
        superseded_by="" if memory.superseded_by in purged else memory.superseded_by,
    )


def _status_before(ledger: Lookups, memory: Memory) -> Status:
    earlier: list[Status] = [
        event.before.status
        for event in ledger.events(memory.id)
        if event.before is not None and event.before.status != "forgotten"
    ]
    unknown: Status = "superseded" if memory.superseded_by else "active"
    return earlier[-1] if earlier else unknown


def _all_grounded(ledger: Lookups, after: Mapping[str, Memory]) -> dict[str, Memory]:
    ids = {id_ for one in after.values() for id_ in one.derived_from}
    sources = {**ledger.load(ids), **after}
    return {id_: grounded(one, sources) for id_, one in after.items()}


def _given_back(
    ledger: Lookups, winner: str, losers: Iterable[str], after: Mapping[str, Memory]
) -> dict[str, Memory]:
    """Return a winner without those it took the place of, and those as they were before."""
    known = {**ledger.load(losers), **after}
    changed = {winner: known[winner]}
    for id_ in losers:
        changed[winner] = no_longer_superseding(changed[winner], id_)
        if id_ in known and known[id_].superseded_by == winner:
            changed[id_] = _before_losing(ledger, known[id_], winner)
    return changed


def _taken_again(
    ledger: Lookups, winner: str, losers: Iterable[str], after: Mapping[str, Memory]
) -> dict[str, Memory]:
    """Return a winner in the places it had, and those it had them from as they were then.

    It has no place of what was purged, or gave way to something else since.
    """
    known = {**ledger.load(losers), **after}
    changed = {winner: known[winner]}
    for id_ in losers:
        if id_ not in known or known[id_].superseded_by not in ("", winner):
            changed[winner] = no_longer_superseding(changed[winner], id_)
        elif not known[id_].superseded_by:
            changed[id_] = _after_losing(ledger, known[id_], winner)
    return changed


def _after_losing(ledger: Lookups, loser: Memory, winner: str) -> Memory:
    """Return a memory without its place as it was when another had taken it."""
    lost = [
        event.after
        for event in ledger.events(loser.id)
        if event.after is not None and event.after.superseded_by == winner
    ]
    valid_to = lost[-1].valid_to if lost else loser.valid_to
    status: Status = "superseded" if loser.status == "active" else loser.status
    return dataclasses.replace(loser, status=status, superseded_by=winner, valid_to=valid_to)


def _before_losing(ledger: Lookups, loser: Memory, winner: str) -> Memory:
    """Return a memory with its place as it was when another took it."""
    before = [
        event.before
        for event in ledger.events(loser.id)
        if event.before is not None and event.after is not None
        and event.before.superseded_by != winner == event.after.superseded_by
    ]  # fmt: skip
    then = before[-1] if before else dataclasses.replace(
        loser, status="active", superseded_by="", valid_to=None
    )  # fmt: skip
    status = then.status if loser.status == "superseded" else loser.status
    return dataclasses.replace(
        loser, status=status, superseded_by=then.superseded_by, valid_to=then.valid_to
    )


def _relinked(ledger: Lookups, after: Mapping[str, Memory]) -> dict[str, Memory]:
    """Return the memories with both ends of every place that changed hands.

    What was purged has no place any more.
    """
    before = ledger.load(after)
    moved = {
        id_: (before[id_].superseded_by, one.superseded_by)
        for id_, one in after.items()
        if before[id_].superseded_by != one.superseded_by
    }
    found = {**ledger.load({id_ for ends in moved.values() for id_ in ends if id_}), **after}
    changed = dict(after)
    for loser, (old, new) in moved.items():
        if old in found:
            changed[old] = no_longer_superseding(changed.get(old, found[old]), loser)
        if new in found:
            changed[new] = superseding(changed.get(new, found[new]), loser)
        elif new:
            changed[loser] = dataclasses.replace(changed[loser], superseded_by="")
    return changed
