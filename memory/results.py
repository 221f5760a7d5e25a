"""What the store hands back: frozen, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .records import Memory

Outcome = Literal["added", "merged", "unchanged", "outdated", "refused"]
EventKind = Literal[
    "insert", "merge", "update", "reinforce", "pin", "unpin", "supersede", "revise", "stale",
    "forget", "decay", "restore", "undo", "purge",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Inserted:
    """What became of one memory given to `insert`."""

    id: str
    """Where it is now; of a duplicate, the id of the memory it was merged into; empty if refused."""
    outcome: Outcome
    """`outdated`: kept, but superseded from the start by what was known; `refused`: by the screen."""
    superseded: tuple[str, ...] = ()
    """Ids of the memories whose place it took."""


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """One memory that a query brought back, and why."""

    memory: Memory
    score: float
    """In [0, 1]: the share of the best possible reciprocal rank, lowered by fading.

    1.0 means first in every ranking used (by meaning and by words, or by the reranker alone where
    there is one) and not faded at all. It orders the results of one query, unless they were made
    diverse; it is not a probability that the memory answers it.
    """
    dense: float
    """Cosine similarity to the query; 0.0 when not among the nearest by meaning."""
    lexical: float
    """Share of the query's content words found in the memory, in [0, 1]."""
    retention: float
    """R = exp(-t/S) at the time of recall; 1.0 when pinned."""
    rank: int
    """1 is best."""
    dense_rank: int | None = None
    """Place among the nearest by meaning, from 1; None when not among them."""
    lexical_rank: int | None = None
    """Place by BM25, from 1; None when not among the best."""
    reranked: float | None = None
    """The reranker's own score; None without one. Its scale is the reranker's."""
    confidence: float | None = None
    """Probability that a memory of this similarity is the right one; None before a calibration."""


Verdict = Literal["recalled", "below the floors", "beyond k", "no room"]


@dataclass(frozen=True, kw_only=True)
class Considered:
    """One candidate of a query and what became of it."""

    found: Recalled
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Fading:
    """A memory below the retention threshold."""

    memory: Memory
    """As it was before being forgotten."""
    retention: float
    why: str = "faded"
    """`faded` or `capacity`."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry of the ledger."""

    id: int
    batch: int
    """Id of the first event of the same transaction."""
    time: float
    """POSIX seconds."""
    who: str
    why: str
    kind: EventKind
    memory_id: str
    before: Memory | None
    """None of an insert, and of what was purged."""
    after: Memory | None
    """None of what was purged."""


@dataclass(frozen=True, kw_only=True)
class PurgeReport:
    """What a purge deleted for good."""

    purged: tuple[Memory, ...] = ()
    """The memories that were named, as they were."""
    derived: tuple[Memory, ...] = ()
    """Those that had been made from them."""


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
    stale: int = 0
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
