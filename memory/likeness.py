"""How alike texts are in meaning."""

from __future__ import annotations

from collections.abc import Iterable

from .embedding import Embedder
from .lexical import clean, normalise


class Likeness:
    """Cosine similarities among given texts; each is embedded once, all in one batch.

    Args:
        embedder: Gives unit-length vectors.
        texts: All that will be compared; empty ones cannot be.
    """

    def __init__(self, embedder: Embedder, texts: Iterable[str]) -> None:
        distinct = [text for text in dict.fromkeys(texts) if normalise(text)]
        vectors = embedder.embed([clean(text) for text in distinct]) if distinct else []
        self._vectors = dict(zip(distinct, vectors, strict=True))

    def between(self, one: str, other: str) -> float:
        """Return a similarity from -1 to 1.

        Raises:
            KeyError: one of the texts was not given, or is empty.
        """
        pairs = zip(self._vectors[one], self._vectors[other], strict=True)
        return sum(a * b for a, b in pairs)
