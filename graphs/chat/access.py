"""How a conversation reaches the memory: it reads beside others, and writes for a moment only.

So a study can run while somebody talks with the agent, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ingrained.graphs.session import Home
from ingrained.memory.embedding import Embedder
from ingrained.memory.store import MemoryStore, StoreOptions


class Access(Protocol):
    """Opens a memory for reading and for writing."""

    def reading(self) -> MemoryStore | None:
        """Return the memory; None while there is none."""
        ...

    def withholds(self, text: str) -> bool:
        """Return whether a text has what this memory does not keep."""
        ...

    def writing(self) -> AbstractContextManager[MemoryStore]:
        """Open the memory to change it.

        Raises:
            StoreError: it cannot be written to, as while another process writes to it.
        """
        ...


class OpenStore:
    """A memory that the host holds open."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def reading(self) -> MemoryStore:
        """Return it."""
        return self._store

    def withholds(self, text: str) -> bool:
        """Return whether a text has what this memory does not keep."""
        return self._store.withholds(text)

    @contextmanager
    def writing(self) -> Iterator[MemoryStore]:
        """Give it, and leave it open."""
        yield self._store


class HomeMemory:
    """The memory of a home, which other processes use as well.

    Args:
        home: Where it is; the first change makes it when missing.
        embedder: Gives the embedder, loaded once.
        reading: How it works when it is read.
        writing: How it works when it is changed.
    """

    def __init__(
        self,
        home: Home,
        embedder: Callable[[], Embedder],
        *,
        reading: Callable[[], StoreOptions],
        writing: StoreOptions,
    ) -> None:
        self._home = home
        self._load = embedder
        self._embedder: Embedder | None = None
        self._reading = reading
        self._writing = writing
        self._reader: MemoryStore | None = None

    def reading(self) -> MemoryStore | None:
        """Return the memory, opened beside whoever writes; None before anything is remembered."""
        if self._reader is None and self._home.ledger_file.is_file():
            self._reader = MemoryStore.open(
                self._home.path, self._embed(), read_only=True, options=self._reading()
            )
        return self._reader

    def withholds(self, text: str) -> bool:
        """Return whether a text has what this memory does not keep."""
        return self._writing.withholds(text)

    @contextmanager
    def writing(self) -> Iterator[MemoryStore]:
        """Open the memory as its writer, for as long as the block lasts."""
        with MemoryStore.open(self._home.path, self._embed(), options=self._writing) as store:
            yield store

    def close(self) -> None:
        """Close what was opened for reading."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _embed(self) -> Embedder:
        if self._embedder is None:
            self._embedder = self._load()
        return self._embedder
