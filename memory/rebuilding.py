"""Making the index anew from the ledger: for another embedder, another place, or after damage."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from .committing import seal_index
from .embedding import Embedder
from .ledger import Ledger
from .locking import write_lock
from .opening import clear_old_folders, generation, note_index, open_index
from .syncing import Progress, repair


def rebuild_index(
    home: Path, embedder: Embedder, *, chroma: str | None = None, progress: Progress | None = None
) -> int:
    """Make a new index of the memory in `home` and take it into use; return how many it holds.

    The old one stays in use until the new one is whole. One that was cut short is gone on with:
    what was embedded is kept. Nothing of the old index is read, so that it may be damaged.

    Args:
        home: The agent's folder. Its memory must not be open for writing.
        embedder: Makes the vectors, where the ledger does not have this embedder's already.
        chroma: Address of a Chroma server; None for a folder beside the ledger.
        progress: Told how many memories are done, and of how many.

    Raises:
        HomeBusyError: When another process is writing to it.
        StoreError: When the memory is damaged, or the index cannot be made.
    """
    folder = Path(home) / "memory"
    with ExitStack() as resources:
        resources.enter_context(write_lock(folder))
        ledger = Ledger(folder / "ledger.sqlite")
        resources.callback(ledger.close)
        number = generation(ledger) + 1
        index = open_index(folder, ledger, embedder, chroma=chroma, number=number)
        resources.callback(index.close)
        repair(ledger, index, embedder, progress=progress)
        seal_index(ledger, index)
        note_index(ledger, embedder, number)
        ledger.note_indexed(ledger.unindexed())
        ledger.drop_other_vectors(embedder.fingerprint)
        clear_old_folders(folder, ledger, embedder)
        if chroma is not None:
            index.drop_others()
        return len(ledger.digests())
