"""The texts of an item, and their vectors from whatever embedder the user gave."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from langgraph.store.base import IndexConfig, ensure_embeddings, get_text_at_path

from ingrained.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

WHOLE = "$"
PROBE = "The lighthouse keeper wrote the weather into a book every evening."
"""Embedded along with a store's first texts, to tell whether the embedder is the one of last time."""

Indexing = Literal[False] | list[str] | None
"""PutOp's `index`: nothing, these JSON paths, or the store's own."""


class EmbeddingError(InputError, ValueError):
    """The embedder's answer does not fit the index."""

    hint = "Check `dims` and `embed` of the store's index."


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Vectors by text: of items, and of queries, which some models embed otherwise."""

    texts: Mapping[str, Vector] = field(default_factory=dict)
    queries: Mapping[str, Vector] = field(default_factory=dict)


class TextEmbedder:
    """The `embed` and `fields` of an index.

    Args:
        config: As LangGraph's stores take it. Without `dims` the first vector gives the length.
    """

    def __init__(self, config: IndexConfig) -> None:
        self._embeddings = ensure_embeddings(config.get("embed"))
        self._only_async = _is_async(config.get("embed"))
        self._fields = config.get("fields") or [WHOLE]
        self.dims = config.get("dims")

    def texts(self, value: Mapping[str, Any], indexing: Indexing) -> list[str]:
        """Return the texts of an item that get a vector each; blank ones get none."""
        if indexing is False:
            return []
        paths = self._fields if indexing is None else indexing
        found = (text for path in paths for text in get_text_at_path(value, path))
        return [text for text in dict.fromkeys(found) if text.strip()]

    def embed(self, texts: Sequence[str], queries: Sequence[str]) -> Embedded:
        """Embed both; an async embedder runs in a loop of its own, in another thread.

        Raises:
            EmbeddingError: When vectors are missing, or not of the right length.
        """
        if self._only_async:
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(asyncio.run, self.aembed(texts, queries)).result()
        found = self._embeddings.embed_documents(list(texts)) if texts else []
        asked = [self._embeddings.embed_query(query) for query in queries]
        return self._embedded(texts, found, queries, asked)

    async def aembed(self, texts: Sequence[str], queries: Sequence[str]) -> Embedded:
        """Do the same in the running loop."""
        found = await self._embeddings.aembed_documents(list(texts)) if texts else []
        asked = await asyncio.gather(*map(self._embeddings.aembed_query, queries))
        return self._embedded(texts, found, queries, asked)

    def _embedded(
        self,
        texts: Sequence[str],
        found: Sequence[Sequence[float]],
        queries: Sequence[str],
        asked: Sequence[Sequence[float]],
    ) -> Embedded:
        return Embedded(
            texts=dict(zip(texts, self._vectors(texts, found), strict=True)),
            queries=dict(zip(queries, self._vectors(queries, asked), strict=True)),
        )

    def _vectors(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> list[Vector]:
        import numpy as np

        if len(vectors) != len(texts):
            raise EmbeddingError(
                f"The embedder gave {len(vectors)} vectors for {len(texts)} texts."
            )
        arrays = [np.asarray(vector, dtype=np.float32) for vector in vectors]
        for array in arrays:
            self.dims = self.dims or array.size
            if array.shape != (self.dims,):
                raise EmbeddingError(
                    f"The embedder gave a vector of shape {array.shape}; dims is {self.dims}."
                )
            if not np.isfinite(array).all():
                raise EmbeddingError("The embedder gave a vector with infinities or NaN in it.")
        return arrays


def _is_async(embed: object) -> bool:
    called = type(embed).__call__ if callable(embed) else None
    return inspect.iscoroutinefunction(embed) or inspect.iscoroutinefunction(called)
