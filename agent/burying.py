"""Taking texts out of what was read and asked: spaces in the documents, questions deleted."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.disk import as_store_error
from ingrained.memory.records import Memory, Span, sha256

from .grading import contains, words
from .library import Library, blanked
from .quizzing import target_id
from .reading.documents import Document, Passage
from .tombstones import Finder, is_short, whole_key

Question = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Buried:
    """What was taken out of a library."""

    documents: Mapping[str, int]
    """Document id → number of stretches that spaces stand for now."""
    questions: int
    """How many were deleted."""


def bury(library: Library, texts: Sequence[str], memories: Iterable[Memory]) -> Buried:
    """Take texts out of a library for good, and see to it that no document brings them back.

    Offsets of everything else hold. Deleted is each question that was asked about one of the
    memories, in any wording, whose answer went with the text, or that holds a part of it. A text
    that is too short to be looked for goes only from where the memories were taken from.

    Args:
        library: Changed here.
        texts: What must go.
        memories: Whose questions must go.

    Raises:
        HomeBusyError: another process reads the library; bury again when it has ended.
        StoreError: the disk is full or fails.
    """
    try:
        library.bury(text for text in texts if not is_short(text))
        done = _take_out(library, list(memories), texts)
        library.compact()
    except sqlite3.Error as error:
        raise as_store_error(error) or error from error
    return done


def _take_out(library: Library, memories: Sequence[Memory], buried: Sequence[str]) -> Buried:
    finder, own, found = library.tombstones(), _own_places(memories, buried), {}
    texts: dict[str, tuple[str, str]] = {}
    for id_ in library.documents():
        document = library.document(id_)
        if document is None:
            continue
        places = [place for place in own[id_] if place.of(document)]
        count = len(finder.spans(document.text)) + len(places)
        text = _without(finder.blank(document.text), 0, places)
        title = finder.redact(document.title)
        if (title, text) != (document.title, document.text):
            texts[id_] = title, text
        if count:
            found[id_] = count
        own[id_] = places
    questions = library.questions()
    passages = library.passages(library.passage_ids())
    changed = [
        new for old in passages if (new := _cut(blanked(old, finder), own[old.document])) != old
    ]
    asked = _Asked(
        memories,
        {one.id: one.document for one in passages},
        {one.id: one for one in changed},
        finder,
    )
    dropped = [one["id"] for one in questions if asked.about(one)]
    library.rewrite(documents=texts, passages=changed, dropped=dropped)
    return Buried(documents=found, questions=len(dropped))


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a short text was taken from."""

    start: int
    end: int
    quote: str

    def of(self, document: Document) -> bool:
        """Return whether the text still stands there."""
        return document.text[self.start : self.end] == self.quote


def _own_places(memories: Iterable[Memory], texts: Iterable[str]) -> defaultdict[str, list[_Place]]:
    """Return the places of short texts that go, by document."""
    short = {whole_key(text) for text in texts if is_short(text)}
    places: defaultdict[str, list[_Place]] = defaultdict(list)
    for span in (span for memory in memories for span in memory.spans):
        if is_short(span.quote) and whole_key(span.quote) in short:
            places[span.document].append(_place(span))
    return places


def _place(span: Span) -> _Place:
    return _Place(start=span.start, end=span.end, quote=span.quote)


def _without(text: str, offset: int, places: Iterable[_Place]) -> str:
    """Return a text that begins at an offset of its document with spaces in some places."""
    for place in places:
        first, last = (min(max(0, at - offset), len(text)) for at in (place.start, place.end))
        text = text[:first] + " " * (last - first) + text[last:]
    return text


def _cut(passage: Passage, places: Iterable[_Place]) -> Passage:
    text = _without(passage.text, passage.start, places)
    return dataclasses.replace(passage, text=text, sha256=sha256(text))


class _Asked:
    """Tells which questions rest on memories that go."""

    def __init__(
        self,
        memories: Sequence[Memory],
        documents: Mapping[str, str],
        cut: Mapping[str, Passage],
        finder: Finder,
    ) -> None:
        self._documents = documents
        self._cut = cut
        self._finder = finder
        self._starts: defaultdict[str, set[int]] = defaultdict(set)
        for span in (span for memory in memories for span in memory.spans):
            self._starts[span.document].add(span.start)
        self._wordings = {
            tuple(words(wording))
            for memory in memories
            for evidence in memory.evidence
            for wording in (evidence.question, *evidence.phrasings)
        }

    def about(self, question: Question) -> bool:
        """Return whether a question has to go."""
        return (
            tuple(words(question["question"])) in self._wordings
            or self._of_their_targets(question)
            or self._lost_its_answer(question)
            or self._finder.holds(f"{question['question']} {question.get('answer', '')}")
        )

    def _of_their_targets(self, question: Question) -> bool:
        """Return whether it is another wording of theirs: one that was sealed, or known already."""
        answer, passage = question.get("answer", ""), question["passage"]
        starts = self._starts[self._documents.get(passage, "")]
        targets = {target_id(passage, at, answer) for at in starts}
        return question.get("target") in targets

    def _lost_its_answer(self, question: Question) -> bool:
        passage, answer = self._cut.get(question["passage"]), question.get("answer", "")
        return passage is not None and bool(answer) and not contains(passage.text, answer)
