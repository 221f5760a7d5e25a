"""Which quotes are shown under a reply: those that have its words, where the source has them.

The memory that found a passage need not be the one that the reply was read from: the sentence beside
it may be. So among the memories of a passage those go first whose quote has the words of the reply,
and where none has, the sentence of the passage that has them is quoted too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from ingrained.memory.lexical import STOP_WORDS, overlap, stems

from .citing import Source, without_citations
from .grading import abstained, words
from .reading.sentences import sentences
from .recalling import SOURCES

LEAST = 0.5
"""Share of the reply's words from which a sentence is quoted beside the memory's own quote."""


def quoted_for(reply: str, question: str, sources: Sequence[Source]) -> tuple[Source, ...]:
    """Return the sources of a reply, `SOURCES` of a number at most, in the order of their numbers.

    Args:
        reply: What was answered; a refusal has no words to look for.
        question: Its words tell nothing: they stand in every sentence that is about it.
        sources: As `citing.sources_of` gives them.
    """
    wanted = frozenset[str]() if abstained(reply) else _told(reply, question, sources)
    parts = (tuple(part) for _, part in groupby(sources, lambda one: one.number))
    return tuple(one for part in parts for one in _chosen(part, wanted))


def _chosen(part: Sequence[Source], wanted: frozenset[str]) -> list[Source]:
    best = sorted(part, key=lambda one: -overlap(wanted, _content(one.quote)))[:SOURCES]
    sentence = _sentence(best[0].passage, wanted)
    quoted = max(overlap(wanted, _content(one.quote)) for one in best)
    if (has := overlap(wanted, _content(sentence))) >= LEAST and has > quoted:
        best[0] = replace(best[0], sentence=sentence)
    return best


def _sentence(passage: str, wanted: frozenset[str]) -> str:
    """Return the first of the sentences that have most of the words; an empty text for no passage."""
    every = (passage[start:end] for start, end in sentences(passage))
    return max(every, key=lambda one: overlap(wanted, _content(one)), default="")


def _told(reply: str, question: str, sources: Iterable[Source]) -> frozenset[str]:
    """Return the words of a reply that say what was asked for; all of them where none is new."""
    said = _content(without_citations(reply, {one.number for one in sources}))
    return said - _content(question) or said


def _content(text: str) -> frozenset[str]:
    return stems(word for word in words(text) if word not in STOP_WORDS)
