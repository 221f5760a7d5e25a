"""The judge that asks a model: a contradiction is the same question with another answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingrained.agent.asking import Asker
from ingrained.agent.grading import abstained, contains, words
from ingrained.agent.prompts import Messages, load
from ingrained.agent.reading.sentences import sentences
from ingrained.memory.records import Memory
from ingrained.memory.relations import Relation

from .contrasting import Contrast, contrast
from .wording import Kind, tokens

RULES = 1
"""Raised whenever the rules beside the prompts change, so that kept judgements are not used again."""

_REPLY_TOKENS = 12
_Compared = list[tuple[str, str, Contrast]]
"""Sentences of the older and of the newer memory, and how they differ."""
_YES = re.compile(r"\W*yes\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A pair that the words leave open."""

    place: int
    older: str
    newer: str
    gap: str
    """Verbatim in `older`."""
    other: str
    """Verbatim in `newer`: what stands in its place; empty when the words do not show it."""

    @property
    def prompts(self) -> list[Messages]:
        """What the model is asked about the pair."""
        if not self.other:
            gapped = _put(self.older, self.gap, "___")
            return [load("fill").render(text=self.newer, sentence=gapped)]
        return [
            load("same").render(one=self.older, other=_put(self.newer, self.other, self.gap)),
            load("same").render(one=_put(self.older, self.gap, self.other), other=self.newer),
        ]

    def contradicts(self, replies: Sequence[str]) -> bool:
        """Read the replies to `prompts`."""
        if self.other:
            return all(_YES.match(reply) for reply in replies)
        (reply,) = replies
        return (
            not abstained(reply)
            and contains(self.newer, reply)
            and not contains(self.older, reply)
            and _kind(reply) == _kind(self.gap)
        )


class QuizJudge:
    """Judges by whether two memories answer the same question, and differently.

    What the words show is judged by them; see `contrasting.contrast`. Where two sentences differ in
    a value but in wording as well, the value of each is put into the other, and the model is asked
    whether they say the same now. If so, they differed in nothing but the value: they contradict
    each other. A small model that cannot tell a contradiction from a likeness can tell this.

    Where the newer one tells of a change and the words do not show what is so now, the older
    sentence's last words are blanked out, and the model fills them in from the newer one. Another
    value of the same type, verbatim from there, contradicts.

    Args:
        asker: Asks the model, greedily, in one batch.
    """

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    @property
    def name(self) -> str:
        """Model, prompts and rules: whatever a judgement hangs on but the texts."""
        return f"{self._asker.name} {load('same').sha256} {load('fill').sha256} {RULES}"

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        """Return one relation per pair, in order; the older memory comes first in each."""
        found = [_compared(older, newer) for older, newer in pairs]
        relations = [_shown(compared) for compared in found]
        left = [
            _Open(place=place, older=older, newer=newer, gap=item.older, other=item.newer)
            for place, compared in enumerate(found)
            if relations[place] != "contradicts"
            for older, newer, item in compared
            if item.relation is None
        ]
        for one in self._contradicting(left):
            relations[one.place] = "contradicts"
        return relations

    def _contradicting(self, left: Sequence[_Open]) -> Iterator[_Open]:
        prompts = [one.prompts for one in left]
        said = iter(
            self._asker.ask(
                [prompt for own in prompts for prompt in own],
                phase="judge",
                max_tokens=_REPLY_TOKENS,
            )
        )
        for one, own in zip(left, prompts, strict=True):
            if one.contradicts([next(said) for _ in own]):
                yield one


def _compared(older: Memory, newer: Memory) -> _Compared:
    """Compare each sentence of the newer one with the one of the older one that it shares most with."""
    if _apart(older, newer):
        return []
    known, new = _sentences(older.text), _sentences(newer.text)
    keys = {sentence: {word.key for word in tokens(sentence)} for sentence in {*known, *new}}
    nearest = [max(known, key=lambda one: len(keys[one] & keys[other])) for other in new]
    return [(one, other, contrast(one, other)) for one, other in zip(nearest, new, strict=True)]


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)] or [text]


def _shown(compared: _Compared) -> Relation:
    """Return what the words show: only of single sentences that they say the same, or more."""
    relations = [item.relation for _, _, item in compared]
    if "contradicts" in relations:
        return "contradicts"
    return (relations[0] or "unrelated") if len(relations) == 1 else "unrelated"


def _apart(older: Memory, newer: Memory) -> bool:
    """Whether the two come from under different titles and no name links them."""
    titles = [set(words(memory.title)) for memory in (older, newer)]
    names = [
        {word.key for word in tokens(memory.text) if word.kind == "name"}
        for memory in (older, newer)
    ]
    return all(titles) and titles[0] != titles[1] and names[0].isdisjoint(names[1])


def _put(sentence: str, value: str, instead: str) -> str:
    """Replace a value that stands in a sentence as whole words."""
    return re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", lambda _: instead, sentence, count=1)


def _kind(value: str) -> Kind:
    """Of a value by itself; a capital makes a name of it."""
    (first, *_) = tokens(value)
    return "name" if first.kind == "word" and value[0].isupper() else first.kind
