"""Questions made from one that is verified: the other way round, and in other words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingrained.agent.grading import contains, words
from ingrained.agent.prompts import load
from ingrained.agent.quizzing import answers_in, openers

from .kinds import PARAPHRASE, REVERSED
from .wishes import Verified, Wish

NATIONALITY = re.compile(r"(?:ish|ese|an)$")
"""What looks like a name but only qualifies one."""
_OTHER_OPENERS = (
    (r"In what year|In which year", "When"),
    (r"When|On what date", "What was the date"),
    (r"By whom|Who\b", "Which person"),
    (r"What (?:is|was) the name", "How is"),
    (r"What (?:is|was) the", "Can you name the"),
    (r"Where", "In which place"),
    (r"How many", "What is the number of"),
    (r"How long", "For how much time"),
    (r"How", "What is the"),
    (r"Which", "What"),
    (r"What", "Which thing"),
    (r"", "What"),
)
"""How questions begin, and how else one might ask for the same."""


def reversals(verified: Sequence[Verified]) -> list[Wish]:
    """Give the old answer and ask for what the question named.

    A model that learns "A is B" does not know "B is A" (the reversal curse, Berglund et al. 2023).
    Questions that name nothing of their note are left out.
    """
    named = ((one, new_answer(one)) for one in verified)
    return [_reversal(one, answer) for one, answer in named if answer]


def new_answer(one: Verified) -> str:
    """Return the most specific name or quantity of the question that stands in its note or topic.

    One in the note goes before one in the topic; empty when there is none.
    """
    found = [
        name
        for name in names_in(one.question)
        if _apart(name, one.answer) and not NATIONALITY.search(name)
    ]
    told = [part for name in found if (part := _as_told(name, one.place.text))]
    return max(
        told or [name for name in found if contains(one.place.topic, name)],
        key=lambda name: (name[0].isupper(), len(words(name)), len(name)),
        default="",
    )


def _as_told(name: str, note: str) -> str:
    """Return as much of a name as stands in the note, two words or all; empty for less."""
    parts = name.split()
    stretches = (" ".join(parts[:n]) for n in range(len(parts), min(2, len(parts)) - 1, -1))
    return next((part for part in stretches if contains(note, part)), "")


def names_in(question: str) -> list[str]:
    """Return the names, dates and quantities of a question, in its order, without possessive 's."""
    found = [re.sub(r"['\u2019]s?$", "", part) for part in answers_in(question)]
    return [part for part in found if part[0].isupper() or any(c.isdigit() for c in part)]


def _apart(name: str, answer: str) -> bool:
    return not contains(name, answer) and not contains(answer, name)


def _reversal(one: Verified, answer: str) -> Wish:
    prompt = load("reversed").render(
        gapped=_gapped(one.place.text, answer), given=one.answer, opener=_opener(one, answer)
    )
    return Wish(
        kind=REVERSED,
        prompt=prompt,
        answer=answer,
        passages=(one.place.passage,),
        note=one.place.note,
        source=one.place.source,
        after=one.id,
        must=(one.answer,),
        unlike=(one.question,),
    )


def _gapped(note: str, answer: str) -> str:
    """Hide the new answer, which a small model would copy; a topic stands before its note."""
    gapped = put("[?]", answer, " ".join(note.split()))
    return gapped if "[?]" in gapped else f"[?]: {gapped}"


def _opener(one: Verified, answer: str) -> str:
    before = re.search(rf"(\w+)\s+{re.escape(answer)}", one.question)
    if before and before.group(1).casefold() == "the" and answer[0].isupper():
        return "What"
    return openers(one.question, answer)[0]


def put(new: str, old: str, question: str) -> str:
    """Return the question with one name in place of another."""
    return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _: new, question)


def paraphrases(verified: Sequence[Verified]) -> list[Wish]:
    """Ask the same in other words, with the same names and numbers."""
    return [_paraphrase(one) for one in verified]


def _paraphrase(one: Verified) -> Wish:
    return Wish(
        kind=PARAPHRASE,
        prompt=load("paraphrase").render(question=one.question, opener=_other_opener(one.question)),
        answer=one.answer,
        passages=(one.place.passage,),
        note=one.place.note,
        source=one.place.source,
        after=one.id,
        must=tuple(names_in(one.question)),
        unlike=(one.question,),
    )


def _other_opener(question: str) -> str:
    return next(other for known, other in _OTHER_OPENERS if re.match(known, question))
