"""SQLite files as a search for a text must see them: pages, live or free, and rows.

A value that is longer than a page is cut at the page's end, so that no run of bytes holds the whole
of a text that stands there; in a free page no row leads to it either. The layout of the pages is that
of https://www.sqlite.org/fileformat2.html, sections 1.2, 1.6 and 4.1.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from .needles import Needle

_MAGIC = b"SQLite format 3\0"
_WAL_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_WAL_HEADER, _FRAME_HEADER = 32, 24
_POINTER = 4
"""Bytes that an overflow page begins with: the number of the next."""
_ROWS = 256
"""That are read at a time."""
_SHORTEST_PIECE = 16
"""Bytes. Less of a text says too little."""


def is_database(start: bytes) -> bool:
    """Return whether a file that starts so is a SQLite database."""
    return start.startswith(_MAGIC)


def rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each table's name with the bytes of some of its rows; nothing of a damaged file."""
    # "ro" would leave SQLite's side files behind; a write-protected file opens with "rw" too.
    address = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.execute("PRAGMA query_only=ON")
            named = "SELECT name FROM sqlite_master WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
            names = [str(row[0]) for row in database.execute(named)]
            database.text_factory = bytes
            for name in names:
                quoted = name.replace('"', '""')
                found = database.execute(f'SELECT * FROM "{quoted}"')
                while some := found.fetchmany(_ROWS):
                    cells = (cell for row in some for cell in row if isinstance(cell, bytes))
                    yield name, b"\0".join(cells)
    except sqlite3.Error:
        return


class Halves:
    """Finds where a page ends with the first half of a text or goes on with its second half.

    Args:
        wanted: The texts.
    """

    def __init__(self, wanted: Sequence[Needle]) -> None:
        self._heads: dict[bytes, list[bytes]] = {}
        """The last bytes of a text's beginning → those beginnings."""
        self._tails: dict[bytes, list[bytes]] = {}
        """The first bytes of a text's end → those ends."""
        levelled = (b" ".join(needle.words) for needle in wanted)
        for text in {*levelled, *(needle.whole for needle in wanted)}:
            for length in _lengths(text):
                head, tail = text[:length], text[-length:]
                self._heads.setdefault(head[-_SHORTEST_PIECE:], []).append(head)
                self._tails.setdefault(tail[:_SHORTEST_PIECE], []).append(tail)

    def find(self, file: BinaryIO, start: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the offset of each half and what stands there.

        Args:
            file: An open database or write-ahead log; nothing is yielded of any other file.
            start: Its first 16 bytes.
        """
        for offset, page in _pages(file, start):
            end = page[-_SHORTEST_PIECE:]
            if any(page.lower().endswith(head) for head in self._heads.get(end.lower(), ())):
                yield offset + len(page) - _SHORTEST_PIECE, end
            begin = page[_POINTER : _POINTER + _SHORTEST_PIECE]
            tails = self._tails.get(begin.lower(), ())
            if any(page.lower().startswith(tail, _POINTER) for tail in tails):
                yield offset + _POINTER, begin


def _lengths(text: bytes) -> range:
    return range(max(_SHORTEST_PIECE, (len(text) + 1) // 2), len(text))


def _pages(file: BinaryIO, start: bytes) -> Iterator[tuple[int, bytes]]:
    if is_database(start):
        size = int.from_bytes(_at(file, 16, 2), "big")
        header, before = 0, 0
        size = 65_536 if size == 1 else size
    elif start.startswith(_WAL_MAGIC):
        size = int.from_bytes(_at(file, 8, 4), "big")
        header, before = _WAL_HEADER, _FRAME_HEADER
    else:
        return
    if not size:
        return
    file.seek(header)
    offset = header
    while len(frame := file.read(before + size)) > before:
        yield offset + before, frame[before:]
        offset += len(frame)


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
