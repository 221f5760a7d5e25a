"""The words of a sentence as they are compared, and lists of words that decide something.

English only. In another language the lists match nothing, and what is left is names and figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ingrained.memory.lexical import STOP_WORDS

Kind = Literal["date", "number", "name", "word", "stop"]

_WORD = re.compile(r"\d+(?:[,.:]\d+)*|[^\W\d_]+(?:['\u2019][^\W\d_]+)?\d*")
_UNITS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
}
_TIMES = frozenset(
    "january february march april may june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter "
    "today tomorrow yesterday morning evening noon midnight".split()
)
_IRREGULAR = {
    "kept": "keep", "held": "hold", "wrote": "write", "written": "write", "built": "build",
    "burnt": "burn", "taught": "teach", "learnt": "learn", "sold": "sell", "bought": "buy",
    "ran": "run", "led": "lead", "made": "make", "found": "find", "drawn": "draw", "drew": "draw",
    "grown": "grow", "grew": "grow", "taken": "take", "took": "take", "paid": "pay",
    "spoke": "speak", "spoken": "speak", "rose": "rise", "begun": "begin", "began": "begin",
    "died": "die", "lay": "lie", "lies": "lie", "won": "win", "sang": "sing", "sung": "sing",
}  # fmt: skip
_ENDING = re.compile(r"(?:ing|ed|es|s|e)$")
_STEM = 5
_YEAR = re.compile(r"1\d{3}|20\d{2}")

FILLERS = frozenset(
    "now since still currently today recently lately already meanwhile longer instead also about "
    "around approximately roughly nearly almost over every each year years days new newly old "
    "made up take takes place time times altogether total any use uses used last once "
    "formerly previously anymore henceforth onwards later ago away back first kind".split()
)
"""Words that are no difference by themselves."""

NEGATORS = frozenset("not no never without none nobody neither cannot n't hardly".split())

ENDINGS = frozenset(
    "discontinued cancelled canceled abolished ended stopped ceased quit left resigned dissolved "
    "demolished withdrawn dropped forbidden banned prohibited removed sold lost broke broken split "
    "retired closed expired revoked abandoned scrapped disbanded defunct".split()
)
"""What is said of something when it no longer is so."""

CHANGES = frozenset(
    "moved changed switched replaced transferred became become succeeded migrated relocated "
    "renamed converted elected appointed promoted raised lowered reduced increased rescheduled "
    "postponed took taken instead went gone turned grown risen fallen "
    "upgraded downgraded swapped handed extended shortened cut".split()
)
"""What is said of something that is no longer as it was."""

APPROXIMATE = frozenset("about around approximately roughly nearly almost some circa".split())

OPPOSED = frozenset(
    frozenset(pair.split())
    for pair in "on off, before after, above below, over under, up down, inside outside".split(", ")
)
"""Pairs of words without a meaning of their own of which only one can be so."""

TELLING = frozenset(
    "before after above below under over until up down off out only few all some most both each "
    "any more less few he she his her him to from with".split()
)
"""Words without a meaning of their own that are yet a difference."""

KIN = frozenset(
    "sister brother mother father son daughter wife husband cousin uncle aunt niece nephew "
    "grandfather grandmother neighbour friend colleague assistant deputy successor predecessor "
    "widow twin".split()
)
"""Whoever is named by such a word is somebody else."""

MANY_VALUED = frozenset(
    "speak play sell stop like love visit enjoy contain includ collec produ offer know study stud read "
    "own grow teach sing repair met meet see saw paint wrote write publis invent also too another "
    "additi other besid".split()
)
"""Stems of what one can do to several things."""

ONE_DOER = frozenset(
    "design found invent discov write compos paint win direct lead head captai run manag chair "
    "own build built wrote won led edit create presid govern rul command conduc host teach "
    "present belong".split()
)
"""Stems of what is done by one, as a rule: another doer contradicts."""

_OPPOSITES = (
    "open closed, open shut, allowed forbidden, allowed banned, allowed prohibited, permitted "
    "forbidden, permitted prohibited, permitted banned, poisonous harmless, poisonous edible, alive "
    "dead, alive extinct, true false, married single, married divorced, full empty, wet dry, safe "
    "dangerous, public private, optional required, optional compulsory, voluntary mandatory, "
    "voluntary compulsory, enabled disabled, legal illegal, possible impossible, complete "
    "incomplete, finished unfinished, solved unsolved, visible invisible, extinct living, active "
    "extinct, active dormant, navigable unnavigable, able unable, willing unwilling, survived "
    "perished, accepted rejected, accepted refused, approved rejected, won lost, succeeded failed, "
    "passed failed, present absent, likes hates, likes dislikes, loves hates, inhabited "
    "uninhabited, occupied vacant, employed unemployed, vegetarian carnivorous, free occupied, "
    "wild tame, deciduous evergreen, guilty innocent, available unavailable, edible inedible"
)


def stem(word: str) -> str:
    """Return what a word is compared by: two letters of an ending more or less are no difference."""
    plain = _IRREGULAR.get(word, word)
    if len(plain) > _STEM - 1:
        plain = _ENDING.sub("", plain) or plain
    return plain[:_STEM]


ANTONYMS = frozenset(frozenset(map(stem, pair.split())) for pair in _OPPOSITES.split(", "))
"""Pairs of stems; which of the two comes first says nothing."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """One word or figure."""

    text: str
    """Lower-case, without a possessive ending."""
    key: str
    """What it is compared by: a number's value, a word's stem."""
    kind: Kind
    start: int
    end: int
    possessive: bool = False


def tokens(sentence: str) -> list[Token]:
    """Return the words of a sentence in order, those without a meaning of their own as well."""
    found: list[Token] = []
    for match in _WORD.finditer(sentence):
        token = _token(match, sentence, first=not found)
        last = found[-1] if found else None
        if last is not None and last.text in _TENS and token.text in _UNITS:
            value = str(_TENS[last.text] + _UNITS[token.text])
            found[-1] = Token(text=value, key=value, kind="number", start=last.start, end=token.end)
        else:
            found.append(token)
    return _with_dates(_with_first_name(found, sentence))


def _token(match: re.Match[str], sentence: str, *, first: bool) -> Token:
    written = match.group()
    text = written.casefold().replace("\u2019", "'")
    possessive = text.endswith("'s")
    text = text.removesuffix("'s")
    kind: Kind = "word"
    key = stem(text)
    if text in _UNITS or text in _TENS or text[0].isdigit():
        kind, key = "number", str((_UNITS | _TENS).get(text, text)).replace(",", "")
    elif text in _TIMES:
        kind = "date"
    elif text.endswith("n't"):
        text = key = "not"
    elif text in STOP_WORDS or text in NEGATORS:
        kind = "stop"
    elif written[0].isupper() and not first and sentence[match.start() - 2] not in ".!?":
        kind = "name"
    return Token(
        text=text, key=key, kind=kind, start=match.start(), end=match.end(), possessive=possessive
    )


def _with_first_name(found: list[Token], sentence: str) -> list[Token]:
    """A capitalised word that opens the sentence is a name if a name follows it."""
    if len(found) < 2 or found[0].kind != "word" or not sentence[found[0].start].isupper():
        return found
    if found[1].kind == "name" or found[0].possessive:
        return [_as(found[0], "name"), *found[1:]]
    return found


def _with_dates(found: list[Token]) -> list[Token]:
    """A number beside a month or a weekday, or one that looks like a year, is part of a date."""
    out: list[Token] = []
    for place, token in enumerate(found):
        beside = found[max(place - 1, 0) : place] + found[place + 1 : place + 2]
        dated = any(other.kind == "date" for other in beside) and len(token.key) <= 2
        if token.kind == "number" and (dated or _YEAR.fullmatch(token.text)):
            out.append(_as(token, "date"))
        else:
            out.append(token)
    return out


def _as(token: Token, kind: Kind) -> Token:
    return Token(
        text=token.text, key=token.key, kind=kind, start=token.start, end=token.end,
        possessive=token.possessive,
    )  # fmt: skip
