"""What an answer rests on: its numbered sources, and the numbers that a reply names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingrained.memory.results import Recalled

from .recalling import Excerpt

_CITATION = re.compile(r"(\s*)\[(\d+(?:\s*,\s*\d+)*)\]")
_UNFINISHED = re.compile(r"\s*(?:\[[\d,\s]*)?\Z")
"""An end of a text that may yet become a citation."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A recalled memory as it stood in the prompt."""

    number: int
    """The number, from 1, of the excerpt it stood in; memories of one passage share it."""
    memory: str
    title: str
    document: str
    start: int
    end: int
    quote: str
    score: float
    in_passage: bool = False
    """Whether the model read it in the passage around it, not by itself."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One reply and what it rests on."""

    question: str
    reply: str
    cell: str
    abstained: bool
    adapter: str | None = None
    """Version of the adapter that was used."""
    sources: tuple[Source, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Answer:
        """Rebuild an answer."""
        return cls(**{**data, "sources": tuple(Source(**one) for one in data["sources"])})


def sources_of(excerpts: Sequence[Excerpt]) -> tuple[Source, ...]:
    """Return the memories behind excerpts, numbered as those stand in a prompt."""
    return tuple(
        _source(number, one, part.document)
        for number, part in enumerate(excerpts, 1)
        for one in part.memories
    )


def labelled(sources: Iterable[Source]) -> dict[str, Source]:
    """Return sources by what they can be named by: the first of number 1 is `1`, the next `1.2`."""
    seen: Counter[int] = Counter()
    named = {}
    for one in sources:
        seen[one.number] += 1
        place = seen[one.number]
        named[f"{one.number}" if place == 1 else f"{one.number}.{place}"] = one
    return named


def _source(number: int, found: Recalled, document: str) -> Source:
    """Cite the place that was shown; a memory by itself, the place it was first taken from."""
    memory = found.memory
    there = (span for span in memory.spans if span.document == document)
    span = next(there, next(iter(memory.spans), None))
    return Source(
        number=number,
        memory=memory.id,
        title=memory.title,
        document=span.document if span else "",
        start=span.start if span else 0,
        end=span.end if span else 0,
        quote=span.quote if span else memory.text,
        score=found.score,
        in_passage=bool(document),
    )


def cited(text: str) -> list[int]:
    """Return the numbers that a reply names in brackets, each once, in order."""
    found = (number for _, numbers in _CITATION.findall(text) for number in numbers.split(","))
    return list(dict.fromkeys(map(int, found)))


def without_citations(text: str) -> str:
    """Return a reply without the numbers that it names in brackets."""
    return _CITATION.sub("", text).strip()


class CitationCheck:
    """Lets a reply through piece by piece, without the numbers of sources that were not shown.

    Args:
        shown: The numbers that stood in the prompt.

    Attributes:
        unknown: The numbers that were taken out, each once.
    """

    def __init__(self, shown: Iterable[int]) -> None:
        self._shown: Collection[int] = frozenset(shown)
        self._held = ""
        self.unknown: list[int] = []

    def passed(self, piece: str) -> str:
        """Return what can be shown by now; what may become a citation is held back."""
        text = self._held + piece
        match = _UNFINISHED.search(text)
        end = match.start() if match else len(text)
        self._held = text[end:]
        return _CITATION.sub(self._checked, text[:end])

    def rest(self) -> str:
        """Return what was held back, at the end of the reply."""
        text, self._held = self._held, ""
        return text

    def _checked(self, match: re.Match[str]) -> str:
        numbers = [int(number) for number in match[2].split(",")]
        known = [number for number in numbers if number in self._shown]
        self.unknown += [
            one for one in numbers if one not in self._shown and one not in self.unknown
        ]
        if len(known) == len(numbers):
            return match[0]
        return f"{match[1]}[{', '.join(map(str, known))}]" if known else ""
