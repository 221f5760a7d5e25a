"""From texts to vectors: the interface, and the embedder that runs a local model."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingrained.errors import ModelError
from ingrained.quiet import no_progress_bars

from .lexical import clean

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_WEIGHT_SUFFIXES = frozenset({".safetensors", ".bin"})
_CHUNK_BYTES = 1 << 20


class Embedder(Protocol):
    """Turns texts into vectors. Two embedders with one fingerprint give the same vectors."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one unit-length vector per text, in order."""
        ...


class SentenceTransformerEmbedder:
    """A sentence-transformers model from a local folder; the network is never touched.

    The model is loaded by the first `embed` (or `dimension`), not by the constructor.

    Args:
        path: Folder with the model.
        name: What to call it in stores and messages.
        device: A torch device; the library's choice when omitted.

    Raises:
        ModelError: On first use, when the folder holds no usable model.
    """

    def __init__(self, path: Path, name: str, *, device: str | None = None) -> None:
        self._path = Path(path)
        self._name = name
        self._device = device
        self._lock = threading.Lock()
        self._model: SentenceTransformer | None = None
        self._fingerprint = ""

    @property
    def name(self) -> str:
        """The name given to the constructor."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the weight files and the tokeniser, wherever the folder lies."""
        if not self._fingerprint:
            self._fingerprint = _hash_model(self._path)
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length of every vector; loads the model."""
        with self._lock:
            return int(self._loaded().get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one unit-length vector per text, in order."""
        if not texts:
            return []
        with self._lock:
            vectors = self._loaded().encode(
                [clean(text) for text in texts], normalize_embeddings=True, show_progress_bar=False
            )
        return [[float(value) for value in vector] for vector in vectors]

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            self._model = _load(self._path, self._device)
        return self._model


def _load(path: Path, device: str | None) -> SentenceTransformer:
    if not any((path / name).is_file() for name in ("modules.json", "config.json")):
        raise _no_model(path)
    from sentence_transformers import SentenceTransformer

    with no_progress_bars():
        try:
            return SentenceTransformer(str(path), device=device, local_files_only=True)
        except (OSError, ValueError) as error:
            raise _no_model(path) from error


def _hash_model(path: Path) -> str:
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in _WEIGHT_SUFFIXES or file.name == "tokenizer.json"
    )
    if not files:
        raise _no_model(path)
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def _no_model(path: Path) -> ModelError:
    return ModelError(
        f"No sentence-transformers model in {str(path)!r}.",
        hint="Give a folder with modules.json, config.json, a tokenizer and weights.",
    )
