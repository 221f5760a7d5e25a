"""What a home has read of documents that a purge takes as a whole."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ingrained.agent.library import Library
from ingrained.agent.reading.documents import Passage
from ingrained.agent.reading.sentences import sentences
from ingrained.agent.tombstones import phrase_key, phrases, word_count

LEAST_WORDS = 4
"""A shorter sentence is a text of its own nowhere."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """Documents that go, and what only they brought into a home."""

    documents: tuple[str, ...] = ()
    """Ids of those that are in the library."""
    sentences: tuple[str, ...] = ()
    """Of theirs, those that no other document says; shorter ones than `LEAST_WORDS` left out."""
    advice: frozenset[str] = frozenset()
    """What the model wrote on failing questions that take a passage of theirs."""


def read_of(home: Path, documents: Collection[str]) -> Read:
    """Return what a home has read of some documents; one that was taken out before is left out."""
    path = home / "library.sqlite"
    if not documents or not path.is_file():
        return Read()
    with closing(Library(path, read_only=True)) as library:
        there = tuple(
            id_ for id_ in library.documents() if id_ in documents and _says(library, id_)
        )
        passages = library.passages(library.passage_ids())
        own = [one for one in passages if one.document in there]
        return Read(
            documents=there,
            sentences=_said_there_alone(library, own),
            advice=_advice(library, {one.id for one in own}),
        )


def _says(library: Library, id_: str) -> bool:
    document = library.document(id_)
    return document is not None and bool(document.title or document.text)


def long_sentences(text: str) -> list[str]:
    """Return the sentences of a text that are long enough to be texts of their own."""
    parts = [text[start:end] for start, end in sentences(text)]
    return [part for part in parts if word_count(part) >= LEAST_WORDS]


def _said_there_alone(library: Library, own: Collection[Passage]) -> tuple[str, ...]:
    said = list(dict.fromkeys(part for one in own for part in long_sentences(one.text)))
    finder, elsewhere = phrases(said), set()
    for id_ in sorted(set(library.documents()) - {one.document for one in own}):
        document = library.document(id_)
        if document is not None:
            elsewhere |= finder.found(document.title) | finder.found(document.text)
    return tuple(part for part in said if phrase_key(part) not in elsewhere)


def _advice(library: Library, passages: Collection[str]) -> frozenset[str]:
    asked = [
        one["id"]
        for one in library.questions()
        if {one["passage"], *one.get("passages", ())} & set(passages)
    ]
    written = library.gradebook.reflections(asked).values()
    return frozenset(text for texts in written for text in texts)
