"""A small corpus that was studied, for the tests of planning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingrained.agent.library import Library
from ingrained.agent.reading.documents import Document, Passage
from ingrained.agent.reading.passages import split

TITLES = ("Bridge", "Mill", "Press")


def page(title: str, sections: int = 3) -> Document:
    """A document of so many passages."""
    parts = [f"## Part {n}\n\nThe {title} has a part {n}." for n in range(sections)]
    return Document.of(
        id=f"{title.lower()}.md", title=title, text="\n\n".join([f"# {title}", *parts])
    )


def put(library: Library, document: Document, *, studied: bool = True) -> list[Passage]:
    """Read a document in, and study it."""
    passages = split(document)
    library.put_document(document, passages)
    if studied:
        library.mark_studied([one.id for one in passages], 1)
    return passages


def corpus(library: Library, sections: int = 3) -> dict[str, list[Passage]]:
    """Study a document for each title; return title → passages."""
    return {title: put(library, page(title, sections)) for title in TITLES}


def ask(library: Library, passage: Passage, passed: Sequence[bool], **fields: Any) -> list[str]:
    """Put questions about a passage, passed with memory or not; return their ids."""
    kind = fields.get("kind", "cloze")
    ids = [f"{passage.id}-{kind}-{number}" for number, _ in enumerate(passed)]
    library.put_questions(
        {
            "id": id_, "passage": passage.id, "round": 1, "sealed": False, "closed": False,
            "recalled": one, "kind": kind, "question": f"{id_}?", "answer": "part", **fields,
        }
        for id_, one in zip(ids, passed, strict=True)
    )  # fmt: skip
    return ids


def ask_all(
    library: Library, pages: Mapping[str, list[Passage]], failing: Mapping[str, int], each: int = 4
) -> None:
    """Ask so many questions about each passage, of which the first so many of a title fail."""
    for title, passages in pages.items():
        for passage in passages:
            ask(library, passage, [number >= failing.get(title, 0) for number in range(each)])
