"""What has been read before: pure comparisons; keeping the record is the caller's business."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from .documents import Document, Passage


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Document ids by what became of them, each in the order of the documents."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """Known before and no longer there, sorted."""


def versions(documents: Iterable[Document]) -> dict[str, str]:
    """Return what `diff` wants to be given next time: document id to version."""
    return {document.id: document.version for document in documents}


def diff(previous: Mapping[str, str], documents: Iterable[Document]) -> Changes:
    """Compare the documents with the versions of an earlier reading.

    Args:
        previous: Document id to version, as `versions` returns it.
        documents: What is there now.
    """
    current = versions(documents)
    return Changes(
        new=tuple(key for key in current if key not in previous),
        changed=tuple(key for key in current if previous.get(key, current[key]) != current[key]),
        unchanged=tuple(key for key in current if previous.get(key) == current[key]),
        gone=tuple(sorted(key for key in previous if key not in current)),
    )


def changed_passages(old_ids: Collection[str], passages: Iterable[Passage]) -> list[Passage]:
    """Return the passages that were not there before, in order: new text or under a new heading."""
    known = frozenset(old_ids)
    return [passage for passage in passages if passage.id not in known]
