"""What the memory holds: frozen, plain data, no behaviour beyond (de)serialising.

Nothing here imports a database, a model or a clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["fact", "insight", "episode", "summary", "portrait", "skill"]
Status = Literal["active", "superseded", "forgotten", "stale"]
"""Only active memories are recalled. A stale one was derived from memories that have changed since."""

DEFAULT_NAMESPACE = ("default",)
_LISTS = ("supersedes", "tags", "flags", "derived_from")


def sha256(text: str) -> str:
    """Return the hex SHA-256 of `text` in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of a document version that a memory rests on."""

    document: str
    """Document id: the path relative to the corpus root, or the `id` of a JSONL row."""
    version: str
    """SHA-256 of the document's whole text."""
    start: int
    """First character, counted in the document's text."""
    end: int
    """One past the last character."""
    quote: str
    """The text between `start` and `end`, verbatim."""
    quote_sha256: str
    """SHA-256 of `quote`."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A quiz question that a memory was tried on."""

    question: str
    answer: str
    passed_before: bool
    """Answered closed-book, without the memory."""
    passed_after: bool
    """Answered with the memory recalled."""
    phrasings: tuple[str, ...] = ()
    """Other verified wordings of the same question."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One thing the agent knows, with where it comes from and how it has fared."""

    id: str
    text: str
    kind: Kind = "fact"
    namespace: tuple[str, ...] = DEFAULT_NAMESPACE
    title: str = ""
    """Title of the document and heading it comes from, for prompts and lists."""
    spans: tuple[Span, ...] = ()
    created: float = 0.0
    """POSIX seconds."""
    last_recalled: float | None = None
    """POSIX seconds of the last *useful* recall."""
    strength: float = 1.0
    """S of R = exp(-t/S), in days."""
    trust: float = 1.0
    """In [0, 1]; of what was derived from other memories at most the least of theirs."""
    status: Status = "active"
    pinned: bool = False
    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """Kinds of secrets and personal data found in the text."""
    valid_from: float | None = None
    """POSIX seconds from which on it holds; None when that is not known."""
    valid_to: float | None = None
    """POSIX seconds at which something else took its place; None while it holds."""
    supersedes: tuple[str, ...] = ()
    """Ids of the memories that it took the place of."""
    superseded_by: str = ""
    """Id of the memory that took its place."""
    derived_from: tuple[str, ...] = ()
    """Ids of the memories that an insight or a summary was made from."""
    derived_sha256: str = ""
    """Of those memories' texts when it was made; another hash now means that it is out of date."""
    evidence: tuple[Evidence, ...] = ()
    prompt_sha256: str = ""
    model: str = ""
    count: int = 1
    """How often the same text was inserted."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_dict` is its inverse."""
        return {
            **vars(self),
            "spans": [dict(vars(span)) for span in self.spans],
            "evidence": [dict(vars(item)) for item in self.evidence],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Memory:
        """Rebuild a memory from `to_dict` output or its JSON round trip."""
        spans = tuple(Span(**span) for span in data.get("spans", ()))
        evidence = tuple(
            Evidence(**{**item, "phrasings": tuple(item.get("phrasings", ()))})
            for item in data.get("evidence", ())
        )
        plain: dict[str, Any] = {
            **data,
            **{name: tuple(data.get(name, ())) for name in _LISTS},
            "namespace": tuple(data.get("namespace", DEFAULT_NAMESPACE)),
            "spans": spans,
            "evidence": evidence,
        }
        return cls(**plain)


def memory_id(namespace: tuple[str, ...], kind: str, text: str) -> str:
    """Return the content-derived id: same namespace, kind and text, same id.

    Makes a repeated insert (a resumed run, say) a no-op instead of a double.
    """
    return sha256("\x1f".join([*namespace, kind, text]))[:16]
