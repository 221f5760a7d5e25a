"""A new version of a document: which memories still rest on it, and where.

A memory holds as long as one of its quotes stands somewhere. What changes only white space,
capitals or the Unicode normal form changes no quote. Nothing is written here; see
`MemoryStore.revise_document`.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

from .aligning import Alignment, Words
from .records import Memory, Span, sha256

Stretch = tuple[int, int]
"""First character and one past the last, in the new text."""
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_MANY = 1000
"""Of a word that stands more often, not every place is looked at one by one."""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What a new version of a document means for the memories that rest on it."""

    document: str
    version: str
    """SHA-256 of the new text."""
    kept: tuple[Memory, ...] = ()
    """All their quotes are still there; as they are now, with their spans in the new version."""
    thinned: tuple[Memory, ...] = ()
    """Lost a span and have others, here or elsewhere; as they are now."""
    returned: tuple[Memory, ...] = ()
    """Superseded by an earlier version, and quoted by this one again; as they are now, active."""
    gone: tuple[Memory, ...] = ()
    """No span of them is left; as they were. What they say is superseded."""
    replaced: Mapping[str, Stretch | None] = dataclasses.field(default_factory=dict)
    """Id of a memory that this version superseded → what stands in its place; None for nothing."""

    @property
    def changed(self) -> tuple[Memory, ...]:
        """All that stays or comes back, as it is now."""
        return self.kept + self.thinned + self.returned


def revise(
    memories: Iterable[Memory],
    *,
    document: str,
    version: str,
    text: str,
    old_text: str | None = None,
) -> Revision:
    """Compare memories with a new version of the document that they rest on.

    The same revision again finds all in place and nothing gone, but names once more what was
    replaced, so that a run which was killed half-way can be repeated.

    Args:
        memories: Of any status. Forgotten ones follow their quotes and are never superseded;
            superseded ones come back when the quote they lost does, unless something else that
            still holds took their place. Those resting on other documents only are left out.
        document: Id of the document.
        version: SHA-256 of `text`.
        text: The new version; empty for a document that was emptied.
        old_text: The version before. Without it, a quote that stands several times is found
            where it stood by its offset alone, and nothing is known to be replaced.
    """
    change = _Change(document, version, text, old_text)
    resting = [one for one in memories if any(span.document == document for span in one.spans)]
    results = [_fate(memory, change) for memory in resting if memory.status != "superseded"]
    lost = {memory.id for kind, memory in results if kind == "gone"}
    old = [memory for memory in resting if memory.status == "superseded"]
    lost |= {memory.id for memory in old}
    results += [_second_fate(memory, change, lost) for memory in old]
    sorted_out = {
        name: tuple(memory for kind, memory in results if kind == name)
        for name in ("kept", "thinned", "returned", "gone")
    }
    outdated = [memory for kind, memory in results if kind in ("gone", "superseded")]
    replaced = {memory.id: change.replacement(memory) for memory in outdated}
    return Revision(document=document, version=version, replaced=replaced, **sorted_out)


def _fate(memory: Memory, change: _Change) -> tuple[str, Memory]:
    """Return what becomes of a memory that was not superseded, and the memory."""
    after = change.moved(memory)
    if len(after.spans) == len(memory.spans):
        return "kept", after
    if after.spans:
        return "thinned", after
    return ("left" if memory.status == "forgotten" else "gone"), memory


def _second_fate(memory: Memory, change: _Change, lost: set[str]) -> tuple[str, Memory]:
    """Return what becomes of a superseded memory, and the memory.

    Args:
        memory: It.
        change: To what it is compared.
        lost: Ids of the memories that do not hold themselves.
    """
    after = change.moved(memory)
    if not after.spans:
        return ("superseded" if change.just_lost(memory) else "left"), memory
    if memory.superseded_by not in {"", *lost} or not change.brings_back(memory):
        return ("kept" if len(after.spans) == len(memory.spans) else "left"), after
    return "returned", dataclasses.replace(after, status="active", valid_to=None, superseded_by="")


