"""A text as the bytes it may stand in a file as."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ingrained.errors import InputError

SPACES = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""Every character that `str.isspace` takes for white space, and so every one that may part words."""
_ENTITIES = (
    "nbsp", "nonbreakingspace", "ensp", "emsp", "emsp13", "emsp14", "numsp", "puncsp", "thinsp",
    "thinspace", "verythinspace", "hairsp", "mediumspace", "tab", "newline",
)  # fmt: skip
_SLACK = 64
"""More than the bytes of one character of white space, however it is written."""


def _gap(encoding: str) -> bytes:
    return b"|".join(re.escape(space.encode(encoding)) for space in SPACES)


def _escaped_gap() -> bytes:
    """Return the pattern of a character of white space as JSON and HTML escape it."""
    spelled = {
        "escape": "|".join(f"{ord(space):04x}" for space in SPACES),
        "hex": "|".join(f"{ord(space):x}" for space in SPACES),
        "number": "|".join(f"{ord(space)}" for space in SPACES),
        "name": "|".join(_ENTITIES),
    }
    pattern = r"\\+(?:[nrtfv]|u(?:{escape}))|&(?:#0*(?:{number})|#x0*(?:{hex})|{name});"
    return pattern.format(**spelled).encode()


_GAP = b"(?:" + _gap("utf-8") + b"|" + _escaped_gap() + b")+"
_GAP_LE = b"(?:" + _gap("utf-16-le") + b")+"
_GAP_BE = b"(?:" + _gap("utf-16-be") + b")+"
_ANY_GAP = re.compile(b"(?:" + b"|".join((_GAP, _GAP_LE, _GAP_BE)) + b")+")
_ANY_GAP_END = re.compile(rb"[^a-z0-9]|[0-9a-fnrtv]")
"""The last byte of a gap is one of these."""


def stretch(data: bytes, end: int, reach: int) -> int:
    """Return where to begin, so that `reach` bytes before `end` are left when gaps count as one."""
    size = reach
    while size < end and len(_ANY_GAP.sub(b" ", data[end - size : end])) < reach:
        size *= 2
    return max(0, end - size)


@dataclass(frozen=True, kw_only=True)
class Needle:
    """One form of a text, in bytes with small ASCII letters."""

    form: str
    words: tuple[bytes, ...]
    gap: bytes
    """Pattern of what may part two words, however much of it."""
    whole: bytes = field(default=b"", compare=False)
    """The text with the white space that it has itself."""

    @property
    def reach(self) -> int:
        """Most bytes that a hit is long when each gap counts as one; see `stretch`."""
        return sum(map(len, self.words)) + len(self.words) + _SLACK

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
        before, after = self._patterns
        if after.match(lowered, place) is None:
            return None
        if before is None:
            return place
        near = place and _ANY_GAP_END.match(lowered, place - 1)
        match = near and before.search(lowered, stretch(lowered, place, self.reach), place)
        return match.start() if match else None

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[bytes] | None, re.Pattern[bytes]]:
        """What stands before the longest word, up to it, and what begins with it."""
        at, words = self.words.index(self.anchor), [*map(re.escape, self.words)]
        before = b"".join(word + self.gap for word in words[:at]) + rb"\Z"
        return re.compile(before) if at else None, re.compile(self.gap.join(words[at:]))


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
    normal = [unicodedata.normalize(form, one) for one in cases for form in ("NFC", "NFD")]
    return [*normal, whole]


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
            _needle(form, [spell(word) for word in words], spell(text.strip()), "utf-8", _GAP)
            for form, spell in plain.items()
        ),
        _needle("utf-16", words, text.strip(), "utf-16-le", _GAP_LE),
        _needle("utf-16, big end first", words, text.strip(), "utf-16-be", _GAP_BE),
    ]


def _json(word: str, *, ascii_only: bool) -> str:
    return json.dumps(word, ensure_ascii=ascii_only)[1:-1]


def _needle(form: str, words: list[str], whole: str, encoding: str, gap: bytes) -> Needle:
    encoded = tuple(word.encode(encoding).lower() for word in words)
    return Needle(form=form, words=encoded, gap=gap, whole=whole.encode(encoding).lower())
