"""Questions that take two notes: the answer of one stands in the question of the other.

Composed as in MuSiQue (Trivedi et al. 2022, section 3): the answer of the first question is the
bridge; the joint question describes it and names neither it nor the last answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

from ingrained.agent.grading import contains

from .kinds import TWO_HOP
from .rewording import names_in
from .wishes import Verified, Wish

_FORMS = (
    (r"(?:Who|What|Which) (?:is|was) (the [^?]+?)(?: called| named)?\?$", r"\1"),
    (r"Who ((?!(?:did|do|does|is|are|were)\b)\w+ [^?]+)\?$", r"the person who \1"),
    (
        r"(?:Which|What) (?!(?:is|was|are|were|does|did)\b)([a-z]+) ((?!does\b)[a-z]+(?:ed|s) [^?]+)\?$",
        r"the \1 that \2",
    ),
)
"""Questions that ask for their own subject, and how that subject is described."""
_VERB = r"(did|does|do|was|were|is|are)"
_TURNED = (
    (rf"Where {_VERB} SUBJECT ([^?]+)\?$", r"the place where \2 \1 \3"),
    (rf"By whom {_VERB} SUBJECT ([^?]+)\?$", r"the person by whom \2 \1 \3"),
    (rf"Which ([a-z]+) {_VERB} SUBJECT ([^?]+)\?$", r"the \1 that \3 \2 \4"),
    (rf"[IO]n which ([a-z]+) {_VERB} SUBJECT ([^?]+)\?$", r"the \1 where \3 \2 \4"),
)
"""Questions with the verb before a named subject; the description has it after."""
Pair = tuple[Verified, Verified]
"""The question whose answer is the bridge, and the one that names it."""


def two_hops(
    verified: Sequence[Verified], known: Sequence[Verified] = (), *, most: int = 10
) -> list[Wish]:
    """Join pairs of questions into one each; at least one of a pair is of those in hand.

    Args:
        verified: Questions in hand.
        known: Questions of earlier batches.
        most: No more wishes than this.
    """
    return [_wish(first, second) for first, second in pairs(verified, known)[:most]]


def pairs(verified: Sequence[Verified], known: Sequence[Verified] = ()) -> list[Pair]:
    """Return the pairs that can be joined: those across documents first, then across passages.

    A note is the first of one pair only, and the second of one only, so that one bridge does
    not fill the list.
    """
    every = [*verified, *known]
    own = {one.id for one in verified}
    fits = [
        (first, second)
        for first, second in product(every, every)
        if (first.id in own or second.id in own) and _joins(first, second)
    ]
    return _spread(sorted(fits, key=_nearness))


def _joins(first: Verified, second: Verified) -> bool:
    bridge = first.answer
    return (
        bridge[:1].isupper()
        and _note(first) != _note(second)
        and contains(second.question, bridge)
        and not contains(first.question, second.answer)
        and not contains(second.answer, bridge)
        and bool(_described_by(first) and joined(first, second))
    )


def _described_by(first: Verified) -> list[str]:
    return [name for name in names_in(first.question) if not contains(name, first.answer)]


def _beside(bridge: str, question: str) -> list[str]:
    apart = (name for name in names_in(question) if not contains(name, bridge))
    return [name for name in apart if not contains(bridge, name)]


def _note(one: Verified) -> tuple[str, str]:
    return one.place.passage, one.place.text


def _nearness(pair: Pair) -> int:
    first, second = (one.place for one in pair)
    return (first.document == second.document) + (first.passage == second.passage)


def _spread(found: Sequence[Pair]) -> list[Pair]:
    kept: list[Pair] = []
    used: tuple[set[tuple[str, str]], ...] = (set(), set())
    for pair in found:
        ends = [_note(one) for one in pair]
        if all(end not in seen for end, seen in zip(ends, used, strict=True)):
            kept.append(pair)
            for end, seen in zip(ends, used, strict=True):
                seen.add(end)
    return kept


def _wish(first: Verified, second: Verified) -> Wish:
    home, other = second.place, first.place
    return Wish(
        kind=TWO_HOP,
        prompt=(),
        question=joined(first, second),
        answer=second.answer,
        passages=tuple(dict.fromkeys((home.passage, other.passage))),
        note=home.note,
        source=f"{home.source} {other.source}",
        after=second.id,
        also=(first.id,),
        never=(first.answer,),
        unlike=(first.question, second.question),
    )


def joined(first: Verified, second: Verified) -> str:
    """Return the joint question if grammar alone can make it, else an empty string.

    "Who built it?" describes the person who built it; "Who was its architect?" its architect.
    """
    described = _described(first.question)
    if not described or re.search(rf"{re.escape(first.answer)}['\u2019-]", second.question):
        return ""
    bridge = rf"(?:\b[Tt]he )?(?<!\w){re.escape(first.answer)}(?!\w)"
    return re.sub(bridge, lambda _: described, second.question)


def _described(question: str) -> str:
    names = "|".join(re.escape(name) for name in sorted(names_in(question), key=len, reverse=True))
    turned = [(form.replace("SUBJECT", rf"((?:the )?(?:{names}))"), said) for form, said in _TURNED]
    found = ((re.match(form, question), said) for form, said in (*_FORMS, *turned))
    return next((match.expand(said) for match, said in found if match), "")
