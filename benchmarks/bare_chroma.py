"""Chroma used as its own guide shows it: one collection, nothing around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import chromadb
from chromadb.config import Settings

if TYPE_CHECKING:
    from precomputed import Matrix


class BareChroma:
    """One persistent collection by cosine, everything else as Chroma has it by default.

    Args:
        folder: Where it lies.
        texts: Keep the texts as documents, to have them back from a query, as a memory must.
    """

    def __init__(self, folder: Path, *, texts: bool) -> None:
        self._texts = texts
        self._client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
        self._collection = self._client.get_or_create_collection(
            "memories",
            embedding_function=None,
            configuration={"hnsw": {"space": "cosine"}},
        )

    def upsert(self, ids: list[str], vectors: Matrix, texts: list[str]) -> None:
        """Put a batch in."""
        self._collection.upsert(
            ids=ids, embeddings=vectors, documents=texts if self._texts else None
        )

    def query(self, vector: Any, k: int) -> list[str]:
        """Return the ids of the nearest; the texts are fetched with them where there are any."""
        found = self._collection.query(
            query_embeddings=[vector],
            n_results=k,
            include=["documents", "distances"] if self._texts else ["distances"],
        )
        return list(found["ids"][0])

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()
