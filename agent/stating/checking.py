"""Whether a statement may be learnt: every check is against what is remembered, none asks a model.

A name, a number, a date or a denial that does not stand in the source rejects the whole statement, as far
as it can be told by its form: a name by its capital, a number by its digits or a word for it, a denial by a
word of a list. What only the sense tells is not seen: a name in lower case among capitalised ones, what
one word more denies ("until"), or the right names and numbers put together wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingrained.agent.grading import abstained, words
from ingrained.agent.insights import INVENTS, NO_SENTENCE, drafted, sources_of
from ingrained.agent.quizzing import SPEAKS_OF_TEXT, figures, speaks_of_the_text
from ingrained.agent.recalling import Source, shown
from ingrained.agent.solving.checking import invents
from ingrained.memory.echoes import Echoes, telling
from ingrained.memory.lexical import DENIALS, STOP_WORDS
from ingrained.memory.records import Memory

from .pairing import Pair

LINK = "link"
LEAST_WORDS, MOST_WORDS = 4, 60
NEW_SHARE = 0.2
"""Largest share of what a statement tells that need not stand in the source: a rewrite has a verb of its own."""
COPIED = 0.9
"""From this share of known runs of words on, a statement is the source itself."""

NAMELESS = "does not name its subject"
STRAYS = "says mostly what the source does not"
COPIES = "repeats the source word for word"

_PRONOUN = re.compile(
    r"\W*(?:he|she|it|they|his|her|its|their|this|that|these|those)\b", re.IGNORECASE
)
_CAPITALISED = re.compile(r"\b[A-Z][a-z]*\b")
_CAPITAL = re.compile(r"\b[^\W\d_a-zß-öø-ÿ]\w*")
_SMALL = re.compile(r"\b[a-zß-öø-ÿ]\w*")
_REFUSALS = frozenset(
    "refuse refuses refused refusing refusal fail fails failed failing failure lack lacks lacked lacking "
    "deny denies denied denying avoid avoids avoided avoiding prevent prevents prevented preventing cease ceases "
    "ceased hardly barely scarcely rarely seldom unable except instead unlike false untrue".split()
)
"""Words that deny without one of `DENIALS`."""
_COUNTS = frozenset(
    "one thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands million "
    "millions billion billions dozen dozens half quarter twice thrice double triple first second third fourth "
    "fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
    "seventeenth eighteenth nineteenth twentieth century centuries decade decades".split()
)
"""What counts or dates without a digit, beyond the small numbers that `figures` knows."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a reply states, and what became of it."""

    kind: str
    """Of `trainer.recipe.STATEMENT_KINDS`."""
    title: str
    """What stands before it in training."""
    text: str
    memories: tuple[str, ...] = ()
    """Ids of those that it tells of, the fewest that hold its words; none if it has a fault."""
    fault: str = ""
    """Why it is not learnt; empty if nothing speaks against it."""


def checked(kind: str, text: str, source: Source) -> Statement:
    """Return a statement about a source, with the memories that it tells of or a fault."""
    return _against(
        Statement(kind=kind, title=source.title, text=text),
        f"{source.title}. {source.text}", source.memories, copied=source.text,
    )  # fmt: skip


def joined(reply: str, pair: Pair) -> Statement:
    """Return the sentence of a reply that joins two memories: it has to tell something of each.

    What an insight has to be (`insights.drafted`) a link has to be too: from both, repeating neither,
    with no lone word of one in it.
    """
    facts = [replace(one, text=shown(pair.title, one.text)) for one in pair.memories]
    draft = drafted(reply, facts)
    statement = Statement(kind=LINK, title=pair.title, text=draft.text, fault=draft.fault)
    return (
        statement
        if draft.fault
        else _against(statement, facts[0].text + " " + facts[1].text, facts)
    )


def _against(
    statement: Statement, told: str, memories: Sequence[Memory], *, copied: str = ""
) -> Statement:
    fault = _fault(statement.text, told, copied)
    if fault:
        return replace(statement, fault=fault)
    found, _ = sources_of(statement.text, memories)
    ids = tuple(memory.id for memory in found)
    return replace(statement, memories=ids, fault="" if ids else STRAYS)


def _fault(text: str, told: str, copied: str) -> str:
    said = words(text)
    if not LEAST_WORDS <= len(said) <= MOST_WORDS or "?" in text or abstained(text):
        return NO_SENTENCE
    if speaks_of_the_text(text):
        return SPEAKS_OF_TEXT
    if _PRONOUN.match(text):
        return NAMELESS
    if goes_beyond(text, told) or _hides_names(text, told):
        return INVENTS
    own, there = (telling(" ".join(figures(words(one)))) for one in (text, told))
    if len(own - there) > NEW_SHARE * len(own):
        return STRAYS
    return COPIES if copied and Echoes([copied], threshold=COPIED).covers(text) else ""


def goes_beyond(text: str, told: str) -> bool:
    """Return whether a sentence has a name, a number, a date or a denial that is not told, by its form."""
    return invents(text, [told]) or _adds(text, told)


def _adds(text: str, told: str) -> bool:
    """Return whether a text counts or denies what is not told, or names a month or a man like "May"."""
    strict = DENIALS | _REFUSALS | _COUNTS
    if not strict & set(words(text)) <= set(words(told)):
        return True
    capitalised = _CAPITALISED.findall(text.partition(" ")[2])
    return not {one for one in capitalised if one.lower() in STOP_WORDS} <= set(
        _CAPITALISED.findall(told)
    )


def _hides_names(text: str, told: str) -> bool:
    """Return whether a text has the source's names in lower case only, so that an invented one is not seen."""
    if _CAPITAL.search(text.partition(" ")[2]):
        return False
    names = {word for name in _CAPITAL.findall(told) for word in words(name)}
    also_small = {word for small in _SMALL.findall(told) for word in words(small)}
    return bool((names - also_small - STOP_WORDS) & {*words(text.partition(" ")[2])})
