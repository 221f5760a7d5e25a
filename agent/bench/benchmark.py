"""What is measured: documents to study, a sealed exam on them, and a hash that freezes both."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingrained.memory.records import sha256

if TYPE_CHECKING:
    from ingrained.agent.exam import Item

DOCUMENTS_FILE = "documents.jsonl"
"""The file that `Benchmark.write_documents` makes; it begins the id of each of its documents."""


@dataclass(frozen=True, kw_only=True)
class BenchDocument:
    """One text to study."""

    id: str
    """Unique in its benchmark; without `#`, which parts file and row in the ids of a library."""
    title: str
    text: str

    @property
    def key(self) -> str:
        """The id that the library gives it once `Benchmark.write_documents` was studied."""
        return f"{DOCUMENTS_FILE}#{self.id}"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Documents and the exam on them."""

    name: str
    documents: tuple[BenchDocument, ...]
    """Nothing for controls, which are sat without studying."""
    items: tuple[Item, ...]
    """Questions; their `document` is a `BenchDocument.key`, or empty where no one document
    answers them."""
    origin: str
    """Where the data come from and their licence, on one line."""
    gold: bool = True
    """False where no accepted answers are known: only a judge model can score the replies."""
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Item id → `BenchDocument.key` of each document that its answer may lie in; what a judge goes
    by where neither answers nor one document are known."""
    main: str = "contained"
    """The score to read first: `contained`, `f1` or `choice`."""
    sha256: str = field(init=False)
    """Of documents and items as canonical JSON: the frozen exam."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", _digest(self))

    def limited(self, documents: int | None = None, items: int | None = None) -> Benchmark:
        """Return the first documents with only the items on them, and of these the first.

        An item without a document of its own is kept where all its evidence is.

        Args:
            documents: How many documents to keep, 1 or more; None keeps all, and all items.
            items: How many items to keep, 1 or more; None keeps all.
        """
        kept = self.items
        if documents is not None and documents < len(self.documents):
            keys = {document.key for document in self.documents[:documents]}
            kept = tuple(item for item in kept if self._lies_in(item, keys))
        kept = kept[:items]
        evidence = {one.id: self.evidence[one.id] for one in kept if one.id in self.evidence}
        return dataclasses.replace(
            self, documents=self.documents[:documents], items=kept, evidence=evidence
        )

    def _lies_in(self, item: Item, keys: set[str]) -> bool:
        if item.document:
            return item.document in keys
        evidence = self.evidence.get(item.id, ())
        return bool(evidence) and keys.issuperset(evidence)

    def write_documents(self, folder: Path) -> list[Path]:
        """Write the documents for `ingrained study`, as one file; without documents, none.

        Returns:
            What to study: the library then knows each document by its `BenchDocument.key`.
        """
        if not self.documents:
            return []
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / DOCUMENTS_FILE
        lines = [json.dumps(vars(document)) + "\n" for document in self.documents]
        path.write_text("".join(lines), encoding="utf-8")
        return [path]


def _digest(benchmark: Benchmark) -> str:
    """Return the SHA-256 of all that is studied and asked, and of nothing else."""
    content: dict[str, Any] = {
        "documents": [vars(document) for document in benchmark.documents],
        "items": [_plain(item) for item in benchmark.items],
    }
    if benchmark.evidence:
        content["evidence"] = dict(benchmark.evidence)
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")))


def _plain(item: Item) -> dict[str, Any]:
    """Return what the hash covers of an item; a field that `Item` gains later is not of it."""
    return {
        "id": item.id,
        "question": item.question,
        "answers": item.answers,
        "document": item.document,
        "topic": item.topic,
        "choices": item.choices,
    }
