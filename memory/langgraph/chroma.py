"""The vectors of a store in Chroma: ids and numbers, no text, no namespace, no value.

What is there is a cache: which items a search may see is decided in SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingrained.errors import StoreError
from ingrained.memory.chroma import EF_SEARCH, open_client

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]


class VectorCache:
    """One Chroma collection.

    Args:
        place: A folder for this process alone, or the address of a Chroma server.
        collection: The name of the collection; made when missing.

    Raises:
        InputError: When the address is none.
        StoreError: From any method, when Chroma cannot be used.
    """

    def __init__(self, place: Path | str, collection: str) -> None:
        self._place = place
        with self._errors():
            self._client = open_client(place)
        try:
            with self._errors():
                self._collection = self._client.get_or_create_collection(
                    collection,
                    embedding_function=None,
                    configuration={
                        "hnsw": {"space": "cosine", "num_threads": 1, "ef_search": EF_SEARCH}
                    },
                )
                self._batch = self._client.get_max_batch_size()
        except StoreError:
            self.close()
            raise

    def upsert(self, ids: Sequence[int], vectors: Sequence[Vector]) -> None:
        """Put the vectors in, or in the place of those of the same id."""
        for start in range(0, len(ids), self._batch):
            part = slice(start, start + self._batch)
            with self._errors():
                self._collection.upsert(
                    ids=[str(id_) for id_ in ids[part]], embeddings=cast("Any", vectors[part])
                )

    def delete(self, ids: Iterable[int]) -> None:
        """Take these ids out; unknown ones are ignored."""
        names = [str(id_) for id_ in ids]
        for start in range(0, len(names), self._batch):
            with self._errors():
                self._collection.delete(ids=names[start : start + self._batch])

    def nearest(self, vector: Vector, k: int) -> list[int]:
        """Return the ids of the `k` vectors of the smallest angle, nearest first."""
        with self._errors():
            found = self._collection.query(
                query_embeddings=cast("Any", [vector]), n_results=k, include=[]
            )
        return [int(id_) for id_ in found["ids"][0]]

    def count(self) -> int:
        """Return how many vectors there are."""
        with self._errors():
            return self._collection.count()

    def ids(self) -> set[int]:
        """Return the ids of all vectors."""
        with self._errors():
            return {int(id_) for id_ in self._collection.get(include=[])["ids"]}

    def drop(self, collection: str) -> None:
        """Delete another collection, if it is there."""
        from chromadb.errors import NotFoundError

        with self._errors():
            try:
                self._client.delete_collection(collection)
            except NotFoundError:
                return

    def close(self) -> None:
        """Let go of the files or of the connection; a second call does nothing."""
        cast("Any", self._client).close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import httpx
        from chromadb.errors import ChromaError

        try:
            yield
        except (ChromaError, OSError, ValueError, httpx.HTTPError) as error:
            raise StoreError(
                f"Chroma at {str(self._place)!r} cannot be used: {error}.",
                hint="Nothing is lost: the items and their vectors are in SQLite. "
                "Check that the server answers; or delete the folder, and the next open fills it.",
            ) from error
