"""What of a memory goes into the indexes, and how to tell that it changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .lexical import clean, normalise
from .records import Memory, sha256

_ARTICLES = frozenset({"a", "an", "the"})
_PUNCTUATION = ".,;:!()[]\"'“”‘’«»…"  # noqa: RUF001 - typographic quotes are meant


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of an index."""

    id: str
    digest: str
    """See `entry_digest`."""
    namespace: tuple[str, ...]
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
    return sha256(json.dumps([indexed_text(memory), namespace_key(memory.namespace)]))


def facets(memory: Memory) -> list[tuple[str, str]]:
    """Return what a memory can be looked up by: documents, tags and the memories it was made of."""
    documents = dict.fromkeys(clean(span.document) for span in memory.spans)
    return [
        *(("document", document) for document in documents),
        *(("tag", tag) for tag in dict.fromkeys(map(clean, memory.tags))),
        *(("source", source) for source in dict.fromkeys(memory.derived_from)),
    ]


def namespace_key(namespace: tuple[str, ...]) -> str:
    """Return the namespace as one unambiguous string."""
    return json.dumps(list(namespace), separators=(",", ":"))


def namespace_token(namespace: tuple[str, ...]) -> str:
    """Return a number that stands for the namespace in the full-text index."""
    return str(int(sha256(namespace_key(namespace))[:15], 16))


def duplicate_key(memory: Memory) -> str:
    """Return the same key for memories that say the same, up to case and white space."""
    return sha256(
        json.dumps([namespace_key(memory.namespace), memory.kind, normalise(memory.text)])
    )


def near_key(memory: Memory) -> str:
    """Return the same key for memories that differ in case, articles or punctuation at most.

    Numbers, accents, signs within words and the order of words tell memories apart; likeness of
    meaning plays no part, since "built in 1871" is very like "built in 1873".
    """
    words = [word.strip(_PUNCTUATION) for word in clean(memory.text).split()]
    telling = [word for place, word in enumerate(words) if not _article(word, first=not place)]
    plain = normalise(" ".join(filter(None, telling))) or normalise(memory.text)
    return sha256(json.dumps([namespace_key(memory.namespace), memory.kind, plain]))


def _article(word: str, *, first: bool) -> bool:
    """Return whether a word is an article; "Hepatitis A" has none."""
    return word in _ARTICLES or (first and word.lower() in _ARTICLES)


def make_entry(memory: Memory, vector: Sequence[float]) -> Entry:
    """Return the index row of `memory`."""
    return Entry(
        id=memory.id,
        digest=entry_digest(memory),
        namespace=memory.namespace,
        vector=vector,
    )
