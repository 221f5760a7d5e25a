"""Many texts looked for in one pass over some bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .needles import Needle

_FEW = 16
"""So many are faster looked for one after the other."""
_WIDTHS = (8, 4)
"""Bytes at the beginning of a word that are compared first: one machine word."""
_BITS = 20
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiplicative hashing, Knuth, The Art of Computer Programming 6.4."""

Group = dict[bytes, list[Needle]]
"""What the longest word of some needles begins with → those needles."""


class Sieve:
    """Looks for needles; the time grows with the bytes, hardly with the number of needles."""

    def __init__(self, wanted: Sequence[Needle]) -> None:
        self.reach = max((needle.reach for needle in wanted), default=0)
        self._singly: list[Needle] = []
        self._groups: dict[int, Group] = {width: {} for width in _WIDTHS}
        for needle in wanted:
            width = next((width for width in _WIDTHS if len(needle.anchor) >= width), 0)
            if width and len(wanted) > _FEW:
                self._groups[width].setdefault(needle.anchor[:width], []).append(needle)
            else:
                self._singly.append(needle)

    def find(self, lowered: bytes) -> Iterator[tuple[Needle, int]]:
        """Yield each needle with where it begins; the same place may come twice.

        Args:
            lowered: Where to look; its ASCII letters are small.
        """
        for needle in self._singly:
            for start in needle.find(lowered):
                yield needle, start
        for width, group in self._groups.items():
            for place in _places(lowered, width, group):
                for needle in group[lowered[place : place + width]]:
                    if (begin := needle.around(lowered, place)) is not None:
                        yield needle, begin


def _places(lowered: bytes, width: int, group: Group) -> Iterator[int]:
    """Yield where one of the group's beginnings stands."""
    if not group:
        return
    keys = np.array([int.from_bytes(key, "little") for key in group], dtype=np.uint64)
    table = np.zeros(1 << _BITS, dtype=np.bool_)
    table[_hashed(keys)] = True
    for shift in range(min(width, len(lowered))):
        count = (len(lowered) - shift) // width
        words = np.frombuffer(lowered, dtype=f"<u{width}", offset=shift, count=count)
        likely = np.flatnonzero(table[_hashed(words.astype(np.uint64))])
        exact = likely[np.isin(words[likely], keys)]
        yield from (int(at) * width + shift for at in exact)


def _hashed(
    words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return (words * _MULTIPLIER) >> np.uint64(64 - _BITS)
