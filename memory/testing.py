"""Stand-ins for tests: yours as well as ours."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence

from .lexical import terms

_GRAM = 3
_GRAM_WEIGHT = 0.3


class HashEmbedder:
    """Hashed content words and their character trigrams: no model, no randomness.

    Texts that share words are near, texts that share none are almost orthogonal, and the
    vectors are the same on every machine and in every run.

    Args:
        dimension: Length of the vectors.
        name: Changes the name and the fingerprint, to play "another embedder".
    """

    def __init__(self, dimension: int = 256, *, name: str = "hash") -> None:
        self._dimension = dimension
        self._name = name

    @property
    def name(self) -> str:
        """The name given to the constructor."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Name and dimension: all that the vectors depend on."""
        return f"{self._name}-{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one unit-length vector per text, in order."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self._dimension
        for feature, weight in _features(text):
            hashed = zlib.crc32(feature.encode())
            vector[(hashed >> 1) % self._dimension] += weight if hashed & 1 else -weight
        length = math.sqrt(sum(value * value for value in vector))
        if not length:
            return [1.0] + [0.0] * (self._dimension - 1)
        return [value / length for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in terms(text):
        yield word, 1.0
        framed = f"^{word}$"
        for start in range(len(framed) - _GRAM + 1):
            yield framed[start : start + _GRAM], _GRAM_WEIGHT
