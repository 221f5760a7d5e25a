"""Models by name: a catalogue of small ones with pinned hashes, fetched from any source that has them."""

from __future__ import annotations

from .catalogue import CATALOGUE, CatalogueEntry, PinnedFile, WheelPart
from .fetch import ensure, pull
from .progress import Progress, Silent
from .resolve import check_name, is_provider_string, resolve_local
from .store import ModelStatus, list_models, path_of

__all__ = [
    "CATALOGUE",
    "CatalogueEntry",
    "ModelStatus",
    "PinnedFile",
    "Progress",
    "Silent",
    "WheelPart",
    "check_name",
    "ensure",
    "is_provider_string",
    "list_models",
    "path_of",
    "pull",
    "resolve_local",
]
