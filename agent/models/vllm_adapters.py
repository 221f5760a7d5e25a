"""LoRA adapters on a vLLM server: names that say what they hold, strengths that are written down.

The server's prefix cache goes by an adapter's name. So a name holds a hash of the weights and never comes
to mean others; and as the server multiplies by no strength, an adapter at one is a copy with another alpha:

    vNNN/served/s0.25/   adapter_config.json, adapter_model.safetensors

It is a part of the adapter's folder, and so goes when that does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingrained.agent.weights.verify import sha256_of
from ingrained.disk import replace_text, way_out
from ingrained.errors import ModelError, NotFoundError

from .vllm_server import RefusedError, VllmServer

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_SERVED = "served"


@dataclass(frozen=True)
class _Loaded:
    served: str
    """What requests call it."""
    ours: bool
    """Whether it was not there before."""
    folder: Path
    strength: float
    """At which it was loaded of its folder."""


class ServedAdapters:
    """The adapters that one process uses of a server.

    Args:
        server: Where they are loaded.
    """

    def __init__(self, server: VllmServer) -> None:
        self._server = server
        self._loaded: dict[str, _Loaded] = {}

    def load(self, name: str, folder: Path, *, strength: float = 1.0) -> None:
        """Have the server read an adapter, unless it has it; the same name again replaces it.

        Args:
            name: What `served` will take.
            folder: In PEFT format; the server must see it under the same path.
            strength: The adapter's effect is multiplied by this.

        Raises:
            ModelError: it is no adapter, or the server does not take it.
        """
        served = _served_name(folder, strength)
        there = any(one.name == served for one in self._server.models())
        ours = not there and self._load(served, at_strength(folder, strength))
        before = self._loaded.get(name)
        if before is not None and before.served == served:
            return
        self._loaded[name] = _Loaded(served, ours, folder, strength)
        if before is not None:
            self._drop(before)

    def _load(self, served: str, folder: Path) -> bool:
        try:
            self._server.load_adapter(served, folder.resolve())
        except RefusedError as error:
            if "already been loaded" not in str(error):
                raise
            # Another process was quicker; as the name says what it holds, it is the same.
            return False
        return True

    def renew(self, name: str) -> None:
        """Load one again that another process has unloaded, or that a restart of the server lost."""
        known = self._loaded[name]
        self.load(name, known.folder, strength=known.strength)

    def served(self, name: str) -> str:
        """Return what the server calls an adapter.

        Raises:
            NotFoundError: no adapter of that name is loaded.
        """
        if name not in self._loaded:
            loaded = ", ".join(self._loaded) or "none"
            raise NotFoundError(f"No adapter {name!r} is loaded.", hint=f"Loaded: {loaded}.")
        return self._loaded[name].served

    def unload(self, name: str) -> None:
        """Forget an adapter; the server does too, if it has it from here.

        Raises:
            NotFoundError: no adapter of that name is loaded.
        """
        self.served(name)
        self._drop(self._loaded.pop(name))

    def _drop(self, gone: _Loaded) -> None:
        """Unload what no other name stands for and no other process may use."""
        still = any(one.served == gone.served for one in self._loaded.values())
        if still or not gone.ours:
            return
        try:
            self._server.unload_adapter(gone.served)
        except NotFoundError:
            return  # as after a restart of the server


def at_strength(folder: Path, strength: float) -> Path:
    """Return a folder with the adapter at a strength, written if there is none; at 1 its own.

    Raises:
        ModelError: it is no adapter, or the copy cannot be written.
    """
    if strength == 1.0:
        return folder
    copy = folder / _SERVED / f"s{strength:g}"
    try:
        config = json.dumps(_scaled(_config(folder), strength), indent=2)
        copy.mkdir(parents=True, exist_ok=True)
        if not (copy / _WEIGHTS).exists():
            _link(folder / _WEIGHTS, copy / _WEIGHTS)
        replace_text(copy / _CONFIG, config)
    except OSError as error:
        hint = (
            way_out(error) or "The folder of an adapter must be writable: a copy of it goes there."
        )
        raise ModelError(f"{copy} cannot be written: {error}", hint=hint) from error
    return copy


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without links
        half = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copyfile(source, half)
        half.replace(target)


def _scaled(config: dict[str, Any], strength: float) -> dict[str, Any]:
    """Return the settings of an adapter whose product of matrices counts `strength` times."""
    pattern = {key: alpha * strength for key, alpha in (config.get("alpha_pattern") or {}).items()}
    return config | {"lora_alpha": config["lora_alpha"] * strength, "alpha_pattern": pattern}


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        if not isinstance(config, dict) or "lora_alpha" not in config:
            raise ValueError(f"{_CONFIG} describes no LoRA")
        (folder / _WEIGHTS).stat()
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder} holds no adapter: {error}", hint="Give a PEFT folder with safetensors."
        ) from error
    return config


def _served_name(folder: Path, strength: float) -> str:
    config = _config(folder)
    told = [config, sha256_of(folder / _WEIGHTS), strength]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return f"{folder.name}-s{strength:g}-{digest[:12]}"
