"""An adapter as a folder of its own, for whatever reads PEFT's format: peft, vLLM, transformers."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

from ingrained.disk import DAMAGED, replace_text, replacing
from ingrained.errors import StoreError

from .adapters import AdapterRegistry
from .manifest import MANIFEST_FILE, Manifest
from .saving import CONFIG_FILE, WEIGHTS_FILE


def export(registry: AdapterRegistry, version: str, folder: Path, *, base: str = "") -> Path:
    """Copy a finished adapter into a new folder, and return the folder.

    Beside the two files of PEFT's format it holds the manifest: where the adapter comes from, by
    ids of memories, without their texts. It has the strength that the gate found for it, by the config's
    `lora_alpha`.

    Args:
        registry: Of the home.
        version: A finished one.
        folder: Made by this; it may be there already if it is empty.
        base: What the adapter's config calls its base; by default what the home calls it, which
            other programs need not know. A folder, or a name of the hub.

    Raises:
        NotFoundError: no such version, or it is not finished.
        StoreError: the adapter is damaged, or the folder is in use or cannot be written.
    """
    manifest = registry.show(version)
    source = registry.path(version)
    config = _config(source, base, manifest.strength_alone)
    try:
        _check_target(registry, folder)
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _copy(source, folder, config, _at_its_strength(manifest))
        except BaseException:
            _clear(folder, made=made)
            raise
    except OSError as error:
        raise StoreError(
            f"{version} cannot be exported to {str(folder)!r}: {error}",
            hint="Name a folder on a disk with space, in a place that you can write to.",
        ) from error
    return folder


def _config(source: Path, base: str, strength: float) -> str:
    """Return the config to write, once it is known that all there is to copy is there."""
    try:
        for name in (WEIGHTS_FILE, MANIFEST_FILE):
            (source / name).open("rb").close()
        config = json.loads((source / CONFIG_FILE).read_text(encoding="utf-8"))
        named = {**config, **({"base_model_name_or_path": base} if base else {})}
        if strength != 1:
            named["lora_alpha"] = config["lora_alpha"] * strength
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(f"adapter {source.name} is damaged: {error}", hint=DAMAGED) from error
    return json.dumps(named, indent=2, sort_keys=True) + "\n"


def _check_target(registry: AdapterRegistry, folder: Path) -> None:
    if registry.folder.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise StoreError(
            f"{str(folder)!r} is among the adapters of the home.", hint="Name another folder."
        )
    if folder.is_symlink() and not folder.exists():
        raise StoreError(f"{str(folder)!r} is a link to nothing.", hint="Name another folder.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise StoreError(
            f"{str(folder)!r} is there already.", hint="Name a new folder, or one that is empty."
        )


def _at_its_strength(manifest: Manifest) -> Manifest:
    """Return the manifest of an adapter that has its strength within, so that nobody applies it again."""
    return dataclasses.replace(
        manifest, strength_alone=1.0, strength_beside_notes=manifest.beside_over_alone
    )


def _copy(source: Path, folder: Path, config: str, manifest: Manifest) -> None:
    """Write each file in one step; the config comes last, so a folder that has one is whole."""
    with (source / WEIGHTS_FILE).open("rb") as own, replacing(folder / WEIGHTS_FILE) as file:
        shutil.copyfileobj(own, file)
    replace_text(folder / MANIFEST_FILE, json.dumps(manifest.to_dict(), indent=2))
    replace_text(folder / CONFIG_FILE, config)


def _clear(folder: Path, *, made: bool) -> None:
    for name in (CONFIG_FILE, WEIGHTS_FILE, MANIFEST_FILE):
        (folder / name).unlink(missing_ok=True)
    if made:
        folder.rmdir()
