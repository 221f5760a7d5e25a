"""What a model name means: a catalogue name, a local folder, `hf:ORG/NAME`, one served or a provider's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ingrained.errors import FetchError, UnknownModelError
from ingrained.settings import Settings

from .catalogue import CATALOGUE, Kind, close_names_hint
from .fetch import ensure
from .progress import Progress

SERVED_PREFIX = "vllm:"
"""Of models that a vLLM server runs; nothing need follow it."""

_HUB_PREFIX = "hf:"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
# Two letters at least: a single one before a colon is a Windows drive.
_PROVIDER = re.compile(r"[a-z][a-z0-9_-]+:(?!//)\S+")
_DESCRIBES_MODEL = ("config.json", "modules.json")
_SAFE_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What is fetched of a hub repository: no pickles and no code."""


def is_served(name: str) -> bool:
    """Say whether `name` is of a model on a vLLM server, such as `vllm:qwen2.5-coder-0.5b`."""
    return name.startswith(SERVED_PREFIX) and _kind_of_path(name) is None


def is_provider_string(name: str) -> bool:
    """Say whether another program runs the model: a vLLM server, or a provider (`openai:gpt-5-mini`)."""
    if is_served(name):
        return True
    if name.startswith(_HUB_PREFIX) or _kind_of_path(name) is not None:
        return False
    return _PROVIDER.fullmatch(name) is not None


def resolve_local(
    name: str,
    settings: Settings,
    progress: Progress | None = None,
    *,
    kind: Kind | None = None,
) -> Path | None:
    """Return the folder of weights that `name` stands for, fetching it if need be.

    Args:
        name: A catalogue name, a local folder, `hf:ORG/NAME`, or an `init_chat_model` string.
        settings: For its cache and its offline mode.
        progress: Told how a fetch goes; silent by default.
        kind: What the catalogue model must be; None for either.

    Returns:
        The folder, or None for an `init_chat_model` string, which stands for no local weights.

    Raises:
        UnknownModelError: the name stands for nothing.
        FetchError: the weights could not be fetched.
        HashMismatchError: a source gave something else than the pinned file.
    """
    if name in CATALOGUE:
        _check_kind(name, kind)
        return ensure(name, settings.cache, offline=settings.offline, progress=progress)
    if name.startswith(_HUB_PREFIX):
        return _from_hub(name.removeprefix(_HUB_PREFIX), settings, progress)
    if is_provider_string(name):
        return None
    return _local_folder(name)


def check_name(name: str, settings: Settings, *, kind: Kind | None = None) -> None:
    """Raise what `resolve_local` would for a name that stands for nothing; no weights are fetched.

    A name of the hub that is not in the cache is asked for there, unless in offline mode.

    Raises:
        UnknownModelError: the name stands for nothing.
        FetchError: the hub does not have it, or cannot be asked.
    """
    if name in CATALOGUE:
        _check_kind(name, kind)
    elif name.startswith(_HUB_PREFIX):
        _check_hub(name.removeprefix(_HUB_PREFIX), settings)
    elif not is_provider_string(name):
        _local_folder(name)


def _check_hub(repo: str, settings: Settings) -> None:
    from huggingface_hub import model_info

    try:
        _from_hub(repo, settings.model_copy(update={"offline": True}), None)
    except FetchError:
        if settings.offline:
            raise
        try:
            model_info(repo)
        except _hub_faults() as error:
            raise _unfetchable(repo, error) from error


def _check_kind(name: str, kind: Kind | None) -> None:
    found = CATALOGUE[name].kind
    if kind is not None and found != kind:
        fitting = ", ".join(f"`{e.name}`" for e in CATALOGUE.values() if e.kind == kind)
        raise UnknownModelError(
            f"{name} is a model of kind {found}, but one of kind {kind} is needed.",
            hint=f"The catalogue has {fitting}.",
        )


def _kind_of_path(name: str) -> str | None:
    """Return "folder", "file", or None for what does not exist or cannot be a path."""
    try:
        path = Path(name).expanduser()
        return "folder" if path.is_dir() else "file" if path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _local_folder(name: str) -> Path:
    found = _kind_of_path(name)
    if found == "file":
        raise UnknownModelError(
            f"{name!r} is a file, not a folder of weights.",
            hint="Give the folder that holds config.json and the safetensors.",
        )
    if found is None:
        looks_like_path = "/" in name or "\\" in name or name.startswith((".", "~"))
        what = "There is no folder" if looks_like_path else "There is no model or folder called"
        raise UnknownModelError(f"{what} {name!r}.", hint=close_names_hint(name))
    folder = Path(name).expanduser()
    if not any((folder / file).is_file() for file in _DESCRIBES_MODEL):
        raise UnknownModelError(
            f"The folder {name!r} holds no config.json, so it is no folder of weights.",
            hint="Give a folder as `save_pretrained` writes it, with safetensors.",
        )
    return folder


def _from_hub(repo: str, settings: Settings, progress: Progress | None) -> Path:
    """Fetch a whole repository from the hub, without its pickles and its code."""
    from huggingface_hub import snapshot_download

    if _HUB_NAME.fullmatch(repo) is None:
        raise UnknownModelError(f"'hf:{repo}' is not of the form `hf:ORG/NAME`.")
    if progress is not None:
        progress.note(f"Looking for {repo} on the Hugging Face hub.")
    try:
        folder = snapshot_download(
            repo,
            cache_dir=settings.cache / "hub",
            local_files_only=settings.offline,
            allow_patterns=list(_SAFE_FILES),
        )
    except _hub_faults() as error:
        raise _unfetchable(repo, error) from error
    return _checked_snapshot(Path(folder), repo)


def _hub_faults() -> tuple[type[Exception], ...]:
    """Return what a call to the hub may raise; on which httpx it is built depends on its version."""
    from huggingface_hub import errors

    library: Any = errors  # its HTTPError is not exported
    return library.HTTPError, OSError, ValueError


def _unfetchable(repo: str, error: Exception) -> FetchError:
    return FetchError(f"{repo} could not be fetched from the hub: {error}")


def _checked_snapshot(folder: Path, repo: str) -> Path:
    has_config = any((folder / file).is_file() for file in _DESCRIBES_MODEL)
    if has_config and any(folder.rglob("*.safetensors")):
        return folder
    raise FetchError(
        f"{repo} holds no model in safetensors with its config.json.",
        hint="Choose a repository with safetensors; pickled weights are never loaded.",
    )
