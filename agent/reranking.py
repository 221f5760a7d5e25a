"""Rerankers: a cross-encoder where there is one, else a language model that rates the question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeGuard

from ingrained.errors import ModelError
from ingrained.memory.reranking import CrossEncoderReranker, is_cross_encoder

from .prompts import load
from .weights.resolve import is_served

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from ingrained.memory.reranking import Reranker
    from ingrained.settings import Settings

    from .weights.progress import Progress

_MOST_CHARACTERS = 4000
"""Read of one candidate: about 1,000 tokens, which fit every model of the catalogue."""


class TellsLikelihoods(Protocol):
    """A chat model that says how likely replies are, as the in-process one does."""

    def likelihoods(self, prompt: list[BaseMessage], replies: Sequence[str]) -> list[float]:
        """Return the mean log-probability per token of each reply to the prompt."""
        ...


class LikelihoodReranker:
    """Rates a candidate by how likely a language model finds the query after reading it.

    Query likelihood, as in Sachan et al. 2022, "Improving passage retrieval with zero-shot question
    generation", section 2.2. One pass over each candidate: seconds for ten passages on a processor.

    Args:
        model: Tells likelihoods; used from one thread at a time.
        name: What to call it.
    """

    def __init__(self, model: TellsLikelihoods, name: str) -> None:
        self._model = model
        self._name = name

    @property
    def name(self) -> str:
        """The name given to the constructor."""
        return self._name

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return mean log-probabilities per token of the query, natural log; higher is better."""
        if not query.strip():
            return [0.0] * len(texts)
        return [self._score(query.strip(), text) for text in texts]

    def _score(self, query: str, text: str) -> float:
        from .asking import to_messages

        prompt = load("rerank").render(passage=text[:_MOST_CHARACTERS])
        return self._model.likelihoods(to_messages(prompt), [query])[0]


def open_reranker(
    settings: Settings, progress: Progress | None = None, *, chat: object | None = None
) -> Reranker | None:
    """Return the reranker named in the settings; None where none is.

    The folder decides what it is: a cross-encoder reads pairs, a causal language model rates the
    query.

    Args:
        settings: For the name, the cache of weights and the number of threads.
        progress: Told how fetching weights goes.
        chat: The chat model in use; not loaded a second time if it is the one that is named.

    Raises:
        UnknownModelError: the name stands for nothing.
        ModelError: it is a model behind an API or one that can do neither.
    """
    name = settings.reranker
    if not name:
        return None
    if name == settings.model and chat is not None:
        return _by_likelihood(chat, name)
    from .weights.resolve import resolve_local

    folder = resolve_local(name, settings, progress)
    if folder is not None and is_cross_encoder(folder):
        return CrossEncoderReranker(folder, name)
    return _by_likelihood(_language_model(folder, settings), name)


def _language_model(folder: Path | None, settings: Settings) -> object:
    if is_served(settings.reranker):
        from .models.served import load_served

        return load_served(settings.reranker, settings)
    if folder is None:
        return None
    from .models.chat import IngrainedChat

    return IngrainedChat.load(folder, threads=settings.threads, model_name=settings.reranker)


def _by_likelihood(model: object, name: str) -> LikelihoodReranker:
    if not _tells_likelihoods(model):
        raise ModelError(
            f"{name!r} cannot rerank: it tells no likelihoods.",
            hint="Give a folder with a cross-encoder, or a causal model that runs in-process or on vLLM.",
        )
    return LikelihoodReranker(model, name)


def _tells_likelihoods(model: object) -> TypeGuard[TellsLikelihoods]:
    from .models.abilities import tells_likelihoods

    return tells_likelihoods(model)
