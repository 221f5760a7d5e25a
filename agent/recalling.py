"""What is laid before the model for a question: recalled memories in the passages they come from.

A memory is found by its own sentence, which is precise, and read in its passage, which says what
"he" and "the workshop" are (small-to-big retrieval). Passages of many found memories compete: how
near the best memory is in meaning, and how well the whole passage matches the question's words, which
makes up for sentences that are not remembered; the best, where they are near to each other, are read
again, and that which makes the question likeliest wins (LOG.md has what each step gains). What was forgotten stays hidden in the
passage of what was kept.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ingrained.memory.ranking import faded
from ingrained.memory.records import DEFAULT_NAMESPACE, Memory
from ingrained.memory.results import Recalled
from ingrained.memory.store import MemoryStore
from ingrained.memory.wordrank import bm25

from .answering import with_memory
from .asking import Asker
from .library import Library
from .reading.documents import Passage

RECALL_K = 3
"""Excerpts for a question."""
POOL = 16
"""Memories found for each excerpt that will be chosen."""
MARGIN = 1.0
"""How far below the best excerpt's score another one may be, to be shown beside it.

What is shown beside the right passage misleads a small model: on the development questions one
excerpt beats two and two beat three, and those within 0.5 to 3 of the best do no harm (LOG.md).
"""
REREAD_WITHIN = 2.5
"""How far below the best excerpt's score another one may be, to be read again; further below, hardly
one of a hundred is then found to be better, and seldom rightly (LOG.md)."""
REREAD_CHARACTERS = 1_000
"""Of a question at most: what a longer one is about its words tell, and to rate it takes much memory."""
LIKELIHOOD_WEIGHT = 8.0
"""How much the mean log-probability of a question counts beside the standard scores (LOG.md)."""
LEAST_SPREAD = (0.05, 0.5)
"""Standard deviation of cosines and of BM25 from which differences count in full. A handful of
excerpts may all be alike, and which is best by a hair then says nothing."""
SOURCES = 2
"""Most memories named as the source of one excerpt."""
HIDDEN = "…"

Likely = Callable[[Sequence[tuple[str, str]]], Sequence[float] | None]
"""Pairs of question and excerpt → how likely the question is after the excerpt; None if unknown."""


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """One numbered entry of a prompt, and the memories that brought it there."""

    text: str
    """As it stands in the prompt."""
    document: str = ""
    """Whose passage it is; empty for a memory that is shown by itself."""
    passage: str = ""
    """What of the passage is visible, as its document has it; empty for a memory shown by itself."""
    memories: tuple[Recalled, ...] = ()
    """Best first, `SOURCES` at most."""
    further: tuple[Recalled, ...] = ()
    """The other memories found in the passage, best first."""


Ranked = tuple[float, Excerpt]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is remembered of one passage: what statements are made from."""

    title: str
    """The headings above the passage in one line, or its document's title."""
    topic: str
    """Title of the document."""
    text: str
    """The quotes of the memories, in one line and in the order of the passage; `HIDDEN` for the rest."""
    document: str
    """Id of the document."""
    memories: tuple[Memory, ...]


