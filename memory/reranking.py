"""Reading a query and its candidates together."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingrained.errors import ModelError
from ingrained.quiet import no_progress_bars

from .lexical import clean

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_READS_PAIRS = "ForSequenceClassification"


class Reranker(Protocol):
    """Orders candidates anew."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one score a text; higher is better."""
        ...


class CrossEncoderReranker:
    """A cross-encoder from a local folder, such as ms-marco-MiniLM; the network is never touched.

    The model is loaded by the first `scores`, not by the constructor.

    Args:
        path: Folder with the model.
        name: What to call it in messages.
        device: A torch device; the library's choice when omitted.

    Raises:
        ModelError: On first use, when the folder holds no cross-encoder with a single score.
    """

    def __init__(self, path: Path, name: str, *, device: str | None = None) -> None:
        self._path = Path(path)
        self._name = name
        self._device = device
        self._lock = threading.Lock()
        self._model: CrossEncoder | None = None

    @property
    def name(self) -> str:
        """The name given to the constructor."""
        return self._name

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one score a text, in the model's own scale; higher is better."""
        if not texts:
            return []
        pairs = [(clean(query), clean(text)) for text in texts]
        with self._lock:
            told = self._loaded().predict(pairs, show_progress_bar=False)
        return [float(score) for score in told]

    def _loaded(self) -> CrossEncoder:
        if self._model is None:
            self._model = _load(self._path, self._device)
        return self._model


def is_cross_encoder(path: Path) -> bool:
    """Say whether a folder holds a model that was trained to score pairs of texts.

    Any other encoder would load too, with a random head and random scores.
    """
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        return any(_READS_PAIRS in name for name in config.get("architectures") or ())
    except (OSError, ValueError, AttributeError):
        return False


def _load(path: Path, device: str | None) -> CrossEncoder:
    if not is_cross_encoder(path):
        raise _no_model(path)
    from sentence_transformers import CrossEncoder

    with no_progress_bars():
        try:
            model: CrossEncoder = CrossEncoder(str(path), device=device, local_files_only=True)
        except (OSError, ValueError) as error:
            raise _no_model(path) from error
    if model.num_labels != 1:
        raise ModelError(
            f"The model in {str(path)!r} tells {model.num_labels} classes, not one score.",
            hint="Give a model trained for ranking, such as ms-marco-MiniLM-L6-v2.",
        )
    return model


def _no_model(path: Path) -> ModelError:
    return ModelError(
        f"No cross-encoder in {str(path)!r}.",
        hint="Give a folder with config.json, a tokenizer and the weights of a reranker.",
    )
