"""Vectors made once: so that a benchmark times the stores and not the embedder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ingrained.memory import Embedder

_CHUNK = 5000

Matrix = NDArray[np.float32]


class PrecomputedEmbedder:
    """Looks vectors up that another embedder made.

    Args:
        vectors: By text, unit length.
        name: Of the embedder that made them.
        fingerprint: Of the same.

    Raises:
        KeyError: On use, for a text that was not embedded beforehand.
    """

    def __init__(self, vectors: Mapping[str, Matrix], *, name: str, fingerprint: str) -> None:
        self._vectors = vectors
        self.name = name
        self.fingerprint = fingerprint

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return len(next(iter(self._vectors.values())))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one unit-length vector per text, in order."""
        return [self._vectors[text].tolist() for text in texts]


def cached_vectors(texts: Sequence[str], embedder: Embedder, cache: Path) -> Matrix:
    """Return the vectors of `texts`, in order; kept in `cache` for the next run.

    Kept are pieces of a few thousand texts, so that an interrupted run goes on where it was, and a
    larger one begins with what a smaller one made.
    """
    cache.mkdir(parents=True, exist_ok=True)
    pieces = (texts[start : start + _CHUNK] for start in range(0, len(texts), _CHUNK))
    return np.concatenate([_piece(piece, embedder, cache) for piece in pieces])


def _piece(texts: Sequence[str], embedder: Embedder, cache: Path) -> Matrix:
    said = "\0".join([embedder.fingerprint, *texts])
    path = cache / f"vectors-{hashlib.sha256(said.encode()).hexdigest()[:32]}.npy"
    if not path.is_file():
        partial = path.with_suffix(".tmp.npy")
        np.save(partial, np.asarray(embedder.embed(texts), dtype=np.float32))
        partial.replace(path)
    return np.asarray(np.load(path), dtype=np.float32)
