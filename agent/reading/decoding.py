"""From bytes to text that everything further down can hold."""

from __future__ import annotations

import codecs
import re
import zlib
from pathlib import Path

from ingrained.errors import CorpusError

DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zlib.error,
)
"""What parsers of binary formats raise on damaged files, besides errors of their own."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; UTF-32's come first because UTF-16's is a prefix of one."""
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SAMPLE = 65_536
_CONTROLS_PER_TEXT = 0.01
_STRAY_BYTES_PER_TEXT = 0.01


class EmptyTextError(CorpusError):
    """There is no text in it. Of a document that had one, that is a new version."""


def read_bytes(path: Path) -> bytes:
    """Return the file's bytes.

    Raises:
        EmptyTextError: There is nothing in it but white space.
        CorpusError: It cannot be read; the message is the reason.
    """
    try:
        raw = path.read_bytes()
    except PermissionError as error:
        raise CorpusError("no permission to read it") from error
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror or type(error).__name__})") from error
    if not raw.strip():
        raise EmptyTextError("empty")
    return raw


def decode(raw: bytes) -> str:
    """Decode text of unknown encoding: by its byte order mark, as UTF-8, else by detection.

    Raises:
        CorpusError: It is no text; the message is the reason.
    """
    mark = next((name for start, name in _MARKS if raw.startswith(start)), None)
    if mark is None and b"\0" in raw:
        raise CorpusError("binary content")
    try:
        text = raw.decode(mark or "utf-8")
    except UnicodeDecodeError:
        text = _detect(raw)
    sample = text[:_SAMPLE]
    if len(_CONTROLS.findall(sample)) > len(sample) * _CONTROLS_PER_TEXT:
        raise CorpusError("binary content")
    return _one_newline(text)


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _detect(raw: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(raw).best()
    if best is not None:
        return str(best)
    text = raw.decode("utf-8", "replace")
    if text.count("\N{REPLACEMENT CHARACTER}") > len(text) * _STRAY_BYTES_PER_TEXT:
        raise CorpusError("binary content: no text encoding fits")
    return text


def clean(text: str) -> str:
    """Replace what no database or tokenizer takes, lone surrogates and NUL, by U+FFFD.

    All line breaks become line feeds; everything else, any script, direction or invisible, stays.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _one_newline(whole.replace("\0", "\N{REPLACEMENT CHARACTER}"))
