"""Where two sentences differ, read off their words: the part of a judgement that needs no model.

A contradiction is the same question with another answer. So what counts is what the two do not
share: one value of one type in each, in sentences that are otherwise alike, is another answer; two
such values in each is another occasion; another subject is another question. What the words leave
open goes to the model, with the gap to be tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingrained.memory.relations import Relation

from .wording import (
    ANTONYMS,
    APPROXIMATE,
    CHANGES,
    ENDINGS,
    FILLERS,
    KIN,
    MANY_VALUED,
    NEGATORS,
    ONE_DOER,
    OPPOSED,
    TELLING,
    Kind,
    Token,
    tokens,
)

_TYPED: tuple[Kind, ...] = ("date", "number", "name")
_NEARLY = 0.1
"""A figure said to be approximate may be this far off, relative to the other one."""
_BE = frozenset("is are was were be been being has have had".split())
_LINKS = frozenset("of the and de von van".split())
_HOW_MANY = frozenset("all every only just each always both more less".split())
_LEADING = frozenset("a an the as of with in at by on from to into for after near".split()) | _BE


@dataclass(frozen=True, kw_only=True)
class Run:
    """Neighbouring words of one sentence that the other one lacks."""

    kind: Kind
    first: int
    """Place of the first word among the words of its sentence."""
    tokens: tuple[Token, ...]
    text: str
    """As it stands in the sentence."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """What the words say of two sentences."""

    relation: Relation | None
    """None: the model has to be asked."""
    older: str = ""
    """Where the model is asked: the stretch of the older sentence that is at issue."""
    newer: str = ""
    """The stretch of the newer one in its place; empty when it tells of a change, and the words do
    not show what is so now."""


class Side:
    """One of the two sentences, seen from the other."""

    def __init__(self, text: str, words: list[Token], other: list[Token]) -> None:
        self.text = text
        self.words = words
        self.texts = {word.text for word in words}
        self.keys = {word.key for word in words}
        there = {word.key for word in other}
        self.opposed = {
            key for key in self.keys if any(frozenset((key, one)) in ANTONYMS for one in there)
        } - there
        self.lacking = [
            place
            for place, word in enumerate(words)
            if word.kind != "stop"
            and word.key not in there
            and word.key not in self.opposed
            and word.text not in FILLERS
            and word.text not in NEGATORS
        ]
        self.runs = self._runs()

    def of(self, kind: Kind) -> list[Run]:
        """Return the runs of a kind."""
        return [run for run in self.runs if run.kind == kind]

    @property
    def means_something(self) -> bool:
        """Whether it has a word of meaning at all."""
        return any(map(self._means, range(len(self.words))))

    @property
    def negations(self) -> int:
        """How many of the words that both share, or oppose each other, are negated here."""
        lacking = set(self.lacking)
        negated = 0
        for place, word in enumerate(self.words):
            if word.text in NEGATORS and not self._limits(place + 1):
                after = (n for n in range(place + 1, len(self.words)) if self._means(n))
                negated += next(after, None) not in lacking
        return negated

    @property
    def opens_with_own_word(self) -> bool:
        """Whether the first word of meaning is a plain one that the other sentence lacks."""
        means = (place for place in range(len(self.words)) if self._means(place))
        first = next(means, 0)
        return first in self.lacking and self.words[first].kind == "word"

    def plain_words(self) -> list[Token]:
        """Return the plain words that only this side has, without those that tell of a change."""
        return [
            word
            for run in self.of("word")
            for word in run.tokens
            if word.kind == "word" and word.text not in CHANGES | ENDINGS
        ]

    @property
    def last_value(self) -> str:
        """The last stretch of words of meaning: what the sentence ends on.

        There has to be one; see `means_something`.
        """
        places = [place for place in range(len(self.words)) if self._means(place)]
        first = last = places[-1]
        while first - 1 in places and self.words[first - 1].kind == self.words[last].kind:
            first -= 1
        return self.text[self.words[first].start : self.words[last].end].removesuffix("'s")

    def says(self, words: Iterable[str]) -> bool:
        """Return whether one of these words stands in the sentence."""
        return not self.texts.isdisjoint(words)

    def _limits(self, place: int) -> bool:
        """Whether a negation is of how many, as in "not all"."""
        return place < len(self.words) and self.words[place].text in _HOW_MANY

    def _means(self, place: int) -> bool:
        return self.words[place].kind != "stop" and self.words[place].text not in FILLERS

    def _runs(self) -> list[Run]:
        groups: list[list[int]] = []
        for place in self.lacking:
            kind = self.words[place].kind
            last = groups[-1] if groups else None
            if last and self._joined(last[-1], place) and self.words[last[-1]].kind == kind:
                last.append(place)
            else:
                groups.append([place])
        return [self._run(group) for group in groups]

    def _joined(self, one: int, other: int) -> bool:
        return all(word.text in _LINKS for word in self.words[one + 1 : other])

    def beside(self, run: Run) -> set[str]:
        """Return what stands right before and after a run."""
        last = run.first + len(run.tokens)
        around = [*self.words[max(run.first - 1, 0) : run.first], *self.words[last : last + 1]]
        return {word.key for word in around}

    def _run(self, group: Sequence[int]) -> Run:
        found = tuple(self.words[group[0] : group[-1] + 1])
        return Run(
            kind=found[0].kind,
            first=group[0],
            tokens=found,
            text=self.text[found[0].start : found[-1].end].removesuffix("'s"),
        )


def contrast(older: str, newer: str) -> Contrast:
    """Compare two sentences, the older one first."""
    words = tokens(older), tokens(newer)
    old, new = Side(older, words[0], words[1]), Side(newer, words[1], words[0])
    if not (old.means_something and new.means_something):
        return Contrast(relation="unrelated")
    if not any(word.kind != "stop" and word.key in new.keys for word in old.words):
        return Contrast(relation="unrelated")
    if (old.negations + new.negations + bool(old.opposed)) % 2:
        return Contrast(relation="contradicts" if _one_question(old, new) else "unrelated")
    if _ended(old, new):
        return Contrast(relation="contradicts")
    kinds = [kind for kind in _TYPED if old.of(kind) and new.of(kind)]
    if len(kinds) > 1:
        return Contrast(relation="unrelated")
    if kinds:
        return _of_values(old, new, kinds[0])
    return _of_words(old, new)


def _one_question(old: Side, new: Side) -> bool:
    """Whether one sentence says nothing of its own: then the other denies just that."""
    return not any(old.of(kind) for kind in _TYPED) and not (
        old.plain_words() and new.plain_words()
    )


def _ended(old: Side, new: Side) -> bool:
    """Whether the newer one says nothing but that something of the older one is over."""
    if old.says(ENDINGS) or not new.says(ENDINGS) or new.negations:
        return False
    return not (new.plain_words() or any(old.of(kind) or new.of(kind) for kind in _TYPED))


def _of_values(old: Side, new: Side, kind: Kind) -> Contrast:
    one, other = _aligned(old, new, kind)
    if _other_subject(old, new) or min(len(old.of(kind)), len(new.of(kind))) > 1:
        return Contrast(relation="unrelated")
    if kind == "number" and _rounded(old, new, one, other):
        return Contrast(relation="refines")
    if kind == "date" and _before_verb(old, one) and _before_verb(new, other):
        return Contrast(relation="unrelated")
    if kind == "name" and not _one_holder(old, new, one, other):
        return Contrast(relation="unrelated")
    if not old.plain_words() and _only_added(new, other):
        return Contrast(relation="contradicts", older=one.text, newer=other.text)
    if new.says(CHANGES) and not (old.says(CHANGES) or new.plain_words()):
        return Contrast(relation=None, older=one.text)
    return Contrast(relation=None, older=one.text, newer=other.text)


def _before_verb(side: Side, run: Run) -> bool:
    """Whether a date only says which occasion is meant: "The concert on Monday was"."""
    verbs = [place for place, word in enumerate(side.words) if word.text in _BE]
    return bool(verbs) and run.first < verbs[0]


def _only_added(side: Side, value: Run) -> bool:
    """Whether the plain words that only this side has follow the value: "in 1288 after a fall".

    What follows a number says what is counted, and is no mere addition.
    """
    own = side.plain_words()
    after = all(word.start > value.tokens[-1].end for word in own)
    return not own or (after and value.kind != "number")


def _aligned(old: Side, new: Side, kind: Kind) -> tuple[Run, Run]:
    """Return the two runs of a kind that stand beside the same words, the last ones if none do."""
    pairs = itertools.product(reversed(old.of(kind)), reversed(new.of(kind)))
    return max(pairs, key=lambda pair: len(old.beside(pair[0]) & new.beside(pair[1])))


def _other_subject(old: Side, new: Side) -> bool:
    """Whether each begins with a plain word that the other lacks, or one speaks of a sister, say."""
    kin = any(word.text in KIN for side in (old, new) for word in side.plain_words())
    return kin or (old.opens_with_own_word and new.opens_with_own_word)


def _rounded(old: Side, new: Side, one: Run, other: Run) -> bool:
    if not any(
        side.says(APPROXIMATE) and side.words[run.first - 1].text in APPROXIMATE
        for side, run in ((old, one), (new, other))
    ):
        return False
    try:
        values = float(one.tokens[0].key), float(other.tokens[0].key)
    except ValueError:
        return False
    return abs(values[0] - values[1]) <= _NEARLY * max(values)


def _one_holder(old: Side, new: Side, one: Run, other: Run) -> bool:
    """Whether the slot that the two names fill has room for one."""
    if new.says(("also", "too", "another", "besides")) or old.says(("also", "too", "another")):
        return False
    opening = [_opens(old, one), _opens(new, other)]
    stems = {word.key for word in old.words} & {word.key for word in new.words}
    if not any(opening):
        return not any(key in MANY_VALUED for key in stems)
    if any(_qualifies(side, run) for side, run in ((old, one), (new, other))):
        return False
    return not all(opening) or bool(stems & ONE_DOER) or _described(old) or _described(new)


def _opens(side: Side, run: Run) -> bool:
    before = side.words[: run.first]
    return not any(word.text in _BE for word in before) and all(
        word.kind in ("stop", "name") or word.text in FILLERS for word in before
    )


def _qualifies(side: Side, run: Run) -> bool:
    """Whether a name only says which thing is meant: "The Harl Viaduct has"."""
    return run.first > 0 and side.words[run.first - 1].text == "the"


def _described(side: Side) -> bool:
    """Whether somebody is said to be *the* such-and-such."""
    said = [word.text for word in side.words]
    return any(one in _BE and two == "the" for one, two in itertools.pairwise(said))


def _of_words(old: Side, new: Side) -> Contrast:
    if not old.runs and not new.runs and frozenset(old.texts ^ new.texts) in OPPOSED:
        return Contrast(relation="contradicts")
    if not old.runs and not new.says(CHANGES):
        return Contrast(relation="same" if _alike(old, new) else "refines")
    slots = min(len(old.of("word")), len(new.of("word")))
    if slots == 1 and not _other_subject(old, new):
        one, other = old.of("word")[-1], new.of("word")[-1]
        if _complements(old, one) and _complements(new, other):
            alone = len(old.runs) == len(new.runs) == 1
            relation: Relation | None = "contradicts" if alone else None
            return Contrast(relation=relation, older=one.text, newer=other.text)
    if new.says(CHANGES) and not old.says(CHANGES) and len(old.runs) <= 1:
        return Contrast(relation=None, older=old.last_value)
    return Contrast(relation="unrelated" if old.runs else "refines")


def _alike(old: Side, new: Side) -> bool:
    """Whether two sentences have the same words of meaning, and the same names in the same order.

    The order may be another when one of them is passive.
    """
    if {word.key for word in old.words if word.kind != "stop"} != {
        word.key for word in new.words if word.kind != "stop"
    } or (old.texts ^ new.texts) & TELLING:
        return False
    names = [[word.key for word in side.words if word.kind == "name"] for side in (old, new)]
    return names[0] == names[1] or ("by" in old.texts) != ("by" in new.texts)


def _complements(side: Side, run: Run) -> bool:
    """Whether a run is what is said of the subject, and neither the subject nor a verb."""
    before = side.words[run.first - 1].text if run.first else ""
    last = run.tokens[-1].text
    subject = all(word.kind == "stop" for word in side.words[: run.first])
    earlier = {word.key for word in side.words[: run.first]}
    several = not earlier.isdisjoint(MANY_VALUED) or _has_one(side, run)
    return not (subject or several or last.endswith(("ed", "ing"))) and before in _LEADING


def _has_one(side: Side, run: Run) -> bool:
    """Whether it is one of the things that somebody may have: "has a dog"."""
    before = [word.text for word in side.words[max(run.first - 2, 0) : run.first]]
    return before in (["has", "a"], ["has", "an"], ["have", "a"], ["have", "an"])
