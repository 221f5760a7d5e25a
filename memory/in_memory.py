"""Exact indexes without files: one filled by hand, one that reads the ledger's vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .entries import Entry
from .filters import Where
from .index import Hits, Place, Seal
from .lookups import Lookups

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Table = tuple[list[str], "NDArray[np.float32]"]
"""Ids, and their vectors in the same order, shape (memories, dimension)."""


class InMemoryIndex:
    """Compares every query with every entry of a namespace: the reference for other indexes."""

    def __init__(self) -> None:
        self._entries: dict[Place, Entry] = {}
        self._seal: Seal | None = None

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put the entries in, replacing those of the same namespace and id."""
        self._entries.update({(entry.namespace, entry.id): entry for entry in entries})

    def delete(self, places: Sequence[Place]) -> None:
        """Take these out; unknown ones are ignored."""
        for place in places:
            self._entries.pop(place, None)

    def query(
        self, vectors: Sequence[Sequence[float]], *, k: int, namespace: tuple[str, ...]
    ) -> list[Hits]:
        """Return the at most `k` nearest entries of each vector."""
        import numpy as np

        own = [entry for (space, _), entry in self._entries.items() if space == namespace]
        matrix = np.asarray([entry.vector for entry in own], dtype=np.float32)
        return nearest(([entry.id for entry in own], matrix), vectors, k)

    def count(self, namespace: tuple[str, ...]) -> int:
        """Return how many entries a namespace has."""
        return sum(space == namespace for space, _ in self._entries)

    def digests(self, places: Sequence[Place] | None = None) -> Mapping[Place, str]:
        """Return the digests of these entries, as far as there are any; of all of them when None."""
        wanted = self._entries if places is None else [p for p in places if p in self._entries]
        return {place: self._entries[place].digest for place in wanted}

    def sealed(self) -> Seal | None:
        """Return what `seal` noted; None for one that never held all there was."""
        return self._seal

    def seal(self, seal: Seal) -> None:
        """Take note that it holds all there is."""
        self._seal = seal

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class LedgerIndex:
    """What a reader searches: the vectors in the ledger, read when first asked for.

    It follows the ledger by itself, so that nothing is ever put into it. Exact; some 100,000
    memories take about 150 MB and some ten milliseconds a question.
    """

    def __init__(self, ledger: Lookups, fingerprint: str) -> None:
        self._ledger = ledger
        self._fingerprint = fingerprint
        self._tables: dict[tuple[str, ...], Table] = {}
        self._seen = -1

    def query(
        self, vectors: Sequence[Sequence[float]], *, k: int, namespace: tuple[str, ...]
    ) -> list[Hits]:
        """Return the at most `k` nearest memories of each vector."""
        version = self._ledger.data_version()
        if version != self._seen:
            self._ledger.check_embedder(self._fingerprint)
            self._tables, self._seen = {}, version
        if namespace not in self._tables:
            self._tables[namespace] = self._ledger.matrix(
                namespace, None, fingerprint=self._fingerprint
            )
        return nearest(self._tables[namespace], vectors, k)

    def close(self) -> None:
        """Do nothing: the ledger is the store's."""


def search_exactly(
    ledger: Lookups,
    vectors: Sequence[Sequence[float]],
    *,
    k: int,
    namespace: tuple[str, ...],
    where: Where,
    fingerprint: str,
) -> list[Hits]:
    """Return the at most `k` nearest memories that meet the conditions, for each vector.

    Chroma takes time in proportion to the memories that meet a condition, and misses some of the
    nearest; comparing all of their vectors takes less, and misses none.
    """
    return nearest(ledger.matrix(namespace, where, fingerprint=fingerprint), vectors, k)


def nearest(table: Table, vectors: Sequence[Sequence[float]], k: int) -> list[Hits]:
    """Return the at most `k` nearest rows of a table for each unit-length vector."""
    import numpy as np

    ids, matrix = table
    if not vectors or not ids or k <= 0:
        return [[] for _ in vectors]
    similarities = np.asarray(vectors, dtype=np.float32) @ matrix.T
    return [_best(ids, line, k) for line in similarities]


def _best(ids: Sequence[str], similarities: NDArray[np.float32], k: int) -> Hits:
    import numpy as np

    edge = len(ids) - k
    worst = np.partition(similarities, edge)[edge] if edge > 0 else -np.inf
    hits = (
        (ids[row], float(similarities[row]))
        for row in np.flatnonzero(similarities >= worst).tolist()
    )
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
