"""From a model's name to a chat model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingrained.errors import UnknownModelError
from ingrained.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ingrained.agent.weights.progress import Progress


def load_chat_model(
    name: str, settings: Settings, progress: Progress | None = None
) -> BaseChatModel:
    """Return the chat model that `name` stands for.

    Args:
        name: A catalogue name, a local folder, `hf:ORG/NAME`, `vllm:NAME`, or an `init_chat_model`
            string such as `openai:gpt-5-mini`.
        settings: For the cache of weights, the number of threads, the address of a vLLM server.
        progress: Told how fetching weights goes.

    Raises:
        UnknownModelError: the name stands for nothing, or its provider's package is missing.
        ModelError: the weights cannot be fetched or run.
    """
    from ingrained.agent.weights.resolve import is_served, resolve_local

    if is_served(name):
        from .served import load_served

        return load_served(name, settings)
    folder = resolve_local(name, settings, progress, kind="causal-lm")
    if folder is None:
        return _from_provider(name)

    from .chat import IngrainedChat

    return IngrainedChat.load(folder, threads=settings.threads, model_name=name)


def check_chat_model(name: str, settings: Settings) -> None:
    """Raise what `load_chat_model` would for this name; no weights are fetched or loaded.

    Raises:
        UnknownModelError: the name stands for nothing, or its provider's package is missing.
        FetchError: the hub does not have it, or cannot be asked.
        ModelError: a vLLM server does not answer.
    """
    from ingrained.agent.weights.resolve import check_name, is_provider_string, is_served

    if is_served(name):
        from .served import check_served

        check_served(name, settings)
        return
    check_name(name, settings, kind="causal-lm")
    if is_provider_string(name):
        _from_provider(name)


def _from_provider(name: str) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(name)
    except (ImportError, ValueError) as error:
        raise UnknownModelError(f"{name} cannot be used: {error}") from error
