"""Finding texts in other texts word by word, and remembering texts to find without keeping them.

A tombstone is the salted SHA-256 of a text that was purged. It cannot be read, but a document that
comes to hold the text again is recognised by it. The salt is each home's own: who has the home can
test a guess, who has two homes cannot tell that they forgot the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ingrained.memory.lexical import clean

ERASED = "[erased]"
"""What stands in a record instead of a text that was purged."""
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
"""Letters and digits, with the accents that stand behind their letters."""
_CLOSING = re.compile('[.!?…]*["”»)\\]]*')
_NOT_SPACE = re.compile(r"\S")
_JOIN = "\x1f"
_LEAST_WORDS = 3
_LEAST_LETTERS = 6
"""Of scripts that put no space between words."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
"""Thai, Lao, Burmese, Khmer, kana and Han."""
_FEW = 50
"""So many words are looked for in a text before it is taken apart into words."""


class _Word(NamedTuple):
    word: str
    start: int
    end: int


class Finder:
    """Finds known texts in others, whatever their case, their white space and their punctuation.

    Args:
        keys: The key of each known text → how many words it has.
        key: Makes the key of some words.
        first: The words that known texts begin with; None when they are not known.
        longest: A long word of each known text; None when they are not known, or many.
    """

    def __init__(
        self,
        keys: Mapping[str, int],
        key: Callable[[Sequence[str]], str],
        first: frozenset[str] | None = None,
        longest: frozenset[str] | None = None,
    ) -> None:
        self._keys = keys
        self._key = key
        self._first = first
        self._longest = longest
        self._lengths = sorted(set(keys.values()) - {0})

    def __bool__(self) -> bool:
        return bool(self._keys)

    def found(self, text: str) -> set[str]:
        """Return the keys of the known texts that a text holds."""
        return {key for key, _, _ in self._matches(text)}

    def holds(self, text: str) -> bool:
        """Return whether a text holds a known one."""
        return next(self._matches(text), None) is not None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the stretches of a text that are known ones, with the marks that end them."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted((start, end) for _, start, end in self._matches(text)):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        return merged

    def blank(self, text: str) -> str:
        """Return a text of the same length with spaces where a known one stands."""
        for start, end in self.spans(text):
            text = text[:start] + _NOT_SPACE.sub(" ", text[start:end]) + text[end:]
        return text

    def redact(self, text: str) -> str:
        """Return a text with `ERASED` where a known one stands."""
        for start, end in reversed(self.spans(text)):
            text = text[:start] + ERASED + text[end:]
        return text

    def _matches(self, text: str) -> Iterator[tuple[str, int, int]]:
        if not self._keys or not self._may_hold(text):
            return
        found = _words(text)
        words = [word.word for word in found]
        for at, word in enumerate(found):
            if self._first is not None and word.word not in self._first:
                continue
            for length in self._lengths:
                if at + length > len(found):
                    break
                key = self._key(words[at : at + length])
                if key in self._keys:
                    yield key, word.start, _closed(text, found[at + length - 1].end)

    def _may_hold(self, text: str) -> bool:
        """Tell most texts that hold none from the others, without taking them apart."""
        if self._longest is None:
            return True
        levelled = clean(text).casefold()
        return any(word in levelled for word in self._longest)


def phrases(texts: Iterable[str]) -> Finder:
    """Return what finds some texts that are at hand."""
    split = [words for text in texts if (words := _plain(text))]
    keys = {_JOIN.join(words): len(words) for words in split}
    longest = frozenset(max(words, key=len) for words in split)
    return Finder(
        keys,
        _JOIN.join,
        first=frozenset(words[0] for words in split),
        longest=longest if len(longest) <= _FEW else None,
    )


def phrase_key(text: str) -> str:
    """Return the key that `phrases` gives to a text."""
    return _JOIN.join(_plain(text))


def tombstones(salt: bytes, digests: Mapping[str, int]) -> Finder:
    """Return what finds texts of which only tombstones are kept.

    Args:
        salt: That they were made with.
        digests: As `tombstone` makes them.
    """
    return Finder(digests, lambda words: _digest(salt, words))


def tombstone(salt: bytes, text: str) -> tuple[str, int]:
    """Return the salted hash of a text, its case, white space and punctuation levelled, and its words."""
    words = _plain(text)
    return _digest(salt, words), len(words)


def word_count(text: str) -> int:
    """Return how many words a text has."""
    return len(_words(text))


def is_short(text: str) -> bool:
    """Return whether so little is said that it stands in many texts that say something else.

    One or two words, such as a name, are looked for only as the whole of a text.
    """
    return word_count(text) < _LEAST_WORDS and len(_UNSPACED.findall(text)) < _LEAST_LETTERS


def whole_key(text: str) -> str:
    """Return what two texts share that differ in case, white space and punctuation only."""
    return phrase_key(text) or text.strip()


def _digest(salt: bytes, words: Sequence[str]) -> str:
    return hashlib.sha256(salt + _JOIN.join(words).encode()).hexdigest()


def _plain(text: str) -> list[str]:
    return [word.word for word in _words(text)]


def _words(text: str) -> list[_Word]:
    return [_Word(clean(m[0]).casefold(), m.start(), m.end()) for m in _WORD.finditer(text)]


def _closed(text: str, end: int) -> int:
    match = _CLOSING.match(text, end)
    return match.end() if match else end
