"""An exact index in plain memory: for readers beside a writer, and for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .entries import Entry
from .index import Hits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class InMemoryIndex:
    """Compares every query with every entry: exact, and fast enough for some 100,000 entries."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._matrix: NDArray[np.float32] | None = None

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put the entries in, replacing those of the same id."""
        self._entries.update({entry.id: entry for entry in entries})
        self._matrix = None

    def delete(self, ids: Sequence[str]) -> None:
        """Take these ids out; unknown ones are ignored."""
        for id_ in ids:
            self._entries.pop(id_, None)
        self._matrix = None

    def query(
        self,
        vectors: Sequence[Sequence[float]],
        *,
        k: int,
        namespace: tuple[str, ...],
        document: str | None = None,
    ) -> list[Hits]:
        """Return the at most `k` nearest entries of each vector."""
        import numpy as np

        rows = [
            row
            for row, entry in enumerate(self._entries.values())
            if entry.namespace == namespace and (document is None or document in entry.documents)
        ]
        if not vectors or not rows or k <= 0:
            return [[] for _ in vectors]
        ids = list(self._entries)
        wanted = [ids[row] for row in rows]
        similarities = np.asarray(vectors, dtype=np.float32) @ self._vectors()[rows].T
        return [_nearest(wanted, line, k) for line in similarities]

    def digests(self) -> dict[str, str]:
        """Return the digest of every entry, by memory id."""
        return {id_: entry.digest for id_, entry in self._entries.items()}

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _vectors(self) -> NDArray[np.float32]:
        import numpy as np

        if self._matrix is None:
            vectors = [entry.vector for entry in self._entries.values()]
            self._matrix = np.asarray(vectors, dtype=np.float32)
        return self._matrix


def _nearest(ids: Sequence[str], similarities: NDArray[np.float32], k: int) -> Hits:
    hits = zip(ids, map(float, similarities), strict=True)
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))[:k]
