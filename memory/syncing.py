"""Keeping an index equal to the ledger, at open and after every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .embedding import Embedder
from .entries import entry_digest, indexed_text, make_entry
from .index import Index
from .ledger import Change, Ledger, Vectors
from .records import Memory
from .results import RepairReport

_CHUNK = 1000


def repair(ledger: Ledger, index: Index, embedder: Embedder, *, save: bool) -> RepairReport:
    """Make the index hold exactly the ledger's active memories.

    Vectors come from the ledger's cache where it has them; only the rest is embedded.

    Args:
        ledger: The truth.
        index: Its cache, changed here.
        embedder: For vectors that the ledger does not hold.
        save: Keep new vectors in the ledger (needs a ledger open for writing).
    """
    wanted, present = ledger.digests(), index.digests()
    stale = [id_ for id_, digest in wanted.items() if present.get(id_) != digest]
    surplus = [id_ for id_ in present if id_ not in wanted]
    index.delete(surplus)
    for start in range(0, len(stale), _CHUNK):
        memories = ledger.load(stale[start : start + _CHUNK])
        vectors, fresh = known_and_new_vectors(ledger, embedder, memories)
        if save and fresh:
            ledger.save_vectors(memories, fingerprint=embedder.fingerprint, vectors=fresh)
        index.upsert([make_entry(memories[id_], vector) for id_, vector in vectors.items()])
    return RepairReport(added=len(stale), removed=len(surplus))


def known_and_new_vectors(
    ledger: Ledger, embedder: Embedder, memories: Mapping[str, Memory]
) -> tuple[Vectors, Vectors]:
    """Return all vectors of the memories, and those of them that had to be embedded now."""
    known = ledger.vectors(memories, fingerprint=embedder.fingerprint)
    missing = [memory for id_, memory in memories.items() if id_ not in known]
    embedded = embedder.embed([indexed_text(memory) for memory in missing])
    fresh = {memory.id: vector for memory, vector in zip(missing, embedded, strict=True)}
    return {**known, **fresh}, fresh


def index_changes(changes: Sequence[Change]) -> tuple[dict[str, Memory], list[str]]:
    """Return what the changes ask of an index: memories to put in, ids to take out."""
    first = {change.after.id: change.before for change in reversed(changes)}
    last = {change.after.id: change.after for change in changes}
    put = {id_: memory for id_, memory in last.items() if _needs_put(first[id_], memory)}
    gone = [
        id_ for id_, memory in last.items() if memory.status != "active" and _was_active(first[id_])
    ]
    return put, gone


def _needs_put(before: Memory | None, after: Memory) -> bool:
    if after.status != "active":
        return False
    return not _was_active(before) or before is None or entry_digest(before) != entry_digest(after)


def _was_active(memory: Memory | None) -> bool:
    return memory is not None and memory.status == "active"
