"""Where fetched models lie in the cache, and which of them are complete.

CACHE/models/NAME/            a ready model with its marker, `ingrained.json`
CACHE/models/NAME.tmp-PID/    one being made; replaced into place when complete
CACHE/downloads/              files and parts of files until their model is ready
CACHE/locks/NAME.lock         held by the one process that is fetching NAME
CACHE/hub/                    what `hf:ORG/NAME` fetched, in the hub library's own layout
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .catalogue import CATALOGUE, CatalogueEntry, Kind, PinnedFile, find_entry
from .verify import sha256_of

MARKER = "ingrained.json"
"""Present only in a complete folder: the hashes of its sources and of its files."""


@dataclass(frozen=True, kw_only=True)
class ModelStatus:
    """One line of `ingrained models list`."""

    name: str
    kind: Kind
    size: int
    """Bytes to fetch."""
    licence: str
    description: str
    cached: bool
    path: Path
    """Where it lies, or will lie once fetched."""


def model_folder(cache: Path, name: str) -> Path:
    """Return where the model called `name` lies once it is ready."""
    return cache / "models" / name


def download_path(cache: Path, pinned: PinnedFile) -> Path:
    """Return where a fetched file waits for its model; named by its hash, so never ambiguous."""
    return cache / "downloads" / f"{pinned.sha256[:16]}-{Path(pinned.name).name}"


def path_of(
    name: str, cache: Path, *, catalogue: Mapping[str, CatalogueEntry] = CATALOGUE
) -> Path | None:
    """Return the ready folder of a catalogue model, or None if it is not in the cache.

    Raises:
        UnknownModelError: the catalogue has no such model.
    """
    entry = find_entry(name, catalogue)
    folder = model_folder(cache, name)
    return folder if is_ready(folder, entry) else None


def list_models(
    cache: Path, *, catalogue: Mapping[str, CatalogueEntry] = CATALOGUE
) -> list[ModelStatus]:
    """Return the state of every catalogue model, in the catalogue's order."""
    return [_status(entry, cache) for entry in catalogue.values()]


def _status(entry: CatalogueEntry, cache: Path) -> ModelStatus:
    folder = model_folder(cache, entry.name)
    return ModelStatus(
        name=entry.name,
        kind=entry.kind,
        size=entry.download_bytes,
        licence=entry.licence,
        description=entry.description,
        cached=is_ready(folder, entry),
        path=folder,
    )


def is_ready(folder: Path, entry: CatalogueEntry) -> bool:
    """Say whether `folder` was made from the pinned files and has lost none of its own since.

    Sizes are compared, hashes are not: hashing a gigabyte at each start would be felt.
    """
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if marker["sources"] != _sources(entry):
            return False
        return all(
            (folder / name).stat().st_size == file["size"] for name, file in marker["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def write_marker(folder: Path, entry: CatalogueEntry) -> None:
    """Declare `folder` complete: record what it was made from and what it holds."""
    files = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    marker = {
        "name": entry.name,
        "kind": entry.kind,
        "licence": entry.licence,
        "sources": _sources(entry),
        "files": files,
    }
    (folder / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")


def _sources(entry: CatalogueEntry) -> dict[str, str]:
    return {file.name: file.sha256 for file in entry.files}
