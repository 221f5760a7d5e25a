"""What every memory store must do, as a pytest class to subclass.

    class TestMine(MemoryStoreContract):
        def open_store(self, home, clock):
            return MemoryStore.open(home, HashEmbedder(), index=MyIndex(), clock=clock)

Opening the same `home` again must give the same memories.
"""

from __future__ import annotations

from .base import DAY, NOTES, START, Clock, note
from .changes import ChangeContract
from .lineage import LineageContract
from .recall import RecallContract

__all__ = ["DAY", "NOTES", "START", "Clock", "MemoryStoreContract", "note"]


class MemoryStoreContract(RecallContract, ChangeContract, LineageContract):
    """Subclass it, override `open_store`, and let pytest collect it."""
