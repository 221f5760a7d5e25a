"""How the corpus, its topics, its passages and the kinds of questions stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .acceptance import succession

if TYPE_CHECKING:
    from ingrained.agent.library import Library

    from .gradebook import Outcome, Place

PRIOR = 2.0
"""Questions' worth of belief that something stands like the corpus as a whole."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Questions passed with memory."""

    passed: int
    asked: int
    mean: float
    """Of the corpus, in (0, 1)."""

    @property
    def share(self) -> float:
        """Passed per asked; 0 where nobody could ask anything."""
        return self.passed / self.asked if self.asked else 0.0

    @property
    def shrunk(self) -> float:
        """The share, drawn towards the corpus mean the more, the less was asked.

        Mean of the posterior after a Beta prior of the corpus mean that weighs `PRIOR` questions.
        """
        return (self.passed + PRIOR * self.mean) / (self.asked + PRIOR)

    @property
    def error_mass(self) -> float:
        """How many of its questions are to be expected to fail."""
        return self.asked * (1 - self.shrunk)


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A part of the corpus: the passages under one title or heading."""

    id: str
    """Of its first document, or of its first passage: a stored id never holds a title."""
    name: str
    """The title or heading: a document's text, hence data."""
    passages: tuple[str, ...]
    """Ids, in reading order."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Scores at all levels; each mapping is in reading order."""

    corpus: Score
    topics: Mapping[str, Score]
    """By topic id; a passage nobody could ask about counts as one question that fails."""
    passages: Mapping[str, Score]
    """By passage id, of those that were studied."""
    kinds: Mapping[str, Score]

    def open_passages(self, topic: Topic) -> list[str]:
        """Return the passages of a topic with something left to learn, the weakest first."""
        left = [one for one in topic.passages if self.passages[one].share < 1]
        return sorted(left, key=self.weakness)

    def weakness(self, passage: str) -> float:
        """Return by what passages are sorted: one nobody could ask about counts as 0."""
        score = self.passages[passage]
        return score.shrunk if score.asked else 0.0


def topics(library: Library) -> list[Topic]:
    """Return the topics of all that was read, in reading order.

    They are the titles of documents; of a corpus with one title, the first headings under it.
    """
    places = library.gradebook.places()
    one_title = len({place.title for place in places}) == 1
    groups: dict[str, list[Place]] = {}
    for place in places:
        name = _heading(place) if one_title else place.title
        groups.setdefault(name, []).append(place)
    return [
        Topic(
            id=group[0].passage if one_title else group[0].document,
            name=name,
            passages=tuple(place.passage for place in group),
        )
        for name, group in groups.items()
    ]


def studied_topics(library: Library) -> list[Topic]:
    """Return the topics with their studied passages only, in reading order."""
    studied = {place.passage for place in library.gradebook.places() if place.studied}
    kept = [
        replace(part, passages=tuple(id_ for id_ in part.passages if id_ in studied))
        for part in topics(library)
    ]
    return [part for part in kept if part.passages]


def standing(library: Library) -> Standing:
    """Return how everything that was studied stands."""
    outcomes = library.gradebook.outcomes()
    return standing_of(studied_topics(library), outcomes)


def standing_of(parts: Iterable[Topic], outcomes: Sequence[Outcome]) -> Standing:
    """Return how topics stand after the outcomes of questions."""
    parts = list(parts)
    asked: Counter[str] = Counter(one.passage for one in outcomes)
    passed: Counter[str] = Counter(one.passage for one in outcomes if one.passed)
    told = {id_: (passed[id_], asked[id_]) for part in parts for id_ in part.passages}
    by_topic = {
        part.id: _sum((told[id_][0], max(1, told[id_][1])) for id_ in part.passages)
        for part in parts
    }
    whole = _sum(by_topic.values())
    mean = succession(*whole)
    return Standing(
        corpus=_score(whole, mean),
        topics={id_: _score(counts, mean) for id_, counts in by_topic.items()},
        passages={id_: _score(counts, mean) for id_, counts in told.items()},
        kinds={
            kind: _score(counts, mean)
            for kind, counts in _by_kind((one.kind, one.passed) for one in outcomes).items()
        },
    )


def evaluation(
    library: Library,
    cells: Mapping[str, float],
    sealed: Mapping[str, Iterable[tuple[str, bool]]] | None = None,
) -> dict[str, Any]:
    """Return how a round ended, for its trace.

    Args:
        library: After the round's sittings were recorded.
        cells: Cell → share of the sealed questions answered.
        sealed: Cell → kind of each of them, and whether it was passed.
    """
    found = standing(library)
    return {
        "cells": dict(cells),
        "corpus": _plain(found.corpus),
        "topics": {id_: _plain(score) for id_, score in found.topics.items()},
        "kinds": {kind: _plain(score) for kind, score in found.kinds.items()},
        "sealed": {
            cell: {
                kind: {"passed": passed, "asked": asked}
                for kind, (passed, asked) in _by_kind(sat).items()
            }
            for cell, sat in (sealed or {}).items()
        },
    }


def _plain(score: Score) -> dict[str, int]:
    return {"passed": score.passed, "asked": score.asked}


def _heading(place: Place) -> str:
    """Return the first heading under the title; the title where there is none."""
    path = place.heading.split(" > ")
    return path[1] if len(path) > 1 else place.title


def _by_kind(outcomes: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """Return kind → how many were passed and how many asked, from the kind and outcome of each."""
    found: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for kind, good in sorted(outcomes):
        passed, asked = found[kind]
        found[kind] = passed + good, asked + 1
    return dict(found)


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    every = list(counts)
    return sum(passed for passed, _ in every), sum(asked for _, asked in every)


def _score(counts: tuple[int, int], mean: float) -> Score:
    return Score(passed=counts[0], asked=counts[1], mean=mean)
