"""Counting what is in a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .entries import documents
from .records import Memory
from .results import StoreStats


def count(memories: Sequence[Memory], *, events: int, embedder: str) -> StoreStats:
    """Return the counts over all memories of a store, whatever their status."""
    statuses = Counter(memory.status for memory in memories)
    active = [memory for memory in memories if memory.status == "active"]
    return StoreStats(
        active=statuses["active"],
        superseded=statuses["superseded"],
        forgotten=statuses["forgotten"],
        pinned=sum(memory.pinned for memory in active),
        reinforced=sum(memory.last_recalled is not None for memory in active),
        documents=len({document for memory in active for document in documents(memory)}),
        events=events,
        kinds=dict(Counter(memory.kind for memory in active)),
        namespaces=dict(Counter(memory.namespace for memory in active)),
        embedder=embedder,
    )
