"""Files of tensors: writing them whole or not at all, and telling them apart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingrained.disk import replace_text
from ingrained.errors import TrainingError

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
"""The two files of an adapter in PEFT's format."""
_SYSTEM_ERROR = re.compile(r"I/O error: (.*) \(os error (\d+)\)")
"""How safetensors, which raises an error of its own, words one of the system."""


def weights_sha256(folder: Path) -> str:
    """Return a SHA-256 over the safetensors files of a model folder, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return what a safetensors file holds.

    Raises:
        TrainingError: it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"No adapter can be read from {path}: {error}",
            hint="Give the folder of a finished adapter.",
        ) from error


def save_tensors(
    tensors: Mapping[str, torch.Tensor], path: Path, *, metadata: Mapping[str, str]
) -> None:
    """Replace a safetensors file in one step: a kill leaves the old one or the new one.

    Raises:
        OSError: it cannot be written, as when the disk is full; the old one is still there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    new = path.with_name(path.name + ".new")
    try:
        save_file(dict(tensors), new, metadata=dict(metadata))
    except SafetensorError as error:
        new.unlink(missing_ok=True)
        said = _SYSTEM_ERROR.search(str(error))
        if said is None:
            raise
        raise OSError(int(said[2]), said[1], str(path)) from error
    new.replace(path)


def save_adapter(tensors: Mapping[str, torch.Tensor], config: Any, out: Path) -> None:
    """Write a PEFT folder; the config comes last, so a folder that has one is whole.

    Args:
        tensors: By the names that peft gives them in a file.
        config: A `peft.LoraConfig`.
        out: The folder, which is there.

    Raises:
        OSError: it cannot be written.
    """
    save_tensors(tensors, out / WEIGHTS_FILE, metadata={"format": "pt"})
    text = json.dumps(config.to_dict(), indent=2, sort_keys=True, default=sorted)
    replace_text(out / CONFIG_FILE, text + "\n")
