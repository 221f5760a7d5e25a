"""One loader per file format: bytes in, documents as plain text with `# ` heading lines out.

A loader that cannot read its file raises `CorpusError` with the reason. Document ids start with the
file's name; the corpus replaces that by the path relative to its root.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ingrained.errors import CorpusError

from .decoding import DAMAGE, EmptyTextError, clean, decode, read_bytes
from .documents import Document, Skipped
from .markup import docx_text, html_text
from .outline import headings

OnSkip = Callable[[Skipped], None]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE_FIELD = re.compile(r"^title:(.*)$", re.MULTILINE | re.IGNORECASE)
_LONGEST_TITLE = 200


def load_text(path: Path) -> list[Document]:
    """Read a plain text file in any encoding that can be told."""
    return [_document(path, decode(read_bytes(path)))]


def load_markdown(path: Path) -> list[Document]:
    """Read a markdown file; a YAML front matter is left out but for its title."""
    text = decode(read_bytes(path))
    front = _FRONT_MATTER.match(text)
    if not front:
        return [_document(path, text)]
    title = _TITLE_FIELD.search(front[1])
    return [_document(path, text[front.end() :], title[1].strip(" \t\"'") if title else "")]


def load_html(path: Path) -> list[Document]:
    """Read the visible text of an HTML page, its headings as `# ` lines."""
    text, title = html_text(read_bytes(path))
    return [_document(path, text, title)]


def load_docx(path: Path) -> list[Document]:
    """Read a Word file: paragraphs and tables in order, heading styles as `# ` lines."""
    text, title = docx_text(read_bytes(path))
    return [_document(path, text, title)]


def load_pdf(path: Path) -> list[Document]:
    """Read the text layer of a PDF, pages parted by an empty line."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, DeprecationError, PyPdfError

    raw = read_bytes(path)
    try:
        with _quiet("pypdf"):
            reader = PdfReader(io.BytesIO(raw))
            if reader.is_encrypted and not reader.decrypt(""):
                raise CorpusError("encrypted PDF")
            text = "\n\n".join(page.extract_text() for page in reader.pages)
            title = (reader.metadata and reader.metadata.title) or ""
    except DependencyError as error:
        raise CorpusError("encrypted PDF") from error
    except (PyPdfError, DeprecationError, *DAMAGE) as error:
        raise CorpusError(f"truncated or damaged PDF ({type(error).__name__})") from error
    if not text.strip():
        raise CorpusError("PDF without a text layer (scanned pages?)")
    return [_document(path, text, str(title))]


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Hold back what a library logs about a damaged file: the reason we give says it once."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def load_jsonl(path: Path, *, on_skip: OnSkip | None = None) -> list[Document]:
    """Read JSON lines `{"id": ..., "text": ..., "title": ...}`, a document each; title is optional.

    Args:
        path: The file.
        on_skip: Told of every row that cannot be used; the others are kept.
    """
    documents: dict[str, Document] = {}
    for number, line in enumerate(decode(read_bytes(path)).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            document = _row(path, line)
            if document.id in documents:
                raise CorpusError("this id was used before")
        except CorpusError as error:
            if on_skip is not None:
                on_skip(Skipped(path=f"{clean(path.name)}:{number}", reason=str(error)))
        else:
            documents[document.id] = document
    return list(documents.values())


def _row(path: Path, line: str) -> Document:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError("not JSON") from error
    if not isinstance(row, dict):
        raise CorpusError("not a JSON object")
    identity, text, title = row.get("id"), row.get("text"), row.get("title") or ""
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        raise CorpusError('no "id"')
    if not isinstance(text, str) or not text.strip():
        raise CorpusError('no "text"')
    if not isinstance(title, str):
        raise CorpusError('"title" is not text')
    text = clean(text)
    key = clean(str(identity))
    return Document.of(
        id=f"{clean(path.name)}#{key}",
        title=_title(text, title, key),
        text=text,
    )


def _document(path: Path, text: str, title: str = "") -> Document:
    if not text.strip():
        raise EmptyTextError("empty")
    text = clean(text)
    return Document.of(
        id=clean(path.name),
        title=_title(text, title, path.stem),
        text=text,
    )


def _title(text: str, given: str, name: str) -> str:
    """Return the first candidate that says something, on one line."""
    return next(
        line
        for candidate in _titles(text, given, name)
        if (line := " ".join(clean(candidate).split())[:_LONGEST_TITLE])
    )


def _titles(text: str, given: str, name: str) -> Iterator[str]:
    found = headings(text)
    yield next((heading.text for heading in found if heading.level == 1), "")
    yield given
    yield found[0].text if found else ""
    readable = re.sub(r"[\s_-]+", " ", name).strip()
    yield readable[:1].upper() + readable[1:]
    yield name
    yield "Untitled"


LOADERS: dict[str, Callable[[Path], list[Document]]] = {
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".txt": load_text,
    ".html": load_html,
    ".htm": load_html,
    ".pdf": load_pdf,
    ".docx": load_docx,
    ".jsonl": load_jsonl,
}
"""Suffix, in small letters, to loader."""


def unknown_kind(path: Path) -> str:
    """Return the reason why a file is not read whose suffix has no loader."""
    return f"kind {path.suffix.lower()} is not read" if path.suffix else "no suffix tells its kind"


def load(path: Path, *, on_skip: OnSkip | None = None) -> list[Document]:
    """Read a file with the loader of its suffix.

    Args:
        path: The file.
        on_skip: Told of every part of the file that cannot be used.

    Raises:
        EmptyTextError: The file has no text.
        CorpusError: The suffix is unknown or the file cannot be read; the message is the reason.
    """
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return load_jsonl(path, on_skip=on_skip)
    if suffix not in LOADERS:
        raise CorpusError(unknown_kind(path))
    return LOADERS[suffix](path)
