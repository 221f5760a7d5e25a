"""Keeping an index equal to the ledger, at open and after every change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .embedding import Embedder
from .entries import entry_digest, indexed_text, make_entry
from .index import Index, Place
from .ledger import Change, Ledger
from .lookups import Vectors
from .records import Memory
from .results import RepairReport

_CHUNK = 1000

Progress = Callable[[int, int], None]
"""Told how many memories are done, and of how many."""


def repair(
    ledger: Ledger,
    index: Index,
    embedder: Embedder,
    *,
    places: Sequence[Place] | None = None,
    progress: Progress | None = None,
) -> RepairReport:
    """Make the index hold exactly the ledger's active memories.

    Vectors come from the ledger's cache where it has them; only the rest is embedded, and kept
    there as it is made, so that a repair cut short goes on where it was.

    Args:
        ledger: The truth.
        index: Its cache, changed here.
        embedder: For vectors that the ledger does not hold.
        places: Look at these only; at everything when None.
        progress: Told after each chunk.
    """
    wanted = ledger.digests(None if places is None else [id_ for _, id_ in places])
    present = index.digests(None if places is None else list({*places, *wanted}))
    stale = [id_ for (space, id_), digest in wanted.items() if present.get((space, id_)) != digest]
    surplus = [place for place in present if place not in wanted]
    index.delete(surplus)
    for start in range(0, len(stale), _CHUNK):
        _put(ledger, index, embedder, stale[start : start + _CHUNK])
        if progress:
            progress(min(start + _CHUNK, len(stale)), len(stale))
    return RepairReport(added=len(stale), removed=len(surplus))


def _put(ledger: Ledger, index: Index, embedder: Embedder, ids: Sequence[str]) -> None:
    memories = ledger.load(ids)
    vectors, fresh = known_and_new_vectors(ledger, embedder, memories)
    if fresh:
        ledger.save_vectors(memories, fingerprint=embedder.fingerprint, vectors=fresh)
    index.upsert([make_entry(memories[id_], vector) for id_, vector in vectors.items()])


def known_and_new_vectors(
    ledger: Ledger, embedder: Embedder, memories: Mapping[str, Memory]
) -> tuple[Vectors, Vectors]:
    """Return all vectors of the memories, and those of them that had to be embedded now."""
    known = ledger.vectors(memories, fingerprint=embedder.fingerprint)
    missing = [memory for id_, memory in memories.items() if id_ not in known]
    embedded = embedder.embed([indexed_text(memory) for memory in missing])
    fresh = {memory.id: vector for memory, vector in zip(missing, embedded, strict=True)}
    return {**known, **fresh}, fresh


def index_changes(changes: Sequence[Change]) -> tuple[dict[str, Memory], list[Place]]:
    """Return what the changes ask of an index: memories to put in, places to take out."""
    first = {change.after.id: change.before for change in reversed(changes)}
    last = {change.after.id: change.after for change in changes}
    put = {id_: memory for id_, memory in last.items() if _needs_put(first[id_], memory)}
    gone = [
        (before.namespace, id_)
        for id_, memory in last.items()
        if (before := first[id_]) is not None
        and before.status == "active"
        and (memory.status != "active" or memory.namespace != before.namespace)
    ]
    return put, gone


def _needs_put(before: Memory | None, after: Memory) -> bool:
    if after.status != "active":
        return False
    if before is None or before.status != "active":
        return True
    return entry_digest(before) != entry_digest(after)
