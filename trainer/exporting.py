"""An adapter as a folder of its own, for whatever reads PEFT's format: peft, vLLM, transformers."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from ingrained.errors import StoreError

from .adapters import AdapterRegistry
from .lora import CONFIG_FILE, WEIGHTS_FILE

MANIFEST_FILE = "manifest.json"


def export(registry: AdapterRegistry, version: str, folder: Path, *, base: str = "") -> Path:
    """Copy a finished adapter into a new folder, in one step, and return the folder.

    Beside the two files of PEFT's format it holds the manifest: where the adapter comes from, by
    ids of memories, without their texts.

    Args:
        registry: Of the home.
        version: A finished one.
        folder: Made by this; it may be there already if it is empty.
        base: What the adapter's config calls its base; by default what the home calls it, which
            other programs need not know. A folder, or a name of the hub.

    Raises:
        NotFoundError: no such version, or it is not finished.
        StoreError: the folder is in use, or cannot be written.
    """
    registry.show(version)
    source = registry.path(version)
    _check_target(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name in (WEIGHTS_FILE, MANIFEST_FILE):
                shutil.copyfile(source / name, new / name)
            _write_config(source / CONFIG_FILE, new / CONFIG_FILE, base)
            new.chmod(0o755)
            new.replace(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"{version} cannot be exported to {str(folder)!r}: {error}",
            hint="Name a folder on a disk with space, in a place that you can write to.",
        ) from error
    return folder


def _check_target(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        raise StoreError(
            f"{str(folder)!r} is there already.", hint="Name a new folder, or one that is empty."
        )


def _write_config(source: Path, target: Path, base: str) -> None:
    config = json.loads(source.read_text(encoding="utf-8"))
    if base:
        config["base_model_name_or_path"] = base
    target.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
