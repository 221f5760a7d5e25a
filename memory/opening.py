"""Which index a store gets, and whether its vectors are the embedder's."""

from __future__ import annotations

from pathlib import Path

from ingrained.errors import StoreError

from .embedding import Embedder
from .in_memory import InMemoryIndex
from .index import ChromaIndex, Index
from .ledger import Ledger

_FINGERPRINT = "embedder_fingerprint"
_EMBEDDER = "embedder_name"


def own_index(folder: Path, embedder: Embedder, *, read_only: bool, rebuild: bool) -> Index:
    """Return Chroma for the writer, an index in memory for a reader."""
    if read_only:
        return InMemoryIndex()
    return ChromaIndex(folder / "chroma", embedder, rebuild=rebuild)


def check_embedder(ledger: Ledger, embedder: Embedder, *, rebuild: bool) -> None:
    """Refuse an embedder other than the one the vectors were made with.

    Raises:
        StoreError: When it is another one and the index is not to be rebuilt.
    """
    kept = ledger.setting(_FINGERPRINT)
    if kept is not None and kept != embedder.fingerprint and not rebuild:
        raise StoreError(
            f"This memory was indexed with the embedder {ledger.setting(_EMBEDDER)!r}, "
            f"not with {embedder.name!r} as it is now.",
            hint="Set INGRAINED_EMBEDDER to that embedder. Or, in Python, open the store for writing "
            "with rebuild_index=True.",
        )


def note_embedder(ledger: Ledger, embedder: Embedder) -> None:
    """Remember whose vectors these are."""
    if ledger.setting(_FINGERPRINT) != embedder.fingerprint:
        ledger.put_setting(_EMBEDDER, embedder.name)
        ledger.put_setting(_FINGERPRINT, embedder.fingerprint)
