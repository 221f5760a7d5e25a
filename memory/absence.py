"""Proof that a text is gone: a search of every byte of every file under a folder.

Close the databases that this process has open in the folder first. SQLite's locks are the process's,
and reading a database as a plain file lets go of them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .needles import needles, stretch
from .pages import Halves, is_database, rows
from .sieve import Sieve

_CHUNK = 4 * 1024 * 1024
_MOST = 20
"""Most hits that are named of one file."""
_AROUND = 24
"""Bytes of context on each side of a hit's beginning."""
_COMPRESSED = {
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"PAR1": "Parquet",
}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One place where a text still stands."""

    file: str
    """Relative to the folder, with forward slashes."""
    offset: int | None
    """First byte in the file; None when only reading the file as a database found it."""
    place: str
    """The form the text has there, such as `utf-8` or `json`; a table's name in a database."""
    context: str
    """A few characters from there; what cannot be shown is replaced."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search came to."""

    hits: tuple[Hit, ...]
    files: int
    """How many were read."""
    bytes: int
    unread: tuple[str, ...]
    """Files whose content was not looked into, each with the reason: compressed, or not readable."""

    @property
    def absent(self) -> bool:
        """Whether the text is nowhere that was looked."""
        return not self.hits


def verify_absent(home: Path, text: str) -> list[Hit]:
    """Return where a text still stands in the files under a home; see `search`."""
    return list(search(home, [text]).hits)


def search(home: Path, texts: Sequence[str]) -> Search:
    """Search every byte of every file under a folder for any of some texts.

    Found are the texts in UTF-8 and UTF-16, as JSON and HTML escape them, in any case of their
    ASCII letters and whatever white space parts their words. Databases are searched byte by byte,
    with their free pages and write-ahead logs, for halves that a page's end cuts off, and row by row.

    Raises:
        InputError: one of the texts is empty.
    """
    wanted = [needle for text in texts for needle in needles(text)]
    sieve, halves = Sieve(wanted), Halves(wanted)
    hits: list[Hit] = []
    unread: list[str] = []
    files = size = 0
    for path in _files(home):
        name = path.relative_to(home).as_posix()
        try:
            if path.is_symlink():
                unread.append(f"{name}: a link")
                continue
            found, length, kind = _search_file(path, name, sieve, halves)
        except OSError as error:
            unread.append(f"{name}: {error.strerror or error}")
            continue
        hits += found
        files, size = files + 1, size + length
        if kind:
            unread.append(f"{name}: {kind}, searched as it is and not unpacked")
    return Search(hits=tuple(hits), files=files, bytes=size, unread=tuple(unread))


def _files(home: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(home):
        folders.sort()
        yield from (Path(folder) / name for name in sorted(names))


def _search_file(path: Path, name: str, sieve: Sieve, halves: Halves) -> tuple[list[Hit], int, str]:
    """Return the hits in a file, its size and, when it is compressed, the kind."""
    with path.open("rb") as file:
        start = file.read(16)
        file.seek(0)
        found = {offset: (place, context) for offset, place, context in _raw(file, sieve)}
        length = file.seek(0, os.SEEK_END)
        for offset, context in halves.find(file, start):
            found.setdefault(offset, ("cut by a page's end", context))
    hits = [
        Hit(file=name, offset=offset, place=place, context=_shown(context))
        for offset, (place, context) in sorted(found.items())[:_MOST]
    ]
    if not hits and is_database(start):
        hits = [
            Hit(file=name, offset=None, place=table, context=_shown(context))
            for table, context in itertools.islice(_in_rows(path, sieve), _MOST)
        ]
    kinds = (kind for magic, kind in _COMPRESSED.items() if start.startswith(magic))
    return hits, length, next(kinds, "")


def _raw(file: BinaryIO, sieve: Sieve) -> Iterator[tuple[int, str, bytes]]:
    """Yield the offset, the form and the context of each hit; a hit may come twice."""
    base, kept = 0, b""
    count = 0
    while (fresh := file.read(_CHUNK)) and count < _MOST:
        chunk = kept + fresh
        for needle, start in sieve.find(chunk.lower()):
            count += 1
            yield base + start, needle.form, _around(chunk, start)
        kept = chunk[stretch(chunk, len(chunk), sieve.reach) :]
        base += len(chunk) - len(kept)


def _in_rows(path: Path, sieve: Sieve) -> Iterator[tuple[str, bytes]]:
    for table, value in rows(path):
        for _, start in sieve.find(value.lower()):
            yield table, _around(value, start)


def _around(data: bytes, start: int) -> bytes:
    return data[max(0, start - _AROUND) : start + _AROUND]


def _shown(context: bytes) -> str:
    text = context.replace(b"\0", b"").decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "·" for letter in text)
