"""Taking texts out of what was read and asked: spaces in the documents, questions deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.disk import as_store_error
from ingrained.memory.records import Memory

from .grading import contains, words
from .library import Library, blanked
from .quizzing import target_id
from .reading.documents import Passage
from .tombstones import Finder

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
    memories, in any wording, whose answer went with the text, or that holds a part of it.

    Args:
        library: Changed here.
        texts: What must go.
        memories: Whose questions must go.

    Raises:
        HomeBusyError: another process reads the library; bury again when it has ended.
        StoreError: the disk is full or fails.
    """
    try:
        library.bury(texts)
        done = _take_out(library, list(memories))
        library.compact()
    except sqlite3.Error as error:
        raise as_store_error(error) or error from error
    return done


def _take_out(library: Library, memories: Sequence[Memory]) -> Buried:
    finder, found = library.tombstones(), {}
    texts: dict[str, tuple[str, str]] = {}
    for id_ in library.documents():
        document = library.document(id_)
        if document is not None and (spans := finder.spans(document.text)):
            found[id_] = len(spans)
            texts[id_] = finder.redact(document.title), finder.blank(document.text)
    questions = library.questions()
    passages = library.passages(library.passage_ids())
    changed = [new for old in passages if (new := blanked(old, finder)) != old]
    asked = _Asked(memories, {one.id: one for one in changed}, finder)
    dropped = [one["id"] for one in questions if asked.about(one)]
    library.rewrite(documents=texts, passages=changed, dropped=dropped)
    return Buried(documents=found, questions=len(dropped))


class _Asked:
    """Tells which questions rest on memories that go."""

    def __init__(
        self, memories: Sequence[Memory], cut: Mapping[str, Passage], finder: Finder
    ) -> None:
        self._cut = cut
        self._finder = finder
        self._starts = {span.start for memory in memories for span in memory.spans}
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
        answer = question.get("answer", "")
        targets = {target_id(question["passage"], at, answer) for at in self._starts}
        return question.get("target") in targets

    def _lost_its_answer(self, question: Question) -> bool:
        passage, answer = self._cut.get(question["passage"]), question.get("answer", "")
        return passage is not None and bool(answer) and not contains(passage.text, answer)
