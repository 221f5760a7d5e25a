"""Taking texts out of what was read and asked: spaces in the documents, questions deleted."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.disk import as_store_error
from ingrained.memory.records import Memory, Span, sha256

from .grading import contains, words
from .library import Library, blanked
from .library_rewriting import Rewriting
from .quizzing import target_id
from .reading.documents import Document, Passage
from .tombstones import Finder, is_short, whole_key

Question = Mapping[str, Any]
_SAID = ("reply", "rationale", "hinted")


@dataclass(frozen=True, kw_only=True)
class Buried:
    """What was taken out of a library."""

    documents: Mapping[str, int]
    """Document id → number of stretches that spaces stand for now."""
    emptied: tuple[str, ...] = ()
    """Ids of documents that were taken out as a whole."""
    questions: int
    """How many were deleted."""


@dataclass(frozen=True, kw_only=True)
class Burial:
    """What is to be taken out of a library, worked out before anything but tombstones is written."""

    rewriting: Rewriting
    stretches: Mapping[str, int]
    """As in `Buried.documents`."""
    wordings: tuple[str, ...] = ()
    """The questions to delete, but for those that another one asks in the same words."""
    ids: tuple[str, ...] = ()
    """Of the questions to delete, and of the passages of documents that go as a whole."""

    @property
    def buried(self) -> Buried:
        """What was taken out when it is done."""
        return Buried(
            documents=self.stretches,
            emptied=tuple(self.rewriting.emptied),
            questions=len(self.rewriting.dropped),
        )


def bury(
    library: Library,
    texts: Sequence[str],
    memories: Iterable[Memory],
    documents: Sequence[str] = (),
) -> Buried:
    """Take texts out of a library for good: `prepare` and `carry_out`."""
    return carry_out(library, prepare(library, texts, memories, documents))


def prepare(
    library: Library,
    texts: Sequence[str],
    memories: Iterable[Memory],
    documents: Sequence[str] = (),
) -> Burial:
    """See to it that no document brings texts back, and work out what else has to go.

    Offsets of everything else hold. Deleted is each question that was asked about one of the
    memories, in any wording, whose answer went with the text, that holds a part of it, that takes
    a second passage with a part of it, or that was made from such a question. Questions about the
    rest of a passage lose what the model replied and reasoned with the whole of it in view. A text
    that is too short to be looked for goes only from where the memories were taken from.

    Args:
        library: Gets the tombstones.
        texts: What must go.
        memories: Whose questions must go.
        documents: Ids of those that must go as a whole.

    Raises:
        StoreError: the disk is full or fails.
    """
    try:
        library.bury(text for text in texts if not is_short(text))
        return _prepared(library, list(memories), texts, documents)
    except sqlite3.Error as error:
        raise as_store_error(error) or error from error


def carry_out(library: Library, burial: Burial) -> Buried:
    """Take out what was prepared.

    Raises:
        HomeBusyError: another process reads the library; bury again when it has ended.
        StoreError: the disk is full or fails.
    """
    try:
        library.rewrite(burial.rewriting)
        library.compact()
    except sqlite3.Error as error:
        raise as_store_error(error) or error from error
    return burial.buried


def _prepared(
    library: Library, memories: Sequence[Memory], buried: Sequence[str], emptied: Sequence[str]
) -> Burial:
    finder, own = library.tombstones(), _own_places(memories, buried)
    known = [one for id_ in library.documents() if (one := library.document(id_)) is not None]
    rest = {
        one.id: _cut_document(one, finder, own[one.id]) for one in known if one.id not in emptied
    }
    passages = library.passages(library.passage_ids())
    lost = {one.id for one in passages if one.document in emptied}
    changed = [
        new for old in passages
        if old.id not in lost and (new := _cut(blanked(old, finder), rest[old.document].places)) != old
    ]  # fmt: skip
    gone = [f"{one.title} {one.text}" for one in known if one.id in emptied]
    lonely = _words([*buried, *gone]) - _words(f"{one.title} {one.text}" for one in rest.values())
    asked = _Asked(memories, passages, changed, lost, finder, lonely)
    questions = library.questions()
    dropped = _with_derived(questions, {one["id"] for one in questions if asked.about(one)})
    kept = [one for one in questions if one["id"] not in dropped]
    still = {tuple(words(one["question"])) for one in kept}
    asked_once = (one["question"] for one in questions if one["id"] in dropped)
    return Burial(
        rewriting=Rewriting(
            documents={
                one.id: (rest[one.id].title, rest[one.id].text)
                for one in known
                if one.id in rest
                and (one.title, one.text) != (rest[one.id].title, rest[one.id].text)
            },
            emptied=tuple(emptied),
            passages=changed,
            questions=[_unsaid(one) for one in kept if asked.may_tell(one)],
            dropped=sorted(dropped),
            words=lonely,
        ),
        stretches={id_: one.stretches for id_, one in rest.items() if one.stretches},
        wordings=tuple(one for one in asked_once if tuple(words(one)) not in still),
        ids=(*sorted(dropped), *sorted(lost)),
    )


@dataclass(frozen=True, kw_only=True)
class _CutDocument:
    """What is left of a document."""

    title: str
    text: str
    places: Sequence[_Place]
    """Where short texts were taken out, that stood there still."""
    stretches: int


def _cut_document(document: Document, finder: Finder, own: Iterable[_Place]) -> _CutDocument:
    places = [place for place in own if place.of(document)]
    return _CutDocument(
        title=finder.redact(document.title),
        text=_without(finder.blank(document.text), 0, places),
        places=places,
        stretches=len(finder.spans(document.text)) + len(places),
    )


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in words(text))


def _with_derived(questions: Sequence[Question], dropped: set[str]) -> set[str]:
    """Return ids of questions with those of what was made from them, and so on."""
    made_of = {one["id"]: {one.get("after"), *one.get("also", ())} for one in questions}
    while more := {id_ for id_, made in made_of.items() if made & dropped} - dropped:
        dropped = dropped | more
    return dropped


def _unsaid(question: Question) -> Question:
    """Return a question without what the model said of it with its passages in view."""
    return {name: value for name, value in question.items() if name not in _SAID}


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
    """Tells which questions rest on memories or documents that go."""

    def __init__(
        self,
        memories: Sequence[Memory],
        passages: Iterable[Passage],
        cut: Iterable[Passage],
        lost: Collection[str],
        finder: Finder,
        lonely: frozenset[str],
    ) -> None:
        self._documents = {one.id: one.document for one in passages}
        self._cut = {one.id: one for one in cut}
        self._lost = lost
        self._lonely = lonely
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
            or self._lost_a_passage(question)
            or self._finder.holds(f"{question['question']} {question.get('answer', '')}")
        )

    def may_tell(self, question: Question) -> bool:
        """Return whether what the model said of a question that stays may tell of what goes."""
        said = " ".join(str(question.get(name, "")) for name in _SAID)
        told = self._finder.holds(said) or not self._lonely.isdisjoint(words(said))
        return question["passage"] in self._cut or told

    def _lost_a_passage(self, question: Question) -> bool:
        """Return whether a passage went, or was cut that is not the one it was asked about."""
        home, taken = question["passage"], {question["passage"], *question.get("passages", ())}
        return any(one in self._lost or (one != home and one in self._cut) for one in taken)

    def _of_their_targets(self, question: Question) -> bool:
        """Return whether it is another wording of theirs: one that was sealed, or known already."""
        answer, passage = question.get("answer", ""), question["passage"]
        starts = self._starts[self._documents.get(passage, "")]
        targets = {target_id(passage, at, answer) for at in starts}
        return question.get("target") in targets

    def _lost_its_answer(self, question: Question) -> bool:
        passage, answer = self._cut.get(question["passage"]), question.get("answer", "")
        return passage is not None and bool(answer) and not contains(passage.text, answer)