class Recaller:
    """Recalls memories for questions and lays them out as the model reads them.

    Args:
        store: The memory.
        library: Where the passages are; without one, or when a document has changed so that it
            no longer holds the quote, a memory is laid out as its own text.
        k: Most excerpts for a question.
        namespace: Whose memories.
        likely: Reads the best excerpts of each question again, to order them.
    """

    def __init__(
        self,
        store: MemoryStore,
        library: Library | None = None,
        *,
        k: int = RECALL_K,
        namespace: tuple[str, ...] = DEFAULT_NAMESPACE,
        likely: Likely | None = None,
    ) -> None:
        self._store = store
        self._library = library
        self._k = k
        self._namespace = namespace
        self._likely = likely

    def recall(
        self, questions: Sequence[str], *, searched: Sequence[str] | None = None
    ) -> list[list[Excerpt]]:
        """Return the excerpts for each question, best first.

        Args:
            questions: What is asked.
            searched: For each, what to find memories with instead: a question that leans on what
                was said before has none of the words to find it by. What is found is still ordered
                by the question, or what answered the one before would come back.
        """
        found = self._found(list(searched or questions))
        shown_for = self._excerpts(one.memory for item in found for one in item)
        ranked = [
            _within(REREAD_WITHIN, _best(_grouped(item, shown_for), question, self._k))
            for question, item in zip(questions, found, strict=True)
        ]
        reread = self._reread(questions, ranked)
        return [[one for _, one in _within(MARGIN, each)][: self._k] for each in reread]

    def _found(self, questions: list[str]) -> list[list[Recalled]]:
        """Return the memories for each question; none at all unless one is above the floor.

        Below it are those whose own sentence does not answer, but the one beside it may.
        """
        sure = self._store.recall_many(questions, k=1, namespace=self._namespace)
        found = self._store.recall_many(
            questions, k=POOL * self._k, namespace=self._namespace, floor=-1.0
        )
        return [many if one else [] for one, many in zip(sure, found, strict=True)]

    def _reread(
        self, questions: Sequence[str], ranked: Sequence[list[Ranked]]
    ) -> Sequence[list[Ranked]]:
        """Add to the scores how likely each question is after each of its excerpts."""
        several = [
            n
            for n, each in enumerate(ranked)
            if len(each) > 1 and len(questions[n]) <= REREAD_CHARACTERS
        ]
        pairs = [(questions[n], one.text) for n in several for _, one in ranked[n]]
        told = self._likely(pairs) if self._likely and pairs else None
        if told is None:
            return ranked
        values, reread = iter(told), list(ranked)
        for n in several:
            reread[n] = [
                (score + LIKELIHOOD_WEIGHT * next(values), one) for score, one in ranked[n]
            ]
        return reread

    def lay_out(self, memories: Iterable[Memory]) -> dict[str, str]:
        """Return memory id → the text that is shown for it; those of one passage share theirs."""
        return {id_: one.text for id_, one in self._excerpts(memories).items()}

    def sources(self, memories: Iterable[Memory]) -> list[Source]:
        """Return what these memories quote, passage by passage, and nothing else of the passages.

        A memory whose quote stands in no passage (its document has changed, or it was redacted) is
        left out, as is one that quotes nothing.
        """
        found: dict[Passage, list[Memory]] = {}
        for memory in sorted(memories, key=lambda one: one.id):
            passage = self._passage(memory)
            if passage:
                found.setdefault(passage, []).append(memory)
        in_order = sorted(found, key=lambda one: (one.document, one.index, one.id))
        return [_source(passage, found[passage]) for passage in in_order]

    def _excerpts(self, memories: Iterable[Memory]) -> dict[str, Excerpt]:
        """Return memory id → what is shown for it, without the memories that share it."""
        chosen = {memory.id: memory for memory in memories}
        passages = {id_: self._passage(memory) for id_, memory in chosen.items()}
        found = {passage.id: passage for passage in passages.values() if passage}
        texts = self._visible(found.values())
        return {
            id_: Excerpt(
                text=shown(headline(passage), texts[passage.id]),
                document=passage.document,
                passage=texts[passage.id],
            )
            if (passage := passages[id_])
            else Excerpt(text=shown(memory.title, memory.text))
            for id_, memory in chosen.items()
        }

    def _passage(self, memory: Memory) -> Passage | None:
        library = self._library
        if library is None:
            return None
        places = (library.passage_around(s.document, s.quote, s.start) for s in memory.spans)
        return next(filter(None, places), None)

    def _gone(self) -> set[str]:
        """Return what is quoted by memories that are no longer active, from any document."""
        forgotten = self._store.list(namespace=self._namespace, status="forgotten")
        superseded = self._store.list(namespace=self._namespace, status="superseded")
        return _quotes([*forgotten, *superseded])

    def _visible(self, passages: Collection[Passage]) -> dict[str, str]:
        """Return passage id → its text without what was forgotten and is not kept as well."""
        gone = self._gone() if passages else set()
        if not gone:
            return {passage.id: passage.text for passage in passages}
        kept = {document: self._kept(document) for document in {p.document for p in passages}}
        return {
            passage.id: _without(
                passage.text,
                _covered(passage.text, gone) - _covered(passage.text, kept[passage.document]),
            )
            for passage in passages
        }

    def _kept(self, document: str) -> set[str]:
        return _quotes(self._store.list(namespace=self._namespace, document=document))


