"""Cut a document into passages: along its headings, then between sentences, within a token budget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingrained.errors import SettingsError
from ingrained.memory.records import sha256

from .documents import Document, Passage, composed, passage_id
from .outline import Section, sections
from .sentences import sentences, trimmed

__all__ = ["CountTokens", "estimate_tokens", "sentences", "split"]

CountTokens = Callable[[str], int]

DEFAULT_MAX_TOKENS = 200
_BROKEN_PARAGRAPH = 0.1
"""Cost of a cut inside a paragraph, where an empty passage would cost 1."""


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a model's tokenizer would make of `text`: one per 4 UTF-8 bytes."""
    return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4


def split(
    document: Document,
    *,
    max_tokens: int = DEFAULT_MAX_TOKENS,
    count_tokens: CountTokens | None = None,
) -> list[Passage]:
    """Cut `document` into passages of at most `max_tokens` tokens.

    No passage reaches across a heading, heading lines belong to none, and every other character that
    is not white space lies in exactly one. A sentence is cut only if it alone is over the budget, and
    a passage is over the budget only if a single character is.

    Args:
        document: What to cut.
        max_tokens: The budget, at least 1.
        count_tokens: Size of a text in tokens; `estimate_tokens` when omitted.

    Raises:
        SettingsError: `max_tokens` is below 1.
    """
    if max_tokens < 1:
        raise SettingsError(
            f"A passage cannot have at most {max_tokens} tokens.", hint="Give at least 1."
        )
    count = count_tokens or estimate_tokens
    passages: list[Passage] = []
    seen: Counter[tuple[str, str]] = Counter()
    for section in sections(document.text):
        heading = _heading_path(document.title, section)
        for start, end in _pieces(document.text, section, max_tokens, count):
            text = document.text[start:end]
            alike = composed(heading), composed(text)
            passages.append(
                Passage(
                    id=passage_id(document.id, heading, text, seen[alike]),
                    document=document.id,
                    title=document.title,
                    heading=heading,
                    index=len(passages),
                    start=start,
                    end=end,
                    text=text,
                    sha256=sha256(text),
                    tokens=count(text),
                )
            )
            seen[alike] += 1
    return passages


def _heading_path(title: str, section: Section) -> str:
    path = section.path if section.has_top else (title, *section.path)
    return " > ".join(part for part in path if part)


def _pieces(
    text: str, section: Section, limit: int, count: CountTokens
) -> Iterator[tuple[int, int]]:
    """Yield the spans of the section's passages, in the document's characters."""
    body = text[section.start : section.end]
    units = _units(body, limit, count)
    for first, last in _pack(units, limit):
        span = units[first].start, units[last].end
        size = count(body[slice(*span)])
        for start, end in [span] if size <= limit else _cut(body, *span, limit, count):
            yield section.start + start, section.start + end


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence, or a part of one that is over the budget."""

    start: int
    end: int
    tokens: int
    closes_paragraph: bool


def _units(body: str, limit: int, count: CountTokens) -> list[_Unit]:
    spans = sentences(body)
    nexts = [start for start, _ in spans[1:]] + [len(body)]
    units: list[_Unit] = []
    for (start, end), following in zip(spans, nexts, strict=False):
        closes = body.count("\n", end, following) > 1 or following == len(body)
        tokens = count(body[start:end])
        parts = [(start, end)] if tokens <= limit else list(_cut(body, start, end, limit, count))
        for part in parts:
            size = tokens if len(parts) == 1 else count(body[slice(*part)])
            units.append(_Unit(*part, size, closes and part[1] == end))
    return units


def _cut(
    body: str, start: int, end: int, limit: int, count: CountTokens
) -> Iterator[tuple[int, int]]:
    """Cut one stretch at the best places inside it: clauses, words, at last characters."""
    from semantic_text_splitter import TextSplitter

    # The splitter wants valid UTF-8; a lone surrogate is one character, as is its stand-in.
    piece = body[start:end].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    splitter = TextSplitter.from_callback(count, limit)
    for offset, chunk in splitter.chunk_indices(piece):
        span = trimmed(body, start + offset, start + offset + len(chunk))
        if span[0] < span[1]:
            yield span


def _pack(units: Sequence[_Unit], limit: int) -> list[tuple[int, int]]:
    """Group neighbouring units so that the groups are full, even and end with paragraphs.

    Least total cost over all groupings, by dynamic programming: a group of t tokens costs
    ((limit - t) / limit) squared, which leaves no small remainder where sharing is possible.

    Returns:
        First and last unit of every group.
    """
    best = [0.0] + [math.inf] * len(units)
    came_from = [0] * (len(units) + 1)
    for stop in range(1, len(units) + 1):
        broken = 0.0 if units[stop - 1].closes_paragraph else _BROKEN_PARAGRAPH
        size = 0
        for first in range(stop - 1, -1, -1):
            size += units[first].tokens
            if size > limit and first < stop - 1:
                break
            cost = best[first] + broken + ((limit - size) / limit) ** 2
            if cost < best[stop]:
                best[stop], came_from[stop] = cost, first
    groups = []
    stop = len(units)
    while stop:
        groups.append((came_from[stop], stop - 1))
        stop = came_from[stop]
    return groups[::-1]
