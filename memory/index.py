"""The vector index: what one must do.

An index is a cache of the ledger. Losing it loses nothing; the store fills it again. It answers
the questions without conditions; those with conditions go to the ledger's own vectors
(`in_memory.search_exactly`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .entries import Entry

Hits = list[tuple[str, float]]
"""(memory id, cosine similarity in [-1, 1]), nearest first; ties by id."""
Seal = tuple[str, int]
"""An index's own name, by which the ledger knows it again, and the last event it has seen."""
Place = tuple[tuple[str, ...], str]
"""Namespace and memory id."""


class Searchable(Protocol):
    """What finds the nearest active memories. Every method may raise StoreError."""

    def query(
        self, vectors: Sequence[Sequence[float]], *, k: int, namespace: tuple[str, ...]
    ) -> list[Hits]:
        """Return the at most `k` nearest entries of each vector, in one go."""
        ...

    def close(self) -> None:
        """Let go of files; a second call does nothing."""
        ...


class Index(Searchable, Protocol):
    """A vector index that the store fills with the active memories."""

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put the entries in, replacing those of the same namespace and id."""
        ...

    def delete(self, places: Sequence[Place]) -> None:
        """Take these out; unknown ones are ignored."""
        ...

    def count(self, namespace: tuple[str, ...]) -> int:
        """Return how many entries a namespace has."""
        ...

    def digests(self, places: Sequence[Place] | None = None) -> Mapping[Place, str]:
        """Return the digests of these entries, as far as there are any; of all of them when None."""
        ...

    def sealed(self) -> Seal | None:
        """Return what `seal` noted; None for an index that was cut short in the making."""
        ...

    def seal(self, seal: Seal) -> None:
        """Take note that it holds all there is."""
        ...
