"""What the agent remembers: records, the ledger, recall and forgetting.

Importing this package loads no database client and no model; see `MemoryStore.open`.
`ChromaStore`, the store for LangGraph applications, is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .embedding import Embedder, SentenceTransformerEmbedder
from .filters import Where
from .forgetting import ForgettingPolicy
from .rebuilding import rebuild_index
from .recalling import RecallOptions
from .records import DEFAULT_NAMESPACE, Evidence, Memory, Span, memory_id
from .results import (
    Considered,
    Event,
    Fading,
    Inserted,
    PurgeReport,
    Recalled,
    RepairReport,
    StoreStats,
)
from .store import MemoryStore, StoreOptions

if TYPE_CHECKING:
    from .langgraph import ChromaStore

__all__ = [
    "DEFAULT_NAMESPACE",
    "ChromaStore",
    "Considered",
    "Embedder",
    "Event",
    "Evidence",
    "Fading",
    "ForgettingPolicy",
    "Inserted",
    "Memory",
    "MemoryStore",
    "PurgeReport",
    "RecallOptions",
    "Recalled",
    "RepairReport",
    "SentenceTransformerEmbedder",
    "Span",
    "StoreOptions",
    "StoreStats",
    "Where",
    "memory_id",
    "rebuild_index",
]


def __getattr__(name: str) -> Any:
    if name == "ChromaStore":
        from .langgraph import ChromaStore

        return ChromaStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
