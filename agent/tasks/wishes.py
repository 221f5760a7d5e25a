"""A wish for a question, and how a reply to it becomes a question that is fit for use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.grading import contains
from ingrained.agent.prompts import Messages
from ingrained.agent.quizzing import clean_question, fault

from .likeness import rouge_l

_WRAPPER = re.compile(
    r"[{}\[\]`]|\\n|\"\s*(?:new_?)?(?:question|q|text|output)\s*\"\s*:", re.IGNORECASE
)
_LABEL = re.compile(
    r"^\W*(?:(?:the |an? )?(?:(?:new|reversed?|other|another|paraphrased?|joined|combined|rewritten|"
    r"following|final) )*(?:question|paraphrase|version|variation|wording|output|answer|q)\s*\d*\s*"
    r"(?:is|would be)?\s*:\s*|\d+\s*[.):-]\s+|[-*•]\s+|(?:json|sure|okay|ok)\b[^?:]*:\s*)+",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The note a question is about, and what surrounds it."""

    passage: str
    """Id of the passage."""
    document: str
    """Id of the document."""
    topic: str
    """What the document is about."""
    text: str
    """The note."""
    around: str
    """The whole passage."""
    note: int | None = None
    """Index in the notes in hand; None for a note of an earlier batch."""

    @classmethod
    def of(cls, note: Mapping[str, Any], around: str, index: int | None = None) -> Place:
        """Make one of a note as the study's state holds it."""
        kept = {name: note[name] for name in ("passage", "document", "topic", "text")}
        return cls(**kept, around=around, note=index)

    @property
    def source(self) -> str:
        """What a question may name things of."""
        return f"{self.topic}. {self.around}"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A question whose answer has been checked against its passage."""

    id: str
    question: str
    answer: str
    place: Place


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A question to be had: what to ask the model for, and what the question must be like."""

    kind: str
    """One of `kinds.KINDS`."""
    prompt: Messages
    """Empty when `question` is ready."""
    answer: str
    """Of the question wished for; empty where only the open book will tell."""
    passages: tuple[str, ...]
    """Ids of all passages that the answer takes, the home passage first."""
    note: int | None
    """Index of the note in hand."""
    source: str
    """The text whose names the question may use."""
    after: str = ""
    """Id of the question it was made from."""
    also: tuple[str, ...] = ()
    """Ids of the others that it was made from: it goes when one of them does."""
    question: str = ""
    """Ready made."""
    must: tuple[str, ...] = ()
    """Each of these stands in the question."""
    never: tuple[str, ...] = ()
    """None of these stands in it; the answer never does."""
    unlike: tuple[str, ...] = ()
    """Questions that it may not repeat."""
    likeness: float = 0.9
    """ROUGE-L F1 with one of `unlike` from which it counts as a repetition."""


def question_of(wish: Wish, reply: str = "") -> tuple[str, str]:
    """Return the first question of a reply, and why it is unusable, or an empty string.

    Labels, numbers, quotation marks and the wrappings of JSON are taken off.

    Args:
        wish: What was asked for.
        reply: What the model said; a ready-made question needs none.
    """
    question = wish.question or _first_question(reply)
    return question, fault(question, wish.answer, wish.source) or _fault_of_kind(wish, question)


def _first_question(reply: str) -> str:
    bare = "\n".join(_LABEL.sub("", line.strip()) for line in _unwrapped(reply).splitlines())
    return clean_question(bare)


def _unwrapped(reply: str) -> str:
    return _WRAPPER.sub("\n", reply)


def _fault_of_kind(wish: Wish, question: str) -> str:
    if not all(contains(question, part) for part in wish.must):
        return "leaves out what it must name"
    if any(contains(question, part) for part in wish.never):
        return "names what it may not"
    if repeats(question, wish.unlike, likeness=wish.likeness):
        return "says the same again"
    return ""


def repeats(question: str, known: Sequence[str], *, likeness: float = 0.7) -> bool:
    """Return whether a question is too much like one of those known.

    Self-Instruct (Wang et al. 2023, section 2.2) adds a task to its pool only if its ROUGE-L with
    every task there is below 0.7.
    """
    return any(rouge_l(question, other) >= likeness for other in known)
