"""The model's own review of what it got wrong: one claim per failure.

A claim is about the item it was asked about, so it carries that item's id whatever it says. What is
empty, merely repeats what was laid before the model or speaks of the prompt's examples is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.agent.asking import Asker
from ingrained.agent.prompts import Messages, load
from ingrained.agent.recalling import shown

from .cases import Failure
from .checking import borrows, copies, first_sentence

PHASE = "review"
PROMPT = "what_went_wrong"
TOKENS = 56
MOST = 12
"""Failures reviewed."""
NO_NOTES = "none"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the model says about one failure."""

    item: str
    """Id of the failure."""
    topic: str
    text: str


def review(
    asker: Asker, failures: Sequence[Failure], *, most: int = MOST, phase: str = PHASE
) -> list[Claim]:
    """Review failures, the first ones up to a number.

    Args:
        asker: The model.
        failures: The most important ones first.
        most: How many are asked about.
        phase: Where the cost is booked.
    """
    chosen = failures[:most]
    prompts = [_claim_prompt(one) for one in chosen]
    replies = asker.ask(prompts, phase=phase, max_tokens=TOKENS)
    return [
        Claim(item=one.id, topic=one.topic, text=text)
        for one, text in zip(chosen, map(first_sentence, replies), strict=True)
        if not copies(text, PROMPT, _laid_before(one))
        and not borrows(text, PROMPT, _laid_before(one))
    ]


def _claim_prompt(failure: Failure) -> Messages:
    return load(PROMPT).render(
        question=failure.question,
        reply=shown("", failure.reply),
        answer=failure.answer,
        notes=shown("", " ".join(failure.recalled)) or NO_NOTES,
    )


def _laid_before(failure: Failure) -> list[str]:
    return [failure.question, failure.reply, failure.answer, *failure.recalled]
