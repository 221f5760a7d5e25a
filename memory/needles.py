"""A text as the bytes it may stand in a file as."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ingrained.errors import InputError

_LONGEST_GAP = 32
"""Bytes of white space between two words that are still levelled."""
_GAP = rb"(?:\s|\xc2\xa0|\\+[nrt]|\\+u00a0|&nbsp;|&#160;)+"
_GAP_LE = rb"(?:[\s\xa0]\x00)+"
_GAP_BE = rb"(?:\x00[\s\xa0])+"


@dataclass(frozen=True, kw_only=True)
class Needle:
    """One form of a text, in bytes with small ASCII letters."""

    form: str
    words: tuple[bytes, ...]
    gap: bytes
    """Pattern of what may part two words."""

    @property
    def reach(self) -> int:
        """Most bytes that a hit is long."""
        return sum(map(len, self.words)) + _LONGEST_GAP * len(self.words)

    @cached_property
    def anchor(self) -> bytes:
        """The longest word: what is looked for first."""
        return max(self.words, key=len)

    def find(self, lowered: bytes) -> Iterator[int]:
        """Yield where the text begins in bytes whose ASCII letters are small."""
        last, place = -1, lowered.find(self.anchor)
        while place >= 0:
            start = self.around(lowered, place)
            if start is not None and start > last:
                last = start
                yield start
            place = lowered.find(self.anchor, place + 1)

    def around(self, lowered: bytes, place: int) -> int | None:
        """Return where the text begins whose longest word, the first such, stands at a place."""
        beside, since, until = self._beside
        if beside not in lowered[max(0, place + since) : place + until]:
            return None
        window = lowered[max(0, place - self.reach) : place + self.reach]
        before = min(place, self.reach)
        match = next((m for m in self._pattern.finditer(window) if m.end() > before), None)
        return None if match is None or match.start() > before else match.start() + place - before

    @cached_property
    def _beside(self) -> tuple[bytes, int, int]:
        """A word next to the longest, and between what offsets from that one it must stand."""
        at = self.words.index(self.anchor)
        if at + 1 < len(self.words):
            word, end = self.words[at + 1], len(self.anchor)
            return word, end, end + _LONGEST_GAP + len(word)
        word = self.words[at - 1] if at else self.anchor
        return word, -len(word) - _LONGEST_GAP if at else 0, len(self.anchor)

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(self.gap.join(map(re.escape, self.words)))


def needles(text: str) -> list[Needle]:
    """Return the forms that a text may have in a file, each once.

    Raises:
        InputError: the text has no word.
    """
    if not text.split():
        raise InputError("There is no text to search for.", hint="Give some words of it.")
    made = {
        (needle.words, needle.gap): needle
        for spelling in reversed(_spellings(text))
        for needle in reversed(_forms(spelling))
    }
    return list(made.values())[::-1]


def _spellings(text: str) -> list[str]:
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    cases = [whole] if whole.isascii() else [whole, whole.lower(), whole.upper()]
    return [unicodedata.normalize(form, one) for one in cases for form in ("NFC", "NFD")]


def _forms(text: str) -> list[Needle]:
    plain: dict[str, Callable[[str], str]] = {
        "utf-8": str,
        "json": lambda word: _json(word, ascii_only=True),
        "json, not in ASCII": lambda word: _json(word, ascii_only=False),
        "json in json": lambda word: _json(_json(word, ascii_only=True), ascii_only=True),
        "html": html.escape,
        "html, quotes by number": lambda word: (
            html.escape(word, quote=False).replace("'", "&#39;").replace('"', "&#34;")
        ),
    }
    words = text.split()
    return [
        *(
            _needle(form, [spell(word) for word in words], "utf-8", _GAP)
            for form, spell in plain.items()
        ),
        _needle("utf-16", words, "utf-16-le", _GAP_LE),
        _needle("utf-16, big end first", words, "utf-16-be", _GAP_BE),
    ]


def _json(word: str, *, ascii_only: bool) -> str:
    return json.dumps(word, ensure_ascii=ascii_only)[1:-1]


def _needle(form: str, words: list[str], encoding: str, gap: bytes) -> Needle:
    encoded = tuple(word.encode(encoding).lower() for word in words)
    return Needle(form=form, words=encoded, gap=gap)
