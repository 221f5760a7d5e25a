"""What every memory store must do, as a pytest class to subclass.

    class TestMine(MemoryStoreContract):
        def open_store(self, home, clock):
            return MemoryStore.open(home, HashEmbedder(), index=MyIndex(), clock=clock)

Opening the same `home` again must give the same memories. `IndexContract` is for the index alone.
"""

from __future__ import annotations

from .base import DAY, NOTES, START, Clock, note
from .changes import ChangeContract
from .index import IndexContract
from .lineage import LineageContract
from .recall import RecallContract
from .succession import SuccessionContract

__all__ = ["DAY", "NOTES", "START", "Clock", "IndexContract", "MemoryStoreContract", "note"]


class MemoryStoreContract(RecallContract, ChangeContract, LineageContract, SuccessionContract):
    """Subclass it, override `open_store`, and let pytest collect it."""
