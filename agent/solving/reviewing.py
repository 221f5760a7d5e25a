"""The model's own review of what it got wrong: one claim per failure, one sentence per topic.

A claim is about the item it was asked about, so it carries that item's id whatever it says. What is
empty or merely repeats what was laid before the model is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingrained.agent.asking import Asker
from ingrained.agent.prompts import Messages, load
from ingrained.agent.recalling import shown

from .cases import Failure
from .checking import copies, first_sentence

PHASE = "review"
TOKENS = 56
MOST = 12
"""Failures reviewed."""
MOST_CLAIMS = 6
"""Claims of a topic that its over-all sentence is made from."""
NO_NOTES = "none"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the model says about one failure."""

    item: str
    """Id of the failure."""
    topic: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Review:
    """What the model says about its failures."""

    claims: tuple[Claim, ...]
    topics: Mapping[str, str]
    """Topic → one sentence about all of its claims."""


def review(
    asker: Asker, failures: Sequence[Failure], *, most: int = MOST, phase: str = PHASE
) -> Review:
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
    claims = [
        Claim(item=one.id, topic=one.topic, text=text)
        for one, text in zip(chosen, map(first_sentence, replies), strict=True)
        if not copies(text, "what_went_wrong", _laid_before(one))
    ]
    return Review(claims=tuple(claims), topics=_over_all(asker, claims, phase))


def _claim_prompt(failure: Failure) -> Messages:
    return load("what_went_wrong").render(
        question=failure.question,
        reply=shown("", failure.reply),
        answer=failure.answer,
        notes=shown("", " ".join(failure.recalled)) or NO_NOTES,
    )


def _laid_before(failure: Failure) -> list[str]:
    return [failure.question, failure.reply, failure.answer, *failure.recalled]


def _over_all(asker: Asker, claims: Sequence[Claim], phase: str) -> dict[str, str]:
    """Return a sentence for each topic with several claims that is not just one of them."""
    by_topic: dict[str, list[str]] = {}
    for claim in claims:
        by_topic.setdefault(claim.topic, []).append(claim.text)
    several = {topic: texts[:MOST_CLAIMS] for topic, texts in by_topic.items() if len(texts) > 1}
    prompts = [
        load("mistakes_in_common").render(
            topic=topic, claims="\n".join(f"- {text}" for text in texts)
        )
        for topic, texts in several.items()
    ]
    replies = asker.ask(prompts, phase=phase, max_tokens=TOKENS)
    return {
        topic: text
        for (topic, texts), text in zip(several.items(), map(first_sentence, replies), strict=True)
        if not copies(text, "mistakes_in_common", texts)
    }
