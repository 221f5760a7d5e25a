"""Which index a store gets, and whether its vectors are the embedder's."""

from __future__ import annotations

import re
import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ingrained.disk import way_out
from ingrained.errors import StoreError

from .chroma import ChromaIndex
from .embedding import Embedder
from .ledger import Ledger, no_memory
from .lookups import EMBEDDER, FINGERPRINT
from .records import sha256

_GENERATION = "index_generation"
_STORE = "store_id"
_GENERATION_OF = re.compile(r"chroma-(\d+)-[0-9a-f]{8}")


def generation(ledger: Ledger) -> int:
    """Return the number of the index in use; a rebuilt one gets the next."""
    return int(ledger.setting(_GENERATION) or 1)


def open_index(
    folder: Path, ledger: Ledger, embedder: Embedder, *, chroma: str | None, number: int
) -> ChromaIndex:
    """Open or make one generation of the index, in its own folder or on a server.

    Args:
        folder: The memory's folder.
        ledger: Whose index it is.
        embedder: Whose vectors it has.
        chroma: Address of a Chroma server; None for a folder beside the ledger.
        number: Of the generation.
    """
    if chroma is None:
        return ChromaIndex(folder / _name(number, embedder.fingerprint), embedder)
    store = f"ingrained-{_store_id(ledger)}"
    return ChromaIndex(chroma, embedder, store=store, name=_name(number, embedder.fingerprint))


def clear_old_folders(folder: Path, ledger: Ledger, embedder: Embedder) -> None:
    """Delete the folders of every index but the one in use and one that is being made."""
    number = generation(ledger)
    for path in folder.glob("chroma*"):
        made = _GENERATION_OF.fullmatch(path.name)
        later = made is not None and int(made[1]) > number
        if not later and path.name != _name(number, embedder.fingerprint):
            shutil.rmtree(path, ignore_errors=True)


def index_folder(folder: Path, ledger: Ledger) -> Path:
    """Return where the index in use is, if it is in a folder."""
    return folder / _name(generation(ledger), ledger.setting(FINGERPRINT) or "")


def _name(number: int, fingerprint: str) -> str:
    """Return the name of an index: another embedder's gets another, also one cut short."""
    return f"chroma-{number:04d}-{sha256(fingerprint)[:8]}"


def _store_id(ledger: Ledger) -> str:
    """Return what tells this store's collections on a server from others'."""
    known = ledger.setting(_STORE)
    if known is None:
        known = uuid.uuid4().hex[:16]
        ledger.put_settings({_STORE: known})
    return known


def recorded_embedder(home: Path) -> tuple[str, str] | None:
    """Return name and fingerprint of the embedder that a home's vectors are of, if there are any.

    The ledger may be of any version: nothing but this is read.

    Raises:
        StoreError: There is no memory in the home, or its ledger is damaged.
    """
    path = Path(home) / "memory" / "ledger.sqlite"
    if not path.is_file():
        raise no_memory(path)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as database:
            kept = dict(database.execute("SELECT key, value FROM settings").fetchall())
    except sqlite3.Error as error:
        raise StoreError(
            f"The memory ledger {str(path)!r} cannot be used: {error}.", hint=way_out(error)
        ) from error
    found = kept.get(EMBEDDER), kept.get(FINGERPRINT)
    return (found[0], found[1]) if found[0] and found[1] else None


class RecordedOnly:
    """The embedder that a ledger names: enough to open the index, not to embed."""

    dimension = 0

    def __init__(self, ledger: Ledger) -> None:
        self.name = ledger.setting(EMBEDDER) or ""
        self.fingerprint = ledger.setting(FINGERPRINT) or ""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Never called: the index is only looked at."""
        raise NotImplementedError


def is_on_server(ledger: Ledger) -> bool:
    """Return whether the index was ever on a Chroma server."""
    return ledger.setting(_STORE) is not None


def note_index(ledger: Ledger, embedder: Embedder, number: int) -> None:
    """Take one generation of the index, and its embedder, into use."""
    wanted = {
        EMBEDDER: embedder.name,
        FINGERPRINT: embedder.fingerprint,
        _GENERATION: str(number),
    }
    if any(ledger.setting(key) != value for key, value in wanted.items()):
        ledger.put_settings(wanted)
