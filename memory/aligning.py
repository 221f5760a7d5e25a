"""Where a stretch of an old text stands in a new one: words are matched, in linear time.

Runs of words that stand once in each text tie the two together (patience diff: unique elements in
common, of them the longest rising sequence); between two ties, single words that stand once in
each of the two gaps do. White space, case and Unicode normal form do not count, so that a text that
was only wrapped or stored anew is unchanged. Sequences of equal words, which make `difflib`
quadratic, cost nothing here.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

_LAST_MARK = 0x20000
"""No character from here on is one that accents another when text is composed or decomposed."""
_ENDS = frozenset(".!?。！？")  # noqa: RUF001
_RUN = 4
"""Words in a run: one of four that is unique on both sides hardly ever ties strangers."""


class Words:
    """The words and marks of a text, without regard to case and normal form, and where each stands."""

    def __init__(self, text: str) -> None:
        matches = list(_word().finditer(text))
        self.starts = [match.start() for match in matches]
        self.ends = [match.end() for match in matches]
        self.keys = [_key(match.group()) for match in matches]

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Return first and one past the last of the words that characters start to end touch."""
        first = bisect_right(self.ends, start)
        return first, max(first, bisect_left(self.starts, end))

    def holds(self, keys: Sequence[str], first: int) -> bool:
        """Return whether just these words stand from the word number `first` on."""
        return self.keys[first : first + len(keys)] == keys

    def characters(self, first: int, last: int) -> tuple[int, int]:
        """Return the characters that the words from first to before last take up; there are some."""
        return self.starts[first], self.ends[last - 1]


@cache
def _word() -> re.Pattern[str]:
    """Return what finds a word, or another character, with the accents that stand behind them."""
    marks = "".join(
        chr(code) for code in range(_LAST_MARK) if unicodedata.category(chr(code)).startswith("M")
    )
    return re.compile(rf"\w[\w{marks}]*|[^\w\s][{marks}]*")


