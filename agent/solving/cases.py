"""What is solved, and what went wrong: plain records that the modules of this package share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question and the passage it is to be answered from; the right answer is not part of it."""

    passage: str
    question: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A question that an evaluator found answered wrongly."""

    id: str
    question: str
    reply: str
    """What the model said."""
    answer: str
    """What is right."""
    topic: str = ""
    evidence: str = ""
    """The stretch of the source that the answer stands in."""
    recalled: tuple[str, ...] = ()
    """The notes that lay before the model, if any."""