class _Change:
    """Finds in the new text what was quoted from the old one."""

    def __init__(self, document: str, version: str, text: str, old_text: str | None) -> None:
        self._document = document
        self._version = version
        self._text = text
        self._old_text = old_text

    def moved(self, memory: Memory) -> Memory:
        """Return the memory with the spans in this document that are left, where they are now."""
        return dataclasses.replace(memory, spans=tuple(dict.fromkeys(self._spans(memory))))

    def just_lost(self, memory: Memory) -> bool:
        """Return whether what a superseded memory quotes stood in the old text, and is not replaced."""
        return not memory.superseded_by and all(
            self._old_start(span) is not None for span in self._own(memory)
        )

    def brings_back(self, memory: Memory) -> bool:
        """Return whether none of the memory's quotes stood in the old text."""
        return self._old_text is not None and all(
            self._old_start(span) is None for span in self._own(memory)
        )

    def replacement(self, memory: Memory) -> Stretch | None:
        """Return what stands now where the memory's quotes stood; the first that has anything."""
        return next(filter(None, map(self._replacement, self._own(memory))), None)

    def _own(self, memory: Memory) -> list[Span]:
        return [span for span in memory.spans if span.document == self._document]

    def _spans(self, memory: Memory) -> Iterator[Span]:
        for span in memory.spans:
            if span.document != self._document:
                yield span
            elif (found := self._found(span)) is not None:
                quote = self._text[slice(*found)]
                yield dataclasses.replace(
                    span, version=self._version, start=found[0], end=found[1],
                    quote=quote, quote_sha256=sha256(quote),
                )  # fmt: skip

    def _found(self, span: Span) -> Stretch | None:
        """Return where the quote stands now, nearest to where it would be expected.

        A span without a quote rests on the document as such, and stays while there is one.
        """
        known = span.version == self._version
        start = span.start if known else self._expected(span)
        if self._text and self._text.startswith(span.quote, start):
            return start, start + len(span.quote)
        return self._by_words(Words(span.quote).keys, start) or self._by_letters(span, start)

    def _expected(self, span: Span) -> int:
        start = self._old_start(span)
        if start is None:
            return min(span.start, len(self._text))
        first, last = self._old_words.within(start, start + len(span.quote))
        place, _ = self._alignment.place(first, last)
        if place >= len(self._words.starts):
            return len(self._text)
        inside = start - self._old_words.starts[first] if first < last else 0
        return max(0, self._words.starts[place] + inside)

    def _replacement(self, span: Span) -> Stretch | None:
        start = self._old_start(span)
        if start is None:
            return None
        words = self._old_words.within(start, start + len(span.quote))
        first, last = self._alignment.place(*words)
        return self._words.characters(first, last) if first < last else None

    def _old_start(self, span: Span) -> int | None:
        """Return where the quote stood in the old text."""
        if self._old_text is None or not span.quote:
            return None
        if self._old_text.startswith(span.quote, span.start):
            return span.start
        return _nearest(self._old_text, span.quote, span.start)

    def _by_words(self, keys: Sequence[str], start: int) -> Stretch | None:
        """Return where the words stand, whatever their white space, capitals and normal form."""
        if not keys or not all(key in self._places for key in keys):
            return None
        first = bisect_right(self._words.ends, start)
        if not self._words.holds(keys, first):
            found = self._nearest_words(keys, first)
            if found is None:
                return None
            first = found
        return self._words.characters(first, first + len(keys))

    def _nearest_words(self, keys: Sequence[str], near: int) -> int | None:
        """Return the number of the first of these words, the occurrence nearest to a word."""
        shift = min(range(len(keys)), key=lambda number: len(self._places[keys[number]]))
        if len(self._places[keys[shift]]) > _MANY:
            at = _nearest(self._joined, f" {' '.join(keys)} ", self._offsets[near])
            return None if at is None else bisect_right(self._offsets, at) - 1
        firsts = (place - shift for place in self._places[keys[shift]])
        found = [one for one in firsts if one >= 0 and self._words.holds(keys, one)]
        return min(found, key=lambda one: abs(one - near), default=None)

    def _by_letters(self, span: Span, start: int) -> Stretch | None:
        """Return where a quote stands that begins or ends inside a word."""
        if not span.quote or not self._cuts_words(span):
            return None
        forms = [span.quote, *(unicodedata.normalize(form, span.quote) for form in _FORMS)]
        found = ((_nearest(self._text, form, start), len(form)) for form in forms)
        return next(((at, at + size) for at, size in found if at is not None), None)

    def _cuts_words(self, span: Span) -> bool:
        start = self._old_start(span)
        if start is None:
            return True
        first, last = self._old_words.within(start, start + len(span.quote))
        whole = self._old_words.characters(first, last) if first < last else (start, start)
        return whole[0] < start or whole[1] > start + len(span.quote)

    @cached_property
    def _words(self) -> Words:
        return Words(self._text)

    @cached_property
    def _old_words(self) -> Words:
        return Words(self._old_text or "")

    @cached_property
    def _alignment(self) -> Alignment:
        return Alignment(self._old_words, self._words)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Each word of the new text → where it stands among them."""
        places: dict[str, list[int]] = defaultdict(list)
        for number, key in enumerate(self._words.keys):
            places[key].append(number)
        return dict(places)

    @cached_property
    def _joined(self) -> str:
        return f" {' '.join(self._words.keys)} "

    @cached_property
    def _offsets(self) -> list[int]:
        """Where the space before each word stands in `_joined`, and the last one."""
        return list(accumulate((len(key) + 1 for key in self._words.keys), initial=0))


def _nearest(text: str, part: str, start: int) -> int | None:
    """Return the occurrence of a part that begins nearest to a place; None when there is none."""
    after = text.find(part, start)
    before = text.rfind(part, 0, start + len(part))
    found = [place for place in (before, after) if place >= 0]
    return min(found, key=lambda place: abs(place - start)) if found else None
