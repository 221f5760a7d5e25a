"""Exact sentence spans.

Rule-based and linear in time, because the text may be hostile. The rules lean towards too few cuts:
half a sentence makes a wrong quotation, two sentences in one do not. Rules for abbreviations are
English; other languages are cut at their own end marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSERS = r"(?:\[\d{1,3}\]|[\"'”’»)\]*_])*+"  # noqa: RUF001
_END = re.compile(
    rf"(?<![.!?…؟۔।॥])(?P<mark>[.!?…؟۔।॥]++){_CLOSERS}(?=\s|\Z)|(?P<wide>[。！？｡]+)[」』”’）]*",  # noqa: RUF001
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘]+\Z")  # noqa: RUF001
_WORD_AFTER = re.compile(r"\s*(\S{1,12})")
_NUMERAL = re.compile(r"\d|[IVXLC]+\b")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\Z")
_LINE_START = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]|#{1,6})\s|[ \t]*(?:[|>]|```|~~~)")
_LINE_KEPT = re.compile(r"(?:[|>]|```|~~~)|#{1,6}\s")
_WINDOW = 24
"""Characters looked back for an abbreviation: bounded, so that no text makes it slow."""
_WRAPPED = 40
"""Characters. A shorter line that is not followed by a small letter was ended on purpose."""

_NEVER_LAST = re.compile(
    "adm|brig|capt|cf|col|dr|e\\.g|fr|gen|gov|hon|i\\.e|lt|maj|mr|mrs|ms|mt|prof|rev|sen|sgt|st|viz|vs"
)
_BEFORE_NUMBER = re.compile(
    "app|art|c|ca|ch|chap|eq|fig|figs|fol|no|nos|nr|op|p|par|pp|sec|tab|v|ver|vol|vols"
)
_SELDOM_LAST = re.compile(
    "al|approx|apr|assn|aug|ave|bros|co|corp|dec|dept|ed|eds|est|etc|feb|inc|jan|jr|jul|jun|ltd|mar|"
    "nov|oct|sep|sept|sr|univ"
)
_STARTERS = re.compile(
    "a|after|an|and|are|as|at|because|before|but|by|during|each|every|for|from|he|her|his|how|i|if|"
    "in|is|it|its|many|most|my|no|on|one|other|our|she|since|so|some|such|that|the|their|then|there|"
    "these|they|this|those|though|to|two|we|what|when|where|which|while|who|why|with|you|your"
)


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the span of every sentence of `text`, in order, without surrounding space.

    Every character that is not white space lies in exactly one span. List items, table rows and
    paragraphs end a sentence; a line break inside a wrapped paragraph does not.
    """
    spans = []
    start = 0
    for cut in sorted({*_mark_cuts(text), *_line_cuts(text), len(text)}):
        span = trimmed(text, start, cut)
        start = cut
        if span[0] < span[1]:
            spans.append(span)
    return spans


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without the white space at its two ends."""
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    return left, max(left, start + len(piece.rstrip()))


def _mark_cuts(text: str) -> Iterator[int]:
    return (match.end() for match in _END.finditer(text) if _ends_sentence(text, match))


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    if match["wide"]:
        return True
    following = _WORD_AFTER.match(text, match.end())
    after = following[1] if following else ""
    if after[:1].islower():
        return False
    if match[0] != "." or not after:
        return True
    return _period_ends(text, match.start(), after)


def _period_ends(text: str, period: int, after: str) -> bool:
    """Decide whether the lone period at `period`, with `after` behind it, ends a sentence."""
    found = _WORD_BEFORE.search(text[max(0, period - _WINDOW) : period])
    word = found[0] if found else ""
    name = word.lower()
    if _NEVER_LAST.fullmatch(name):
        return False
    if _BEFORE_NUMBER.fullmatch(name) and _NUMERAL.match(after):
        return False
    if _SELDOM_LAST.fullmatch(name) or _DOTTED.match(word):
        first = re.split(r"\W", after, maxsplit=1)[0]
        return not first or _STARTERS.fullmatch(first.lower()) is not None
    return not (word.isdecimal() and _opens_line(text, period - len(word)))


def _opens_line(text: str, position: int) -> bool:
    window = text[max(0, position - _WINDOW) : position]
    return (position <= _WINDOW or "\n" in window) and not window.rpartition("\n")[2].strip()


def _line_cuts(text: str) -> Iterator[int]:
    """Yield the position behind every line break that is more than a wrapped line."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        if not _is_wrapped(text[start:end], text[end + 1 : end + 81]):
            yield end + 1
        start = end + 1


def _is_wrapped(line: str, following: str) -> bool:
    following = following.partition("\n")[0]
    line = line.strip()
    if not line or not following.strip():
        return False
    if _LINE_START.match(following) or _LINE_KEPT.match(line):
        return False
    return len(line) >= _WRAPPED or following.lstrip()[0].islower()
