"""The vector index: what one must do, and Chroma doing it.

An index is a cache of the ledger. Losing it loses nothing; the store fills it again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ingrained.errors import StoreError

from .embedding import Embedder
from .entries import Entry, namespace_key

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

_COLLECTION = "memories"
_EF_SEARCH = 400
"""Width of Chroma's search. Over 2,000 hashed notes its default of 100 missed 9 % of the exact
nearest 50 and 1 % of the exact nearest; 400 misses 0.6 % and none, in the same time."""
_REBUILD_HINT = (
    "The index is only a cache of the ledger: delete the folder, or open the store with "
    "rebuild_index=True, and it is made anew."
)

Hits = list[tuple[str, float]]
"""(memory id, cosine similarity in [-1, 1]), nearest first; ties by id."""


class Index(Protocol):
    """A vector index over active memories. Every method may raise StoreError."""

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put the entries in, replacing those of the same id."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Take these ids out; unknown ones are ignored."""
        ...

    def query(
        self,
        vectors: Sequence[Sequence[float]],
        *,
        k: int,
        namespace: tuple[str, ...],
        document: str | None = None,
    ) -> list[Hits]:
        """Return the at most `k` nearest entries of each vector, in one go."""
        ...

    def digests(self) -> dict[str, str]:
        """Return the digest of every entry, by memory id."""
        ...

    def close(self) -> None:
        """Let go of files; a second call does nothing."""
        ...


class ChromaIndex:
    """A persistent Chroma collection in a folder of its own, for one process at a time.

    Chroma's local client is not made for several processes, not even for readers beside a
    writer, so only the store that holds the write lock opens it. One thread builds the graph:
    the same inserts then give the same index.

    Args:
        path: The folder; made when missing.
        embedder: Its name and fingerprint are kept with the vectors and checked.
        rebuild: Throw away what is there first.

    Raises:
        StoreError: When the folder is damaged, or holds another embedder's vectors.
    """

    def __init__(self, path: Path, embedder: Embedder, *, rebuild: bool = False) -> None:
        if rebuild:
            shutil.rmtree(path, ignore_errors=True)
        self._path = path
        with self._errors():
            self._client = _client(path)
        try:
            with self._errors():
                self._collection = _collection(self._client, embedder)
                self._batch = self._client.get_max_batch_size()
        except StoreError:
            self._client.close()
            raise

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put the entries in, replacing those of the same id."""
        for start in range(0, len(entries), self._batch):
            batch = entries[start : start + self._batch]
            with self._errors():
                self._collection.upsert(
                    ids=[entry.id for entry in batch],
                    embeddings=cast("Any", [list(entry.vector) for entry in batch]),
                    documents=[entry.text for entry in batch],
                    metadatas=[_metadata(entry) for entry in batch],
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Take these ids out; unknown ones are ignored."""
        for start in range(0, len(ids), self._batch):
            with self._errors():
                self._collection.delete(ids=list(ids[start : start + self._batch]))

    def query(
        self,
        vectors: Sequence[Sequence[float]],
        *,
        k: int,
        namespace: tuple[str, ...],
        document: str | None = None,
    ) -> list[Hits]:
        """Return the at most `k` nearest entries of each vector, in one Chroma query."""
        if not vectors or k <= 0:
            return [[] for _ in vectors]
        with self._errors():
            found = self._collection.query(
                query_embeddings=cast("Any", vectors),
                n_results=k,
                where=_where(namespace, document),
                include=["distances"],
            )
        distances = found["distances"] or []
        return [_hits(ids, row) for ids, row in zip(found["ids"], distances, strict=True)]

    def digests(self) -> dict[str, str]:
        """Return the digest of every entry, by memory id."""
        with self._errors():
            found = self._collection.get(include=["metadatas"])
        rows = zip(found["ids"], found["metadatas"] or [], strict=True)
        return {id_: str(metadata.get("digest")) for id_, metadata in rows}

    def close(self) -> None:
        """Let go of the files; a second call does nothing."""
        self._client.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        from chromadb.errors import ChromaError

        try:
            yield
        except (ChromaError, OSError, ValueError) as error:
            raise StoreError(
                f"The Chroma index {str(self._path)!r} cannot be used: {error}.",
                hint=_REBUILD_HINT,
            ) from error


def _client(path: Path) -> Client:
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

    try:
        client = chromadb.PersistentClient(path, Settings(anonymized_telemetry=False))
    except (ChromaError, OSError, ValueError):
        # Chroma keeps the half-started system for this path and would hand it out again.
        SharedSystemClient._identifier_to_system.pop(str(path), None)
        raise
    return cast("Client", client)


def _collection(client: Client, embedder: Embedder) -> Collection:
    collection = client.get_or_create_collection(
        _COLLECTION,
        embedding_function=None,
        metadata={"embedder": embedder.name, "fingerprint": embedder.fingerprint},
        configuration={"hnsw": {"space": "cosine", "num_threads": 1, "ef_search": _EF_SEARCH}},
    )
    kept = collection.metadata or {}
    if kept.get("fingerprint") != embedder.fingerprint:
        raise StoreError(
            f"The index was made with the embedder {kept.get('embedder')!r}, "
            f"not with {embedder.name!r} as it is now.",
            hint=_REBUILD_HINT,
        )
    return collection


def _metadata(entry: Entry) -> dict[str, Any]:
    plain = {"digest": entry.digest, "namespace": namespace_key(entry.namespace)}
    # Chroma refuses an empty list.
    return {**plain, "documents": list(entry.documents)} if entry.documents else plain


def _where(namespace: tuple[str, ...], document: str | None) -> Any:
    within = {"namespace": namespace_key(namespace)}
    if document is None:
        return within
    return {"$and": [within, {"documents": {"$contains": document}}]}


def _hits(ids: Sequence[str], distances: Sequence[float]) -> Hits:
    hits = [(id_, 1.0 - distance) for id_, distance in zip(ids, distances, strict=True)]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))