def _key(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()


class _Block(NamedTuple):
    """Words that are equal in both texts."""

    old: int
    new: int
    size: int


class _Piece(NamedTuple):
    """Words from `old` to before `old_end` that those from `new` to before `new_end` stand for."""

    old: int
    old_end: int
    new: int
    new_end: int
    equal: bool

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Return where that part of it is now which lies between two old words."""
        if not self.equal:
            return self.new, self.new_end
        moved = self.new - self.old
        return moved + max(first, self.old), moved + min(last, self.old_end)


class Alignment:
    """Which words of two texts belong together.

    Args:
        old: The text before.
        new: The text after.
    """

    def __init__(self, old: Words, new: Words) -> None:
        self._old, self._new = old.keys, new.keys
        self._pieces = [piece for piece in self._all_pieces() if piece.old < piece.old_end]
        self._starts = [piece.old for piece in self._pieces]

    def place(self, first: int, last: int) -> tuple[int, int]:
        """Return the new words that stand where the old words from first to before last stood.

        Empty where those were deleted; its place still tells where they stood.
        """
        if first >= len(self._old):
            return len(self._new), len(self._new)
        number = bisect_right(self._starts, first) - 1
        start, end = self._pieces[number].place(first, max(last, first + 1))
        if first == last:
            return start, start
        through = bisect_left(self._starts, last) - 1
        return start, max(end, self._pieces[through].place(first, last)[1])

    def _all_pieces(self) -> Iterator[_Piece]:
        """Yield in order what the texts consist of, equal or not; what ties do not tie is cut up."""
        whole = (0, len(self._old)), (0, len(self._new))
        end = _Block(len(self._old), len(self._new), 0)
        old, new = 0, 0
        for block in [*_blocks(self._old, self._new, *whole, _RUN), end]:
            inner = (old, block.old), (new, block.new)
            for finer in [*_blocks(self._old, self._new, *inner, 1), block]:
                yield from self._by_sentence(_Piece(old, finer.old, new, finer.new, False))
                yield _equal(finer)
                old, new = finer.old + finer.size, finer.new + finer.size

    def _by_sentence(self, piece: _Piece) -> Iterator[_Piece]:
        """Cut an unequal piece between sentences: the last belongs to the last, the rest in turn."""
        old = _sentences(self._old, piece.old, piece.old_end)
        new = _sentences(self._new, piece.new, piece.new_end)
        heads, new_heads = len(old) - 2, max(0, len(new) - 2)
        for number in range(heads):
            first, last = (new[n * new_heads // heads] for n in (number, number + 1))
            yield _Piece(old[number], old[number + 1], first, last, False)
        if len(old) > 1:
            yield _Piece(old[-2], old[-1], new[new_heads], new[-1], False)


def _sentences(words: Sequence[str], first: int, last: int) -> list[int]:
    """Return where each sentence of a stretch begins, and where the last one ends."""
    inner = [at for at in range(first + 1, last) if words[at - 1] in _ENDS]
    return [first, *inner, last] if first < last else [first]


def _equal(block: _Block) -> _Piece:
    return _Piece(block.old, block.old + block.size, block.new, block.new + block.size, True)


def _blocks(
    old: Sequence[str], new: Sequence[str], here: tuple[int, int], there: tuple[int, int], run: int
) -> list[_Block]:
    """Return what is equal within two stretches, in order, as far as unique runs tell."""
    (first, last), (first_new, last_new) = here, there
    head = _common(old, new, first, first_new, min(last - first, last_new - first_new))
    room = min(last - first, last_new - first_new) - head
    tail = _common_back(old, new, last, last_new, room)
    inner = (first + head, last - tail), (first_new + head, last_new - tail)
    ties = _rising(_unique_pairs(old, new, *inner, run))
    edges = [(first, first_new, head)] if head else []
    found = [*(_Block(*edge) for edge in edges), *(_Block(i, j, 1) for i, j in ties)]
    found.append(_Block(last - tail, last_new - tail, tail))
    return _grown(old, new, found, _Block(first, first_new, 0))


def _common(old: Sequence[str], new: Sequence[str], i: int, j: int, room: int) -> int:
    count = 0
    while count < room and old[i + count] == new[j + count]:
        count += 1
    return count


def _common_back(old: Sequence[str], new: Sequence[str], i: int, j: int, room: int) -> int:
    count = 0
    while count < room and old[i - count - 1] == new[j - count - 1]:
        count += 1
    return count


def _unique_pairs(
    old: Sequence[str], new: Sequence[str], here: tuple[int, int], there: tuple[int, int], run: int
) -> list[tuple[int, int]]:
    """Return old and new place of each run that stands once in each of the two stretches."""
    places, again = _unique(old, *here, run), _unique(new, *there, run)
    return [(place, again[key]) for key, place in places.items() if key in again]


def _unique(words: Sequence[str], first: int, last: int, run: int) -> dict[tuple[str, ...], int]:
    part = words[first:last]
    places: dict[tuple[str, ...], int] = {}
    twice = set()
    for place, key in enumerate(zip(*(part[shift:] for shift in range(run)), strict=False), first):
        if key in places:
            twice.add(key)
        places[key] = place
    return {key: place for key, place in places.items() if key not in twice}


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of the pairs that rises on both sides; they come in old order."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, there) in enumerate(pairs):
        at = bisect_left(tops, there)
        before.append(ends[at - 1] if at else -1)
        tops[at : at + 1] = [there]
        ends[at : at + 1] = [number]
    chain = []
    number = ends[-1] if ends else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _grown(
    old: Sequence[str], new: Sequence[str], found: Sequence[_Block], start: _Block
) -> list[_Block]:
    """Return the blocks as far as equal words carry them, joined where they meet."""
    blocks = [start]
    for block, after in zip(found, [*found[1:], found[-1]], strict=True):
        done = blocks[-1]
        free_old, free_new = block.old - done.old - done.size, block.new - done.new - done.size
        if free_old < 0 or free_new < 0:
            continue
        back = _common_back(old, new, block.old, block.new, min(free_old, free_new))
        ends = block.old + block.size, block.new + block.size
        room = max(0, min(after.old - ends[0], after.new - ends[1]))
        size = back + block.size + _common(old, new, *ends, room)
        if back == free_old == free_new:
            blocks[-1] = _Block(done.old, done.new, done.size + size)
        elif size:
            blocks.append(_Block(block.old - back, block.new - back, size))
    return [block for block in blocks if block.size]
