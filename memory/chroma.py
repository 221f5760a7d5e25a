"""Chroma as the vector index: in a folder of its own, or on a server."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ingrained.errors import InputError, StoreError

from .embedding import Embedder
from .entries import Entry, namespace_key
from .index import Hits, Place, Seal
from .records import sha256

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

EF_SEARCH = 150
"""Width of Chroma's search. Over 100,000 embedded sentences its default of 100 found 97.0 % of the
exact ten nearest and 98.3 % of the first, 150 finds 98.0 and 99.3 %, 200 found 98.5 and 99.7 %; the
search by words finds what is left. From 150 to 200 a recall takes 5 % longer."""
_AT_ONCE = 10_000
_REBUILD_HINT = (
    "The index is only a cache of the ledger: make it anew with `ingrained memory rebuild`."
)

_START_HINT = "Start it with `chroma run --path FOLDER`, or correct the address."


class ChromaIndex:
    """Chroma collections, one for each namespace, so that nothing can cross.

    Chroma's local client is not made for several processes, not even for readers beside a
    writer, so only the store that holds the write lock opens it. One thread builds each graph:
    the same inserts then give the same index. The collections hold ids, vectors and digests, and
    no text.

    Args:
        where: The folder, made when missing; or the address of a Chroma server.
        embedder: Its name and fingerprint are kept with the vectors and checked.
        store: Begins the names of the collections: on a server it tells stores apart.
        name: Comes next in them, and tells the indexes of one store apart.

    Raises:
        InputError: When the address is not one.
        StoreError: When the folder is damaged, the server does not answer, or the vectors are
            another embedder's.
    """

    def __init__(
        self,
        where: Path | str,
        embedder: Embedder,
        *,
        store: str = "ingrained",
        name: str = "memories",
    ) -> None:
        self._where = where
        self._embedder = embedder
        self._store = store
        self._name = f"{store}-{name}"
        self._collections: dict[tuple[str, ...], Collection | None] = {}
        with self._errors():
            self._client = open_client(where)
        try:
            with self._errors():
                self._batch = self._client.get_max_batch_size()
                self._marker = self._named("whole")
                self._check(self._marker)
        except StoreError:
            self.close()
            raise

    def upsert(self, entries: Sequence[Entry]) -> None:
        """Put the entries in, replacing those of the same namespace and id."""
        groups: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
        for entry in entries:
            groups[entry.namespace].append(entry)
        for namespace, group in groups.items():
            for start in range(0, len(group), self._batch):
                self._put(namespace, group[start : start + self._batch])

    def _put(self, namespace: tuple[str, ...], entries: Sequence[Entry]) -> None:
        with self._errors():
            self._made(namespace).upsert(
                ids=[entry.id for entry in entries],
                embeddings=_matrix(entries),
                metadatas=[{"digest": entry.digest} for entry in entries],
            )

    def delete(self, places: Sequence[Place]) -> None:
        """Take these out; unknown ones are ignored."""
        for namespace, ids in _grouped(places).items():
            with self._errors():
                collection = self._found(namespace)
                for start in range(0, len(ids), self._batch) if collection else ():
                    cast("Collection", collection).delete(ids=ids[start : start + self._batch])

    def query(
        self, vectors: Sequence[Sequence[float]], *, k: int, namespace: tuple[str, ...]
    ) -> list[Hits]:
        """Return the at most `k` nearest entries of each vector, in one Chroma query."""
        with self._errors():
            collection = self._found(namespace)
            if not vectors or k <= 0 or collection is None:
                return [[] for _ in vectors]
            found = collection.query(
                query_embeddings=cast("Any", vectors), n_results=k, include=["distances"]
            )
        distances = found["distances"] or []
        return [_hits(ids, row) for ids, row in zip(found["ids"], distances, strict=True)]

    def count(self, namespace: tuple[str, ...]) -> int:
        """Return how many entries a namespace has."""
        with self._errors():
            collection = self._found(namespace)
            return 0 if collection is None else collection.count()

    def digests(self, places: Sequence[Place] | None = None) -> Mapping[Place, str]:
        """Return the digests of these entries, as far as there are any; of all of them when None."""
        with self._errors():
            if places is None:
                return {place: digest for one in self._all() for place, digest in _every(one)}
            return {
                (namespace, id_): digest
                for namespace, ids in _grouped(places).items()
                if (collection := self._found(namespace)) is not None
                for start in range(0, len(ids), _AT_ONCE)
                for id_, digest in _digests(collection, ids=ids[start : start + _AT_ONCE])
            }

    def sealed(self) -> Seal | None:
        """Return what `seal` noted; None for one that never held all there was."""
        kept = (self._marker.metadata or {}) if self._marker else {}
        if "name" not in kept or "event" not in kept:
            return None
        return str(kept["name"]), int(cast("int", kept["event"]))

    def seal(self, seal: Seal) -> None:
        """Take note that it holds all there is."""
        with self._errors():
            self._marker = self._made(None)
            self._marker.modify(
                metadata={
                    "embedder": self._embedder.name,
                    "fingerprint": self._embedder.fingerprint,
                    "name": seal[0],
                    "event": seal[1],
                }
            )

    def drop_others(self) -> None:
        """Delete the other indexes of the same store from a server."""
        with self._errors():
            for collection in self._listed(f"{self._store}-"):
                if not collection.name.startswith(f"{self._name}-"):
                    self._client.delete_collection(collection.name)

    def close(self) -> None:
        """Let go of the files; a second call does nothing."""
        cast("Client", self._client).close()

    def _all(self) -> list[Collection]:
        """Return the collections of all namespaces."""
        return self._listed(f"{self._name}-n-")

    def _listed(self, beginning: str) -> list[Collection]:
        found: list[Collection] = []
        while page := self._client.list_collections(limit=_AT_ONCE, offset=len(found)):
            found.extend(page)
        return [one for one in found if one.name.startswith(beginning)]

    def _named(self, name: str) -> Collection | None:
        from chromadb.errors import NotFoundError

        try:
            return self._client.get_collection(f"{self._name}-{name}", embedding_function=None)
        except NotFoundError:
            return None

    def _found(self, namespace: tuple[str, ...]) -> Collection | None:
        if self._collections.get(namespace) is None:
            self._collections[namespace] = self._named(_suffix(namespace))
        return self._collections[namespace]

    def _made(self, namespace: tuple[str, ...] | None) -> Collection:
        """Return the collection of a namespace, or the marker, making it when missing."""
        if namespace is not None and (found := self._found(namespace)) is not None:
            return found
        suffix = "whole" if namespace is None else _suffix(namespace)
        made = self._client.get_or_create_collection(
            f"{self._name}-{suffix}",
            embedding_function=None,
            metadata={
                "embedder": self._embedder.name,
                "fingerprint": self._embedder.fingerprint,
                **({} if namespace is None else {"namespace": namespace_key(namespace)}),
            },
            configuration={"hnsw": {"space": "cosine", "num_threads": 1, "ef_search": EF_SEARCH}},
        )
        if namespace is not None:
            self._collections[namespace] = made
        return made

    def _check(self, collection: Collection | None) -> None:
        kept = (collection.metadata or {}) if collection else {}
        if kept and kept.get("fingerprint") != self._embedder.fingerprint:
            raise StoreError(
                f"The index was made with the embedder {kept.get('embedder')!r}, "
                f"not with {self._embedder.name!r} as it is now.",
                hint=_REBUILD_HINT,
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import httpx
        from chromadb.errors import ChromaError

        try:
            yield
        except (ChromaError, OSError, ValueError, httpx.HTTPError) as error:
            away = isinstance(self._where, str) and not isinstance(error, ChromaError)
            raise StoreError(
                f"The Chroma server {self._where} does not answer: {error}."
                if away
                else f"The Chroma index {str(self._where)!r} cannot be used: {error}.",
                hint=_START_HINT if away else _REBUILD_HINT,
            ) from error


def open_client(where: Path | str) -> ClientAPI:
    """Return a client for a folder, or for the server at an address; telemetry is off."""
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

    settings = Settings(anonymized_telemetry=False)
    if isinstance(where, str):
        host, port, ssl = server(where)
        return chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=settings)
    try:
        return chromadb.PersistentClient(where, settings)
    except (ChromaError, OSError, ValueError):
        # Chroma keeps the half-started system for this path and would hand it out again.
        SharedSystemClient._identifier_to_system.pop(str(where), None)
        raise


def server(address: str) -> tuple[str, int, bool]:
    """Return host, port and whether it is encrypted, of a Chroma server's address.

    Raises:
        InputError: It is no address.
    """
    parts = urlsplit(address)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 8000)
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or not port:
        raise InputError(
            f"{address!r} is not the address of a Chroma server",
            hint="Give one such as http://localhost:8000.",
        )
    return parts.hostname, port, parts.scheme == "https"


def _suffix(namespace: tuple[str, ...]) -> str:
    return f"n-{sha256(namespace_key(namespace))}"


def _grouped(places: Sequence[Place]) -> dict[tuple[str, ...], list[str]]:
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for namespace, id_ in places:
        groups[namespace].append(id_)
    return groups


def _every(collection: Collection) -> Iterator[tuple[Place, str]]:
    namespace = tuple(json.loads(str((collection.metadata or {})["namespace"])))
    for start in range(0, collection.count(), _AT_ONCE):
        for id_, digest in _digests(collection, limit=_AT_ONCE, offset=start):
            yield (namespace, id_), digest


def _digests(collection: Collection, **chosen: Any) -> list[tuple[str, str]]:
    rows = collection.get(include=["metadatas"], **chosen)
    pairs = zip(rows["ids"], rows["metadatas"] or [], strict=True)
    return [(id_, str(kept["digest"])) for id_, kept in pairs]


def _matrix(entries: Sequence[Entry]) -> Any:
    import numpy as np

    return np.asarray([entry.vector for entry in entries], dtype=np.float32)


def _hits(ids: Sequence[str], distances: Sequence[float]) -> Hits:
    hits = [(id_, 1.0 - distance) for id_, distance in zip(ids, distances, strict=True)]
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))
