"""HTML pages and Word files as plain text in which headings, lists and tables can still be told."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ingrained.errors import CorpusError

from .decoding import DAMAGE, decode

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from docx.document import Document as WordDocument
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_INVISIBLE = re.compile("head|script|style|noscript|template|svg")
_HEADING = re.compile("h([1-6])")
_PARAGRAPH = re.compile(
    "address|article|aside|blockquote|body|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|"
    "form|header|hr|main|nav|ol|p|section|summary|table|ul"
)
_OPENING = {"paragraph": "\n\n", "br": "\n", "li": "\n- ", "tr": "\n| ", "pre": "\n\n```\n"}
_CLOSING = {"paragraph": "\n\n", "td": " | ", "th": " | ", "pre": "\n```\n\n"}
_STRAY_SPACE = re.compile(r"^ (?=\S)", re.MULTILINE)
_EMPTY_ITEM = re.compile(r"^-\n+(?=[^\s-])", re.MULTILINE)
_HEADING_STYLE = re.compile(r"heading ([1-9])\b", re.IGNORECASE)
_UNPACKED_LIMIT = 500_000_000
"""Bytes a Word file may unpack to: more is a zip bomb."""


def html_text(raw: bytes) -> tuple[str, str]:
    """Return the visible text of an HTML page and its title.

    Raises:
        CorpusError: It is no text.
    """
    from bs4 import BeautifulSoup, ParserRejectedMarkup, UnusualUsageWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnusualUsageWarning)
            soup = BeautifulSoup(decode(raw), "lxml")
    except ParserRejectedMarkup as error:
        raise CorpusError("no HTML that can be parsed") from error
    title = soup.title.get_text(" ") if soup.title else ""
    text = "\n".join(line.rstrip() for line in _Page().lay_out(soup).split("\n"))
    text = _EMPTY_ITEM.sub("- ", _STRAY_SPACE.sub("", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip(), title


class _Page:
    """Writes a parsed page down with the line breaks a reader would see, in one pass."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[tuple[Tag, int]] = []
        self._inside: Counter[str] = Counter()

    def lay_out(self, soup: BeautifulSoup) -> str:
        """Return the text of the page."""
        from bs4.element import NavigableString, Tag

        for node in soup.descendants:
            self._close_up_to(node.parent)
            if isinstance(node, Tag):
                self._enter(node)
            # Comments and declarations are subclasses of it, and not for readers.
            elif type(node) is NavigableString and not self._inside["invisible"]:
                verbatim = self._inside["pre"]
                self._parts.append(str(node) if verbatim else re.sub(r"\s+", " ", node))
        self._close_up_to(None)
        return "".join(self._parts)

    def _close_up_to(self, parent: Tag | None) -> None:
        while self._open and self._open[-1][0] is not parent:
            self._leave(*self._open.pop())

    def _enter(self, tag: Tag) -> None:
        self._inside[_role(tag.name)] += 1
        self._parts.append(_OPENING.get(_role(tag.name), ""))
        self._open.append((tag, len(self._parts)))

    def _leave(self, tag: Tag, start: int) -> None:
        self._inside[_role(tag.name)] -= 1
        self._parts.append(_CLOSING.get(_role(tag.name), ""))
        if heading := _HEADING.fullmatch(tag.name):
            words = " ".join("".join(self._parts[start:]).split())
            self._parts[start:] = [f"\n\n{'#' * int(heading[1])} {words}\n\n" if words else "\n\n"]


def _role(name: str) -> str:
    if _INVISIBLE.fullmatch(name):
        return "invisible"
    return "paragraph" if _PARAGRAPH.fullmatch(name) else name


def docx_text(raw: bytes) -> tuple[str, str]:
    """Return the text of a Word file and the title in its properties.

    Raises:
        CorpusError: It is broken, encrypted or unpacks to too much; the message is the reason.
    """
    import docx
    from docx.opc.exceptions import OpcError

    try:
        _check_unpacked(raw)
        word = docx.Document(io.BytesIO(raw))
        return "\n\n".join(_blocks(word)), word.core_properties.title
    except zipfile.BadZipFile as error:
        raise CorpusError("broken or encrypted Word file (BadZipFile)") from error
    except (OpcError, *DAMAGE) as error:
        raise CorpusError(f"broken Word file ({type(error).__name__})") from error


def _check_unpacked(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _UNPACKED_LIMIT:
        raise CorpusError(f"too big: unpacks to {size:,} bytes, limit {_UNPACKED_LIMIT:,}")


def _blocks(word: WordDocument) -> Iterator[str]:
    from docx.table import Table

    blocks = list(word.iter_inner_content())
    below = any(not isinstance(block, Table) and _style(block) == "title" for block in blocks)
    for block in blocks:
        text = _table(block) if isinstance(block, Table) else _paragraph(block, below)
        if text.strip():
            yield text


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return (style.name or "").lower() if style is not None else ""


def _paragraph(paragraph: Paragraph, below_title: bool) -> str:
    text, style = paragraph.text.strip(), _style(paragraph)
    heading = _HEADING_STYLE.match(style)
    if text and (heading or style == "title"):
        level = int(heading[1]) + below_title if heading else 1
        return f"{'#' * min(level, 6)} {' '.join(text.split())}"
    return f"- {text}" if text and style.startswith("list") else text


def _table(table: Table) -> str:
    return "\n".join(
        "| " + " | ".join(" ".join(cell.text.split()) for cell in row.cells) + " |"
        for row in table.rows
    )
