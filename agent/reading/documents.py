"""What reading makes: documents, passages of them, and what had to be skipped.

Frozen plain data: each has `to_dict` and `from_dict`, so that it can travel through a graph state.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from dataclasses import dataclass
from typing import Any, Self

from ingrained.memory.records import sha256


@dataclass(frozen=True, kw_only=True)
class _Plain:
    """Gives a flat dataclass its two conversions."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild from `to_dict` output or its JSON round trip."""
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Document(_Plain):
    """One text of the corpus, as plain text with markdown-style heading lines."""

    id: str
    """Path relative to the corpus root (posix), for a JSONL row `file.jsonl#ID`. Never opened."""
    title: str
    text: str
    version: str
    """SHA-256 of `text`."""
    source: str
    """Absolute path of the file, for a JSONL row `PATH#ID`; empty until a corpus holds it."""

    @classmethod
    def of(cls, *, id: str, title: str, text: str, source: str = "") -> Document:
        """Make a document whose version is computed from its text."""
        return cls(id=id, title=title, text=text, version=sha256(text), source=source)


@dataclass(frozen=True, kw_only=True)
class Skipped(_Plain):
    """Something in the corpus that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Passage(_Plain):
    """A stretch of a document small enough to study: `document.text[start:end] == text`."""

    id: str
    """Derived from document id, heading path and text: an edit elsewhere leaves it alone."""
    document: str
    """Id of the document."""
    title: str
    """Title of the document."""
    heading: str
    """The headings above the passage, outermost first: `Title > Section`."""
    index: int
    """Position among the document's passages, from 0."""
    start: int
    """First character, counted in the document's text (unicode code points)."""
    end: int
    """One past the last character."""
    text: str
    sha256: str
    """SHA-256 of `text`."""
    tokens: int
    """Size as counted by the counter that `split` was given."""


def passage_id(document: str, heading: str, text: str, ordinal: int) -> str:
    """Return the content-derived id of a passage.

    Args:
        document: Id of the document.
        heading: Heading path.
        text: The passage, verbatim; its Unicode normal form does not count.
        ordinal: How many equal passages under the same heading path come before it.
    """
    return sha256("\x1f".join([document, composed(heading), composed(text), str(ordinal)]))[:16]


def composed(text: str) -> str:
    """Return a text in Unicode normal form C: texts that look the same are the same."""
    return unicodedata.normalize("NFC", text)
