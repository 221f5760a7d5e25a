"""The store's contract, kept by the store on Chroma and on the index in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ingrained.memory import MemoryStore
from ingrained.memory.chroma import ChromaIndex
from ingrained.memory.conformance import IndexContract, MemoryStoreContract
from ingrained.memory.in_memory import InMemoryIndex
from ingrained.memory.index import Index
from ingrained.memory.testing import HashEmbedder


class TestOnChroma(MemoryStoreContract):
    """What users get by default."""


class TestInMemory(MemoryStoreContract):
    def open_store(self, home: Path, clock: Callable[[], float]) -> MemoryStore:
        return MemoryStore.open(home, HashEmbedder(), clock=clock, index=InMemoryIndex())


class TestChromaIndex(IndexContract):
    def open_index(self, folder: Path) -> Index:
        return ChromaIndex(folder / "chroma", HashEmbedder())


class TestInMemoryIndex(IndexContract):
    lasting = False

    def open_index(self, folder: Path) -> Index:
        return InMemoryIndex()
