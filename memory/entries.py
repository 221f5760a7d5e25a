"""What of a memory goes into the indexes, and how to tell that it changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .lexical import clean, normalise
from .records import Memory, sha256


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of an index."""

    id: str
    digest: str
    """See `entry_digest`."""
    namespace: tuple[str, ...]
    documents: tuple[str, ...]
    text: str
    vector: Sequence[float]


def indexed_text(memory: Memory) -> str:
    """Return what is embedded: the title tells apart notes that say "it" and "he"."""
    text = f"{memory.title}\n{memory.text}" if memory.title else memory.text
    return clean(text)


def text_digest(memory: Memory) -> str:
    """Return the hash a stored vector is valid for."""
    return sha256(indexed_text(memory))


def entry_digest(memory: Memory) -> str:
    """Return the hash of all that an index holds of the memory: equal, nothing to do."""
    return sha256(
        json.dumps([indexed_text(memory), namespace_key(memory.namespace), documents(memory)])
    )


def documents(memory: Memory) -> tuple[str, ...]:
    """Return the ids of the documents the memory rests on, sorted."""
    return tuple(sorted({span.document for span in memory.spans}))


def namespace_key(namespace: tuple[str, ...]) -> str:
    """Return the namespace as one unambiguous string."""
    return json.dumps(list(namespace), separators=(",", ":"))


def duplicate_key(memory: Memory) -> str:
    """Return the same key for memories that say the same, up to case and white space."""
    return sha256(
        json.dumps([namespace_key(memory.namespace), memory.kind, normalise(memory.text)])
    )


def make_entry(memory: Memory, vector: Sequence[float]) -> Entry:
    """Return the index row of `memory`."""
    return Entry(
        id=memory.id,
        digest=entry_digest(memory),
        namespace=memory.namespace,
        documents=documents(memory),
        text=indexed_text(memory),
        vector=vector,
    )
