"""Documents that were read once and are not there any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .corpus import Corpus, is_there, lies_below


def vanished(
    corpus: Corpus, roots: Sequence[Path], known: Mapping[str, tuple[str, str]]
) -> list[str]:
    """Return the ids of known documents that came from below the roots and are there no longer.

    A file that is there but can no longer be read is there, and so is an empty one. A row is gone
    only if the rest of its file was read without a fault.

    Args:
        corpus: What the roots hold now.
        roots: Files or folders.
        known: Document id to version and source of what was read before.
    """
    read = {document.id for document in corpus.documents}
    return sorted(
        id_
        for id_, (_, source) in known.items()
        if id_ not in read
        and source not in corpus.seen
        and lies_below(source, roots)
        and (not is_there(source) or _is_lost_row(source, corpus))
    )


def _is_lost_row(source: str, corpus: Corpus) -> bool:
    file = source.rpartition("#")[0]
    if Path(source).is_file() or file in corpus.damaged:
        return False
    return file in corpus.emptied or any(seen.startswith(f"{file}#") for seen in corpus.seen)
