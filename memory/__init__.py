"""What the agent remembers: records, the ledger, recall and forgetting.

Importing this package loads no database client and no model; see `MemoryStore.open`.
"""

from __future__ import annotations

from .embedding import Embedder, SentenceTransformerEmbedder
from .records import DEFAULT_NAMESPACE, Evidence, Memory, Span, memory_id
from .results import Event, Fading, Inserted, Recalled, RepairReport, StoreStats
from .store import MemoryStore

__all__ = [
    "DEFAULT_NAMESPACE",
    "Embedder",
    "Event",
    "Evidence",
    "Fading",
    "Inserted",
    "Memory",
    "MemoryStore",
    "Recalled",
    "RepairReport",
    "SentenceTransformerEmbedder",
    "Span",
    "StoreStats",
    "memory_id",
]
