"""What is laid before the model for a question: recalled memories in the passages they come from.

A memory is found by its own sentence, which is precise, and read in its passage, which says what
"he" and "the workshop" are (small-to-big retrieval). On the development corpus that contains 0.75
of the answers where the sentences alone contain 0.62 (LOG.md). What was forgotten stays hidden in
the passage of what was kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingrained.memory.records import DEFAULT_NAMESPACE, Memory
from ingrained.memory.results import Recalled
from ingrained.memory.store import MemoryStore

from .library import Library
from .reading.documents import Passage

RECALL_K = 3
"""Memories recalled for a question. More of them bring more passages and no better answers."""
HIDDEN = "…"


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """One numbered entry of a prompt, and the memories that brought it there."""

    text: str
    """As it stands in the prompt."""
    memories: tuple[Recalled, ...]
    """Best first."""


class Recaller:
    """Recalls memories for questions and lays them out as the model reads them.

    Args:
        store: The memory.
        library: Where the passages are; without one, or when a document has changed so that it
            no longer holds the quote, a memory is laid out as its own text.
        k: Most memories for a question.
        namespace: Whose memories.
    """

    def __init__(
        self,
        store: MemoryStore,
        library: Library | None = None,
        *,
        k: int = RECALL_K,
        namespace: tuple[str, ...] = DEFAULT_NAMESPACE,
    ) -> None:
        self._store = store
        self._library = library
        self._k = k
        self._namespace = namespace

    def recall(self, questions: Sequence[str]) -> list[list[Excerpt]]:
        """Return the excerpts for each question, the one of the best memory first."""
        found = self._store.recall_many(list(questions), k=self._k, namespace=self._namespace)
        texts = self.lay_out(one.memory for item in found for one in item)
        return [_grouped(item, texts) for item in found]

    def lay_out(self, memories: Iterable[Memory]) -> dict[str, str]:
        """Return memory id → the text that is shown for it; those of one passage share theirs."""
        chosen = {memory.id: memory for memory in memories}
        passages = {id_: self._passage(memory) for id_, memory in chosen.items()}
        found = {passage.id: passage for passage in passages.values() if passage}
        known = {
            document: self._known(document) for document in {p.document for p in found.values()}
        }
        texts = {id_: _visible(passage, known[passage.document]) for id_, passage in found.items()}
        return {
            id_: shown(headline(passage), texts[passage.id])
            if (passage := passages[id_])
            else shown(memory.title, memory.text)
            for id_, memory in chosen.items()
        }

    def _passage(self, memory: Memory) -> Passage | None:
        if self._library is None or not memory.spans:
            return None
        span = memory.spans[0]
        return self._library.passage_around(span.document, span.quote, span.start)

    def _known(self, document: str) -> list[Memory]:
        return self._store.list(namespace=self._namespace, document=document, status=None)


def shown(title: str, text: str) -> str:
    """Return a note as it stands in a prompt."""
    return f"{title}: {text}" if title else text


def headline(passage: Passage) -> str:
    """Return the headings above a passage in one line, or its document's title."""
    return (passage.heading or passage.title).replace(" > ", ", ")


def _grouped(found: Sequence[Recalled], texts: dict[str, str]) -> list[Excerpt]:
    groups: dict[str, list[Recalled]] = {}
    for one in found:
        groups.setdefault(texts[one.memory.id], []).append(one)
    return [Excerpt(text=text, memories=tuple(group)) for text, group in groups.items()]


def _visible(passage: Passage, known: Iterable[Memory]) -> str:
    """Return the passage without what was forgotten of it and is not also part of a memory."""
    kept = _covered(passage, (one for one in known if one.status == "active"))
    gone = _covered(passage, (one for one in known if one.status != "active")) - kept
    return _without(passage.text, gone)


def _covered(passage: Passage, memories: Iterable[Memory]) -> set[int]:
    """Return the characters of a passage that memories quote, wherever the quote stands in it."""
    covered: set[int] = set()
    for memory in memories:
        for span in memory.spans:
            if span.quote and span.document == passage.document:
                for match in re.finditer(re.escape(span.quote), passage.text):
                    covered.update(range(*match.span()))
    return covered


def _without(text: str, gone: set[int]) -> str:
    pieces: list[str] = []
    for number, letter in enumerate(text):
        if number not in gone:
            pieces.append(letter)
        elif number - 1 not in gone:
            pieces.append(HIDDEN)
    return "".join(pieces).strip()
