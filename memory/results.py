"""What the store hands back: frozen, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .records import Memory

Outcome = Literal["added", "merged", "unchanged"]
EventKind = Literal["insert", "merge", "update", "reinforce", "forget", "decay", "restore"]


@dataclass(frozen=True, kw_only=True)
class Inserted:
    """What became of one memory given to `insert`."""

    id: str
    """Where it is now; of a duplicate, the id of the memory it was merged into."""
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """One memory that a query brought back, and why."""

    memory: Memory
    score: float
    """In [0, 1]: the share of the best possible fused rank, lowered by fading.

    1.0 means first by meaning, first by words, and not faded at all. It orders the results of
    one query; it is not a probability that the memory answers it.
    """
    dense: float
    """Cosine similarity to the query; 0.0 when not among the nearest by meaning."""
    lexical: float
    """Share of the query's content words found in the memory, in [0, 1]."""
    retention: float
    """R = exp(-t/S) at the time of recall; 1.0 when pinned."""
    rank: int
    """1 is best."""


@dataclass(frozen=True, kw_only=True)
class Fading:
    """A memory below the retention threshold."""

    memory: Memory
    """As it was before being forgotten."""
    retention: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry of the ledger."""

    id: int
    time: float
    """POSIX seconds."""
    who: str
    why: str
    kind: EventKind
    memory_id: str
    before: Memory | None
    after: Memory


@dataclass(frozen=True, kw_only=True)
class RepairReport:
    """How far the index was from the ledger when the store was opened."""

    added: int = 0
    """Memories missing from the index, or out of date there."""
    removed: int = 0
    """Entries of the index that the ledger does not hold as active."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(frozen=True, kw_only=True)
class StoreStats:
    """Counts over the whole store."""

    active: int = 0
    superseded: int = 0
    forgotten: int = 0
    pinned: int = 0
    """Active memories that never fade."""
    reinforced: int = 0
    """Active memories that were useful at least once."""
    documents: int = 0
    """Distinct documents that active memories rest on."""
    events: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Active memories by kind."""
    namespaces: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """Active memories by namespace."""
    embedder: str = ""