def likely_by(asker: Asker, *, phase: str) -> Likely:
    """Return what rates an excerpt by how likely the model finds the question after it.

    Query likelihood (Sachan et al. 2022, "Improving passage retrieval with zero-shot question
    generation", section 2.2), in the very prompt that the answer is read from: what is computed of
    it serves the reply.

    Args:
        asker: The model.
        phase: Where the cost is booked.
    """

    def likely(pairs: Sequence[tuple[str, str]]) -> Sequence[float] | None:
        prompts = [with_memory([text], question) for question, text in pairs]
        return asker.likelihoods_within(prompts, [question for question, _ in pairs], phase=phase)

    return likely


def shown(title: str, text: str) -> str:
    """Return a note as it stands in a prompt.

    It is one line, so that text of a document cannot look like another numbered note or a question.
    """
    return " ".join((f"{title}: {text}" if title else text).split())


def headline(passage: Passage) -> str:
    """Return the headings above a passage in one line, or its document's title."""
    return (passage.heading or passage.title).replace(" > ", ", ")


def _source(passage: Passage, memories: Sequence[Memory]) -> Source:
    kept = _covered(passage.text, _quotes(memories))
    runs = itertools.groupby(enumerate(passage.text), key=lambda each: each[0] in kept)
    pieces = [(quoted, "".join(letter for _, letter in run)) for quoted, run in runs]
    text = "".join(
        piece if quoted or piece.isspace() else f" {HIDDEN} " for quoted, piece in pieces
    )
    return Source(
        title=headline(passage), topic=passage.title, text=shown("", text),
        document=passage.document, memories=tuple(memories),
    )  # fmt: skip


def _grouped(found: Sequence[Recalled], shown_for: Mapping[str, Excerpt]) -> list[Excerpt]:
    groups: dict[Excerpt, list[Recalled]] = {}
    for one in found:
        groups.setdefault(shown_for[one.memory.id], []).append(one)
    return [replace(bare, memories=tuple(group)) for bare, group in groups.items()]


def _best(excerpts: Sequence[Excerpt], question: str, k: int) -> list[Ranked]:
    """Return the `k` best excerpts by nearness and words together, each with its score.

    The score is a sum of standard scores (Lee 1997, "Analyses of multiple evidence combination", has
    such sums of normalised scores): unlike ranks, they tell a clear winner from one by a hair.
    """
    near = [max(map(_nearness, one.memories)) for one in excerpts]
    said = bm25(question, [one.text for one in excerpts])
    standard = map(_standard, (near, said), LEAST_SPREAD)
    scores = [one + other for one, other in zip(*standard, strict=True)]
    order = sorted(range(len(excerpts)), key=lambda n: -scores[n])[:k]
    return [(scores[n], _parted(excerpts[n])) for n in order]


def _parted(excerpt: Excerpt) -> Excerpt:
    found = excerpt.memories
    return replace(excerpt, memories=found[:SOURCES], further=found[SOURCES:])


def _within(margin: float, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return the best, and those nearly as good, best first."""
    least = max((score for score, _ in ranked), default=0.0) - margin
    return [each for each in sorted(ranked, key=lambda each: -each[0]) if each[0] >= least]


def _nearness(found: Recalled) -> float:
    """Return what is known of a memory's nearness: by the reranker where one has read it."""
    near = found.dense if found.reranked is None else found.reranked
    return faded(near, found.retention)


def _standard(values: Sequence[float], least_spread: float) -> list[float]:
    """Return standard scores: mean 0, and standard deviation 1 unless the values are much alike."""
    if not values:
        return []
    mean = statistics.fmean(values)
    spread = max(statistics.pstdev(values, mean), least_spread)
    return [(value - mean) / spread for value in values]


def _quotes(memories: Iterable[Memory]) -> set[str]:
    return {span.quote for memory in memories for span in memory.spans if span.quote}


def _covered(text: str, quotes: Iterable[str]) -> set[int]:
    """Return the characters of a text that are part of a quote, wherever it stands."""
    covered: set[int] = set()
    for quote in quotes:
        start = text.find(quote)
        while start >= 0:
            covered.update(range(start, start + len(quote)))
            start = text.find(quote, start + len(quote))
    return covered


def _without(text: str, gone: set[int]) -> str:
    pieces: list[str] = []
    for number, letter in enumerate(text):
        if number not in gone:
            pieces.append(letter)
        elif number - 1 not in gone:
            pieces.append(HIDDEN)
    return "".join(pieces)
