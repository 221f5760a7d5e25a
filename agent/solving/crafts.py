"""The two uses of refinement: short answers from a passage, and notes that stand alone."""

from __future__ import annotations

from dataclasses import dataclass

from ingrained.agent.answering import open_book
from ingrained.agent.grading import ABSTENTION, words
from ingrained.agent.prompts import Messages, load

from .cases import Case
from .checking import examples, first_sentence, invents
from .refining import Craft

ANSWER_TOKENS = 24
MOST_ANSWER_WORDS = 16
NOTE_TOKENS = 72
MOST_NOTE_WORDS = 60

EMPTY = "empty"
TOO_LONG = "too long"
ADDS = "names something that is not in the passage"
LOSES = "leaves out a name or a number of the sentence"
COPIED = "copies an example"


@dataclass(frozen=True, kw_only=True)
class Extract:
    """A sentence of a passage that shall be understood without it."""

    topic: str
    passage: str
    sentence: str


def answers() -> Craft[Case]:
    """Return how short answers are drafted and refined, with the passage in view."""
    return Craft(
        first=lambda case: open_book(case.passage, case.question),
        critic=lambda case, draft: _answer_prompt("criticise_answer", case, draft=draft),
        refine=lambda case, history: _answer_prompt("refine_answer", case, history=history),
        read=_answer_in,
        fault=lambda _, draft: answer_fault(draft),
        fallback=lambda _: ABSTENTION,
        tokens=ANSWER_TOKENS,
    )


def notes() -> Craft[Extract]:
    """Return how notes are drafted and refined: pronouns resolved, nothing added or lost."""
    return Craft(
        first=lambda extract: _note_prompt("make_note", extract),
        critic=lambda extract, draft: _note_prompt("criticise_note", extract, draft=draft),
        refine=lambda extract, history: _note_prompt("refine_note", extract, history=history),
        read=first_sentence,
        fault=note_fault,
        fallback=lambda extract: extract.sentence,
        tokens=NOTE_TOKENS,
    )


def answer_fault(draft: str) -> str:
    """Return why a draft is no short answer, or an empty string."""
    if not words(draft):
        return EMPTY
    return TOO_LONG if len(words(draft)) > MOST_ANSWER_WORDS else ""


def note_fault(extract: Extract, draft: str) -> str:
    """Return why a draft cannot stand for its sentence, or an empty string.

    Every name and number of it has to stand in the passage or the topic, and every one of the
    sentence in it.
    """
    if not words(draft):
        return EMPTY
    if len(words(draft)) > MOST_NOTE_WORDS:
        return TOO_LONG
    if any(words(draft) == words(shown) for shown in examples("make_note")):
        return COPIED
    if invents(draft, [extract.passage, extract.topic]):
        return ADDS
    return LOSES if invents(extract.sentence, [draft]) else ""


def without_label(reply: str) -> str:
    """Return a reply without an "Answer:" or "Draft:" that it begins with."""
    label, _, rest = reply.partition(":")
    return (rest if words(label) in (["answer"], ["draft"]) else reply).strip()


def _answer_in(reply: str) -> str:
    return without_label(next((one for one in reply.splitlines() if one.strip()), ""))


def _answer_prompt(name: str, case: Case, **values: str) -> Messages:
    return load(name).render(passage=case.passage, question=case.question, **values)


def _note_prompt(name: str, extract: Extract, **values: str) -> Messages:
    return load(name).render(
        topic=extract.topic, passage=extract.passage, sentence=extract.sentence, **values
    )
