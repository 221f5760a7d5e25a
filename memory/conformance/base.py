"""The ground that the parts of the contract stand on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingrained.memory.records import Memory, Span, sha256
from ingrained.memory.results import Recalled
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

DAY = 86_400.0
START = 1_000_000.0

NOTES = (
    "The lighthouse at Cape Morrow was finished in 1873.",
    "Ada Venn, the first keeper, planted a walled orchard of pears.",
    "The harbour freezes every February and the ferries stop.",
    "Copper from the northern mine paid for the railway.",
)


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """Return the time in POSIX seconds."""
        return self.now


def note(text: str, *, document: str = "guide.md", start: int = 0, **fields: Any) -> Memory:
    """Return a memory of `text` that rests on one span of a document."""
    span = Span(
        document=document,
        version=sha256(document),
        start=start,
        end=start + len(text),
        quote=text,
        quote_sha256=sha256(text),
    )
    return dataclasses.replace(Memory(id="", text=text, spans=(span,)), **fields)


def ids_of(found: Sequence[Recalled]) -> list[str]:
    """Return the ids of what was recalled, in order."""
    return [item.memory.id for item in found]


class Grounds:
    """Opens the store under test."""

    def open_store(self, home: Path, clock: Callable[[], float]) -> MemoryStore:
        """Open the store under test, for writing."""
        return MemoryStore.open(home, HashEmbedder(), clock=clock)

    @pytest.fixture
    def clock(self) -> Clock:
        """The store's clock."""
        return Clock()

    @pytest.fixture
    def store(self, tmp_path: Path, clock: Clock) -> Iterator[MemoryStore]:
        """An empty store."""
        with self.open_store(tmp_path, clock) as store:
            yield store

    @pytest.fixture
    def ids(self, store: MemoryStore) -> list[str]:
        """The ids of `NOTES`, inserted."""
        inserted = store.insert([note(text) for text in NOTES], who="reader", why="read")
        return [item.id for item in inserted]
