"""The last step of an import: what was taken points to memories of this store.

Elsewhere they may have had other ids, stood in other places, or not have come along.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .changing import superseding
from .grounding import grounded, hashed
from .lookups import Lookups
from .records import Memory


def settled_in(ledger: Lookups, names: Mapping[str, str]) -> list[tuple[Memory, Memory]]:
    """Return what changes, as it is and as it is to be.

    A place that was taken is known at both ends. Where the other end says otherwise here, or is
    not there, nobody has taken it: what is known here is not put out of recall by an import. What
    was made from something that is not here is stale. Of what was here before, only whose places
    it took may change.

    Args:
        ledger: Holds all that was taken.
        names: Id elsewhere → id here, of all that was taken.
    """
    taken = ledger.load(set(names.values()))
    named = {id_: _named(one, names) for id_, one in taken.items()}
    known = {**ledger.load(_pointed_to(named.values())), **taken}
    found = {**known, **{id_: _with_successor(one, known) for id_, one in named.items()}}
    for id_ in taken:
        if winner := found[id_].superseded_by:
            found[winner] = superseding(found[winner], id_)
    found |= {id_: _with_places(found[id_], found) for id_ in taken}
    found |= {id_: _based(one, found[id_], found) for id_, one in taken.items()}
    return [(one, found[id_]) for id_, one in known.items() if found[id_] != one]


def _named(memory: Memory, names: Mapping[str, str]) -> Memory:
    def here(ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names.get(id_, id_) for id_ in ids))

    by = memory.superseded_by
    return dataclasses.replace(
        memory,
        supersedes=here(memory.supersedes),
        superseded_by=names.get(by, by),
        derived_from=here(memory.derived_from),
    )


def _pointed_to(memories: Iterable[Memory]) -> set[str]:
    return {
        id_
        for one in memories
        for id_ in (*one.supersedes, one.superseded_by, *one.derived_from)
        if id_
    }


def _with_successor(memory: Memory, found: Mapping[str, Memory]) -> Memory:
    by = memory.superseded_by
    return memory if by in found else dataclasses.replace(memory, superseded_by="")


def _with_places(memory: Memory, found: Mapping[str, Memory]) -> Memory:
    kept = (
        id_ for id_ in memory.supersedes if id_ in found and found[id_].superseded_by == memory.id
    )
    return dataclasses.replace(memory, supersedes=tuple(kept))


def _based(before: Memory, after: Memory, found: Mapping[str, Memory]) -> Memory:
    if not after.derived_from:
        return after
    if after.derived_from != before.derived_from:
        after = hashed(after, found)
    return grounded(after, found)
