"""Words for keyword search: which ones of a question count, and how to find them.

Text is data here. It reaches SQLite only as quoted FTS5 strings of letters, digits and
marks, so no operator, quote or wildcard in it has a meaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import snowballstemmer

STEM_LENGTH = 5
"""Words count as the same when their first five characters agree.

Truncation at about five characters is the cheapest stemmer that works across alphabetic
languages (McNamee and Mayfield 2004, "Character n-gram tokenization for European language
text retrieval"). BM25 itself uses SQLite's Porter stemmer; this one only measures overlap.
"""

_STOP_WORDS = (
    "a about above after again all also am an and any are as at be because been before being "
    "below between both but by can could d did do does doing down during each either ever few "
    "for from further had has have having he her here hers herself him himself his how i if "
    "in into is it its itself just ll m many may me might more most much must my myself no "
    "nor not now of off on once one only or other our ours ourselves out over own per re s "
    "same shall she should so some such t tell than that the their theirs them themselves "
    "then there these they this those through to too under until up upon us ve very was we "
    "were what when where which while who whom whose why will with would you your yours "
    "yourself yourselves "
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English function and question words: they say how one asks, not what about."""
DENIALS = frozenset("no not never none nobody nothing neither nor cannot without t".split())
"""Words that turn a sentence into its opposite; `t` is what is left of "don't"."""

_PORTER = snowballstemmer.stemmer("porter")
_ASCII_WORD = re.compile(r"[a-z0-9]+")


def clean(text: str) -> str:
    """Return `text` in NFC with lone surrogates replaced: what every store can hold."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))


def normalise(text: str) -> str:
    """Return `text` with case and white space levelled: equal results mean an exact duplicate."""
    return " ".join(clean(text).casefold().split())


def terms(text: str) -> tuple[str, ...]:
    """Return the distinct content words of `text`, lower-case, in order, without stop-words."""
    words = dict.fromkeys(_words(clean(text).lower()))
    return tuple(word for word in words if word not in STOP_WORDS)


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the form under which the full-text index holds a word: Porter's stem (1980)."""
    return str(_PORTER.stemWord(_without_accents(word)))


def stems(words: Iterable[str]) -> frozenset[str]:
    """Return the truncated, accent-free forms of `words` (see `STEM_LENGTH`)."""
    return frozenset(
        (word if word.isascii() else _without_accents(word))[:STEM_LENGTH] for word in words
    )


def overlap(query: frozenset[str], text: frozenset[str]) -> float:
    """Return the share of the query's stems found in the text, 0.0 for a query without any."""
    return len(query & text) / len(query) if query else 0.0


def match_expression(lead: Iterable[str], rest: Iterable[str] = (), *, within: str = "") -> str:
    """Return an FTS5 expression that matches any of `lead`, and any of `rest` where there is one.

    Args:
        lead: Words as `terms` gives them.
        rest: More such words.
        within: The namespace's token; any namespace when empty.
    """
    groups = [" OR ".join(f'"{word}"' for word in words) for words in (lead, rest)]
    parts = [f"({group})" for group in groups if group]
    return " AND ".join([*([f'space : "{within}"'] if within else []), *parts])


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in text).split()


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(
        char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char)
    )
