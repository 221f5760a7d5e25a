"""What an answer rests on: its numbered sources, and the numbers that a reply names."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingrained.memory.results import Recalled

from .recalling import Excerpt

_TOKEN = re.compile(
    r"(?P<ticks>`+)"
    r"|(?<=\w)(?:\[[0-9,\s]*\])+"  # xs[1][2]
    r"|(?<!\s)(?P<cites>\s*(?<!\w)\[[0-9,\s\[\]]*\](?!\())"
    r"|\n"
)
_CITATION = re.compile(r"(\s*)(?<!\w)\[\s*([0-9]{1,2}(?:\s*,\s*[0-9]{1,2})*)\s*\]")
"""One in brackets of its own: a number of three digits is an amount or a year."""
_INSIDE = f"[],{string.digits}{string.whitespace}"
_FENCE = 3
"""Backticks from which code does not end with its line."""


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
    passage: str = ""
    """What of that passage it was shown, with the line breaks of the document; else empty."""
    sentence: str = ""
    """The sentence of the passage that has the words of the reply, where the quote has fewer of them."""


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
    votes: int = 1
    """How many replies were asked for; none where nothing that was said or read can answer."""
    confidence: float | None = None
    """Share of the votes that agree with the reply, before it was refined; None without a vote."""
    refined: bool = False
    draft: str = ""
    """What the reply was before it was refined."""
    feedback: str = ""
    """What the model said of its reply when it was to refine it."""
    unrefined: str = ""
    """Why a reply that was to be refined was not."""
    withdrawn: str = ""
    """What the model replied of the user's own past and nothing in view holds."""
    turns: bool = False
    """Whether turns of the conversation, or a summary of them, stood in the prompt."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Answer:
        """Rebuild an answer."""
        return cls(**{**data, "sources": tuple(Source(**one) for one in data["sources"])})


def sources_of(excerpts: Sequence[Excerpt]) -> tuple[Source, ...]:
    """Return the memories behind excerpts, numbered as those stand in a prompt.

    Those found in one passage are all there, best first: `quoting.quoted_for` chooses of them.
    """
    return tuple(
        _source(number, one, part)
        for number, part in enumerate(excerpts, 1)
        for one in (*part.memories, *part.further)
    )


def labelled(sources: Sequence[Source]) -> dict[str, Source]:
    """Return sources by what they can be named by: the first of number 1 is `1`, the next `1.2`.

    What is shown comes before what is folded within it, so that `1` is never a memory that nobody saw.
    """
    shown = {id(one) for one in unfolded(sources)}
    seen: Counter[int] = Counter()
    named = {}
    for one in sorted(sources, key=lambda one: id(one) not in shown):
        seen[one.number] += 1
        place = seen[one.number]
        named[f"{one.number}" if place == 1 else f"{one.number}.{place}"] = one
    return named


def unfolded(sources: Sequence[Source]) -> list[Source]:
    """Leave out what is quoted within another source of its number; of two alike keep the first."""
    kept: list[Source] = []
    for source in sorted(sources, key=lambda one: one.start - one.end):
        if not any(within(source, other) for other in kept):
            kept.append(source)
    return sorted(kept, key=sources.index)


def within(one: Source, other: Source) -> bool:
    """Return whether a source is quoted within another one of its number."""
    inside = other.start <= one.start and one.end <= other.end
    same = (one.number, one.document) == (other.number, other.document)
    return same and inside and one.quote in other.quote


def _source(number: int, found: Recalled, excerpt: Excerpt) -> Source:
    """Cite the place that was shown; a memory by itself, the place it was first taken from."""
    memory = found.memory
    there = (span for span in memory.spans if span.document == excerpt.document)
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
        in_passage=bool(excerpt.document),
        passage=excerpt.passage,
    )


def cited(text: str) -> list[int]:
    """Return the numbers that a reply names in brackets, each once, in order."""
    every = _Sieve(lambda _: True)
    every.whole(text)
    return every.dropped


def without_citations(text: str, shown: Collection[int]) -> str:
    """Return a reply without the numbers in brackets of what was shown; any others cite nothing."""
    return _Sieve(lambda number: number in shown).whole(text).strip()


class _Sieve:
    """Lets a text through piece by piece, without some of the numbers that it cites.

    What stands in code, directly after a word (`xs[1]`) or before a link's address (`[1](url)`) is no
    citation, nor is a number of more than two digits.

    Args:
        drops: Whether a number is taken out.

    Attributes:
        dropped: The numbers that were taken out, each once, in order.
    """

    def __init__(self, drops: Callable[[int], bool]) -> None:
        self._drops = drops
        self._text = ""
        self._done = 0
        self._code = ""
        """The backticks that opened the code that the text is in."""
        self.dropped: list[int] = []

    def passed(self, piece: str) -> str:
        """Return what can be shown by now; what may become a citation is held back."""
        self._text += piece
        return self._sifted(_settled(self._text))

    def rest(self) -> str:
        """Return what was held back, at the end of the text."""
        return self._sifted(len(self._text))

    def whole(self, text: str) -> str:
        """Return what is left of a whole text."""
        return self.passed(text) + self.rest()

    def _sifted(self, end: int) -> str:
        out = []
        for token in _TOKEN.finditer(self._text, self._done, end):
            out += [self._text[self._done : token.start()], self._left(token)]
            self._done = token.end()
        out.append(self._text[self._done : end])
        self._done = end
        return "".join(out)

    def _left(self, token: re.Match[str]) -> str:
        """Return what is left of backticks, brackets or the end of a line."""
        text = token[0]
        if "\n" in text and len(self._code) < _FENCE:
            self._code = ""
        if token["ticks"] and self._code in ("", text):
            self._code = "" if self._code else text
        return self._without(text) if token["cites"] and not self._code else text

    def _without(self, text: str) -> str:
        """Take out of "[[9]7]" what "[7]" is made of by that, too."""
        while (left := _CITATION.sub(self._citation, text)) != text:
            text = left
        return text

    def _citation(self, match: re.Match[str]) -> str:
        numbers = [int(number) for number in match[2].split(",")]
        kept = [number for number in numbers if not self._drops(number)]
        self.dropped = list(dict.fromkeys([*self.dropped, *filter(self._drops, numbers)]))
        if len(kept) == len(numbers):
            return match[0]
        return f"{match[1]}[{', '.join(map(str, kept))}]" if kept else ""


def _settled(text: str) -> int:
    """Return where the end of a text begins that may yet become a citation, or opens code."""
    bare = text.rstrip(_INSIDE)
    start = text.find("[", len(bare))
    if start >= 0:
        return len(text[:start].rstrip())
    return min(len(text.rstrip()), len(text.rstrip("`")))


class CitationCheck(_Sieve):
    """Lets a reply through piece by piece, without the numbers of sources that were not shown.

    Args:
        shown: The numbers that stood in the prompt.
    """

    def __init__(self, shown: Iterable[int]) -> None:
        known = frozenset(shown)
        super().__init__(lambda number: number not in known)

    @property
    def unknown(self) -> list[int]:
        """The numbers that were taken out, each once."""
        return self.dropped
