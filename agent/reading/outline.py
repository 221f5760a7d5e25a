"""The headings of a text, with the exact lines they take up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_NEWLINE = re.compile(r"\r\n?|\n")
_LONGEST_HEADING = 200
"""Characters. Longer lines are text: a paragraph above a row of dashes is no heading."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading and the lines it stands on."""

    level: int
    """1 (outermost) to 6."""
    text: str
    """Without markup, on one line."""
    start: int
    """First character of its first line."""
    end: int
    """One past the line break of its last line."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """The text between one heading and the next."""

    path: tuple[str, ...]
    """The headings above it, outermost first."""
    has_top: bool
    """Whether a level-1 heading is among them."""
    start: int
    end: int


def headings(text: str) -> list[Heading]:
    """Return the markdown headings of `text` in order (`# ...` and underlined ones).

    Headings inside quotes, lists and code do not count.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    tokens = parser.parse(text)
    starts = [0, *(match.end() for match in _NEWLINE.finditer(text)), len(text)]
    return list(_headings(tokens, starts, MarkdownIt("commonmark")))


def _headings(tokens: list[Token], starts: list[int], inline: MarkdownIt) -> Iterator[Heading]:
    for position, token in enumerate(tokens):
        if token.type != "heading_open" or token.level or token.map is None:
            continue
        first, last = token.map
        content = tokens[position + 1].content
        if "\n" in content or len(content) > _LONGEST_HEADING:
            continue
        yield Heading(
            level=int(token.tag[1]),
            text=_plain(inline, content),
            start=starts[first],
            end=starts[min(last, len(starts) - 1)],
        )


def _plain(inline: MarkdownIt, content: str) -> str:
    parts = [
        child.content
        for token in inline.parseInline(content)
        for child in token.children or ()
        if child.type in {"text", "code_inline"}
    ]
    return " ".join("".join(parts).split())


def sections(text: str) -> list[Section]:
    """Cut `text` at its headings; heading lines themselves belong to no section."""
    found: list[Section] = []
    above: list[Heading] = []
    start = 0
    for heading in headings(text):
        found.append(_section(above, start, heading.start))
        above = [*(h for h in above if h.level < heading.level), heading]
        start = heading.end
    return [*found, _section(above, start, len(text))]


def _section(above: list[Heading], start: int, end: int) -> Section:
    path = tuple(heading.text for heading in above if heading.text)
    return Section(
        path=path, has_top=any(heading.level == 1 for heading in above), start=start, end=end
    )
