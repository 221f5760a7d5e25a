"""Questions about what is remembered, one or more for each answer that a memory holds.

A quiz asks what shall be proved, a few questions of a passage. An adapter is asked whatever people ask, and
what it was never asked for in words it does not find (LOG.md): so everything that a memory could be asked
for is, as the quiz asks, answer first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ingrained.agent.grading import words
from ingrained.agent.prompts import Messages
from ingrained.agent.quizzing import Target, answers_in, gives, openers, question_prompt
from ingrained.agent.recalling import Source
from ingrained.agent.stating.selecting import OVER, SEALED, WITHHELD
from ingrained.memory.lexical import terms

from .kinds import ANSWER_FIRST
from .likeness import alike
from .wishes import Wish, question_of

WORDINGS = 3
"""Most questions for one answer: one as the model likes it, the others with first words that fit."""

_WHEN = frozenset("year date day month time".split())

AGAIN = "asks what another one asks"
UNPROVED = "is not answered by what is remembered"


@dataclass(frozen=True, kw_only=True)
class Anew:
    """A question about a memory, as far as it has come."""

    source: Source
    memory: str
    """Id of the memory that holds the answer."""
    answer: str
    prompt: Messages
    """Asks for the question."""
    question: str = ""
    fault: str = ""
    """Why it is not used; empty if nothing speaks against it."""


def wishes(source: Source) -> list[Anew]:
    """Return what to ask for about the memories of a source, the first question for each answer first."""
    made = [
        (turn, _wish(source, memory.id, memory.text, answer, opener))
        for memory in source.memories
        for answer in answers_in(memory.text)
        for turn, opener in enumerate(["", *openers(memory.text, answer)][:WORDINGS])
    ]
    return [one for _, one in sorted(made, key=lambda each: each[0])]


def _wish(source: Source, memory: str, text: str, answer: str, opener: str) -> Anew:
    target = Target(note=0, answer=answer, opener=opener)
    prompt = question_prompt(source.title, text, target, opener=opener)
    return Anew(source=source, memory=memory, answer=answer, prompt=prompt)


def read(one: Anew, reply: str) -> Anew:
    """Return a wish with the question of a reply, and what is wrong with it."""
    source = f"{one.source.topic}. {one.source.title}. {one.source.text}"
    wish = Wish(
        kind=ANSWER_FIRST,
        prompt=one.prompt,
        answer=one.answer,
        passages=(),
        note=None,
        source=source,
    )
    question, fault = question_of(wish, reply)
    return replace(one, question=question, fault=fault)


def fit(
    asked: Iterable[Anew],
    *,
    known: Iterable[str],
    sealed: Sequence[str],
    withholds: Callable[[str], bool],
) -> list[Anew]:
    """Return all the questions, those that must not be trained or are there already with a fault.

    Args:
        asked: As they were read.
        known: Questions that are trained anyway.
        sealed: Questions that nothing that learns may see.
        withholds: Whether a text has what the memory does not keep.
    """
    seen = {_said(one) for one in known}
    asked_for = {_about(one) for one in sealed}
    out: list[Anew] = []
    for one in asked:
        fault = one.fault
        if not fault and _said(one.question) in seen:
            fault = AGAIN
        if not fault and (alike(one.question, sealed) or _about(one.question) in asked_for):
            fault = SEALED
        if not fault and withholds(f"{one.question} {one.answer}"):
            fault = WITHHELD
        out.append(replace(one, fault=fault))
    return out


def proved(one: Anew, reply: str) -> Anew:
    """Return a question with a fault if the model's reply, with what is remembered in view, is another."""
    return one if gives(one.question, reply, one.answer) else replace(one, fault=UNPROVED)


def within(asked: Iterable[Anew], per_memory: int) -> list[Anew]:
    """Return all the questions, those that come again or beyond so many of one memory with a fault."""
    seen: set[str] = set()
    room: Counter[str] = Counter()
    out: list[Anew] = []
    for one in asked:
        fault = one.fault
        if not fault and _said(one.question) in seen:
            fault = AGAIN
        if not fault and room[one.memory] >= per_memory:
            fault = OVER
        if not fault:
            seen.add(_said(one.question))
            room[one.memory] += 1
        out.append(replace(one, fault=fault))
    return out


def _about(question: str) -> frozenset[str]:
    """Return what a question names, however it begins: "When was it built?", "In what year was it built?"."""
    return frozenset(terms(question)) - _WHEN


def _said(question: str) -> str:
    return " ".join(words(question))
