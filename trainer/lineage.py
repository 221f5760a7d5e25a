"""What is in an adapter: the memories that it was trained on, as they stand today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ingrained.memory.records import Memory

from .manifest import Manifest

Fate = Literal["active", "superseded", "forgotten", "stale", "gone"]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """One memory of an adapter."""

    id: str
    memory: Memory | None
    """As it is now; None for one that was purged, of which no more than the id is known."""

    @property
    def fate(self) -> Fate:
        """Its status today; `gone` if it was purged."""
        return "gone" if self.memory is None else self.memory.status

    @property
    def documents(self) -> tuple[str, ...]:
        """Ids of the documents that it rests on."""
        spans = self.memory.spans if self.memory else ()
        return tuple(dict.fromkeys(span.document for span in spans))


@dataclass(frozen=True, kw_only=True)
class Share:
    """What an adapter has of one document."""

    document: str
    """Its id; empty for what rests on none, and for memories that are gone."""
    memories: int
    current: int
    """Those of them that are active still."""


def learnt(manifest: Manifest, memories: Iterable[Memory]) -> tuple[Learnt, ...]:
    """Return what an adapter was trained on, in the order of its manifest.

    Args:
        manifest: The adapter's.
        memories: All there are, of any status; others are passed over.
    """
    known = {memory.id: memory for memory in memories}
    return tuple(Learnt(id=id_, memory=known.get(id_)) for id_ in manifest.memory_ids)


def by_document(found: Sequence[Learnt]) -> tuple[Share, ...]:
    """Return the share of each document, in alphabetical order; what rests on none comes last.

    A memory that rests on several documents counts for each.
    """
    names = {name for one in found for name in one.documents or ("",)}
    return tuple(
        _share(name, [one for one in found if name in (one.documents or ("",))])
        for name in sorted(names, key=lambda name: (not name, name))
    )


def _share(document: str, found: Sequence[Learnt]) -> Share:
    current = sum(one.fate == "active" for one in found)
    return Share(document=document, memories=len(found), current=current)
