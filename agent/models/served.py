"""Model names of the form `vllm:NAME`: what they mean, and where the weights behind them are here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingrained.agent.weights.catalogue import CATALOGUE
from ingrained.agent.weights.progress import Progress
from ingrained.agent.weights.resolve import (
    SERVED_PREFIX,
    is_provider_string,
    is_served,
    resolve_local,
)
from ingrained.errors import FetchError, UnknownModelError
from ingrained.settings import Settings

from .vllm_server import VllmServer

if TYPE_CHECKING:
    from .vllm_chat import VllmChat


def parted(name: str, settings: Settings) -> tuple[str, str]:
    """Return the served name, empty for whatever is served, and the server's address.

    Args:
        name: `vllm:NAME`, `vllm:`, or either with `@http://HOST:PORT` after it.
        settings: For the address where the name has none.
    """
    served, at, address = name.removeprefix(SERVED_PREFIX).partition("@http")
    return served, f"http{address}" if at else settings.vllm


def server_of(name: str, settings: Settings) -> VllmServer:
    """Return the server that a name speaks of; nothing is asked yet."""
    return VllmServer(parted(name, settings)[1], settings.vllm_key.get_secret_value())


def load_served(name: str, settings: Settings) -> VllmChat:
    """Return the chat model that a name stands for.

    Raises:
        UnknownModelError: the server has no such model, or a package is missing.
        ModelError: no server answers, or it refuses the key.
    """
    try:
        from .vllm_chat import VllmChat
    except ImportError as error:
        raise UnknownModelError(
            f"{name} cannot be used: {error}",
            hint='It needs the extra: `pip install "ingrained[vllm]"`.',
        ) from error
    served, address = parted(name, settings)
    return VllmChat.connect(address, served, api_key=settings.vllm_key.get_secret_value())


def base_folder(name: str, settings: Settings, progress: Progress | None = None) -> Path | None:
    """Return the folder of the weights to train, of any model's name; None if they are not here.

    Those of a served model are here if the server read them from a folder of this machine (given by its
    whole path), or if what it calls the model, or read, is a model of the catalogue or of the hub that
    is in the cache. It is not fetched.

    Raises:
        UnknownModelError: the name stands for nothing.
        ModelError: the weights cannot be fetched, or a server does not answer.
    """
    if not is_served(name):
        return resolve_local(name, settings, progress)
    with server_of(name, settings) as server:
        base = server.base(parted(name, settings)[0])
    root = Path(base.root)
    if root.is_absolute() and (root / "config.json").is_file():
        return root
    cached = settings.model_copy(update={"offline": True})
    here = (_in_cache(one, cached) for one in dict.fromkeys((base.name, base.root)))
    return next((folder for folder in here if folder is not None), None)


def _in_cache(name: str, settings: Settings) -> Path | None:
    hub = name if name in CATALOGUE or name.startswith("hf:") else f"hf:{name}"
    try:
        return resolve_local(hub, settings, kind="causal-lm")
    except (FetchError, UnknownModelError):
        return None


def check_served(name: str, settings: Settings) -> None:
    """Raise what `load_served` would.

    Raises:
        UnknownModelError: the server has no such model, or a package is missing.
        ModelError: no server answers, or it refuses the key.
    """
    load_served(name, settings).close()


def can_train(name: str, settings: Settings) -> bool:
    """Say whether a model's weights are to be had on this machine; nothing is fetched."""
    if is_served(name):
        return base_folder(name, settings) is not None
    return not is_provider_string(name)
