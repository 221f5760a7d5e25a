"""An adapter's trial: what is answered without it and with it, for the gate to weigh.

The untouched model is what an adapter is compared with. It is asked the everyday questions once, and
the adapter only those of them that it answers; the adapter in use sits the sealed quiz alone, to see
what of it the new one would lose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.answering import closed_book
from ingrained.agent.grading import abstained, words
from ingrained.agent.quizzing import answered
from ingrained.graphs.context import StudyContext
from ingrained.graphs.nodes.common import ANSWER_TOKENS
from ingrained.graphs.nodes.sealed import Sat, sealed_items, share, sit
from ingrained.trainer.gate import Count, GateLimits, Scores
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.probes import Control, controls
from ingrained.trainer.strength import largest

_PHASE = "trial"
_TINY = 1e-9
_NOISE = 2
"""Questions that may be won or lost by chance, whatever share they are."""
_HALVINGS = 3
"""Of the strength of an adapter that costs too many everyday questions: it is found to an eighth."""
_NOISE_SHARE = 5
"""One in so many at most counts as chance: of fewer questions none does."""

Item = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a trial asks, the same of all."""

    items: Sequence[Item]
    """Sealed, and answered by the documents."""
    declining: Sequence[Item]
    """Sealed, and to be declined."""
    known: Collection[str] | None
    """Ids of the sealed questions that the adapter in use answers alone; None if none is."""


@dataclass(frozen=True, kw_only=True)
class Bearable:
    """How strong an adapter may be, by what it costs of everyday questions."""

    strength: float
    kept: Count
    """Answered at this strength, of those that the base answers."""


def scores(context: StudyContext, made: Manifest, everyday: Count) -> tuple[Scores, Scores]:
    """Return what is answered without an adapter, and with one that is loaded.

    Args:
        context: The run.
        made: The adapter's.
        everyday: What it answers of the everyday questions that the base answers.
    """
    items = sealed_items(context)
    asked = _Asked(
        items=items,
        declining=sealed_items(context, told=False),
        known=_known(context, items, made),
    )
    before = _before(context, asked, Count(n=everyday.of, of=everyday.of))
    return before, _after(context, asked, made.version, everyday)


def bearable(context: StudyContext, version: str) -> Bearable:
    """Return the largest strength at which an adapter alone costs no more everyday questions than may be.

    It is 1 for one that costs too many at any strength: the gate will say so.

    Args:
        context: The run.
        version: The adapter's, which is loaded at the last strength that was tried.
    """
    asked = _answering(context, controls())
    allowed = _controls_drop(len(asked)) * len(asked)
    kept: dict[float, int] = {}

    def bears(strength: float) -> bool:
        context.asker.load_adapter(version, context.registry.path(version), strength=strength)
        kept[strength] = len(_answering(context, asked, version))
        return len(asked) - kept[strength] <= allowed + _TINY

    strength = 1.0 if bears(1.0) else largest(bears, _HALVINGS) or 1.0
    return Bearable(strength=strength, kept=Count(n=kept[strength], of=len(asked)))


def limits(before: Scores, recipe: Mapping[str, Any]) -> GateLimits:
    """Return the gate for a trial of this size.

    Two questions are within its noise, one of fewer than ten, none of fewer than five: so many may be
    lost where the usual share is less, and a gain of no more is none. The drift is limited as the
    adapter's recipe has it.

    Args:
        before: Tells how many questions of each sort were asked.
        recipe: The adapter's.
    """
    usual = GateLimits()
    return GateLimits(
        closed_gain=_noise(before.n),
        memory_drop=_drop(usual.memory_drop, before.n),
        abstention_drop=_drop(usual.abstention_drop, before.unanswerable),
        controls_drop=_controls_drop(before.controls.of if before.controls else 0),
        known_drop=_drop(usual.known_drop, before.known.of if before.known else 0),
        drift=recipe.get("max_drift"),
    )


def _controls_drop(questions: int) -> float:
    return _drop(GateLimits().controls_drop, questions)


def _drop(usual: float, questions: int) -> float:
    return max(usual, _noise(questions))


def _noise(questions: int) -> float:
    """Return the share of so many questions that may be chance."""
    return min(_NOISE, questions // _NOISE_SHARE) / questions if questions else 0.0


def _before(context: StudyContext, asked: _Asked, everyday: Count) -> Scores:
    """Return the scores of the untouched model as it is now.

    What `attempt` noted of a question when it was studied may be another model's.
    """
    alone = sit(context, asked.items, "base", phase=_PHASE)
    return _scores(
        asked,
        alone=alone,
        beside=sit(context, asked.items, "memory", phase=_PHASE),
        declining=sit(context, asked.declining, "memory", phase=_PHASE),
        everyday=everyday,
    )


def _after(context: StudyContext, asked: _Asked, version: str, everyday: Count) -> Scores:
    alone = sit(context, asked.items, "adapter", phase=_PHASE, adapter=version)
    return _scores(
        asked,
        alone=alone,
        beside=sit(context, asked.items, "both", phase=_PHASE, adapter=version),
        declining=sit(context, asked.declining, "both", phase=_PHASE, adapter=version),
        everyday=everyday,
    )


def _scores(
    asked: _Asked,
    *,
    alone: Sequence[Sat],
    beside: Sequence[Sat],
    declining: Sequence[Sat],
    everyday: Count,
) -> Scores:
    """Put scores together.

    Args:
        asked: The questions.
        alone: How the sealed ones were sat alone.
        beside: How they were sat with recalled notes in view.
        declining: The same of those to be declined.
        everyday: Those answered, of those that the base answers.
    """
    passed = _passed(alone)
    return Scores(
        closed=share(alone),
        memory=share(beside),
        abstention=share(declining) if declining else None,
        n=len(asked.items),
        unanswerable=len(declining),
        distinct=_distinct(alone),
        controls=everyday,
        known=None if asked.known is None else _count(asked.known, passed),
        kinds=_by_kind(asked.items, passed),
    )


def _passed(sat: Sequence[Sat]) -> set[str]:
    return {one.item["id"] for one in sat if one.passed}


def _count(ids: Collection[str], passed: Collection[str]) -> Count:
    return Count(n=sum(id_ in passed for id_ in ids), of=len(ids))


def _by_kind(items: Sequence[Item], passed: Collection[str]) -> dict[str, Count]:
    kinds: dict[str, list[str]] = {}
    for item in items:
        kinds.setdefault(str(item.get("kind", "")), []).append(item["id"])
    return {kind: _count(kinds[kind], passed) for kind in sorted(kinds)}


def _distinct(sat: Sequence[Sat]) -> Count:
    """Return how many different things were said, of how many that would have been right."""
    told = [one for one in sat if not abstained(one.reply)]
    said = {tuple(words(one.reply)) for one in told}
    wanted = {tuple(words(one.item["answer"])) for one in told}
    return Count(n=len(said), of=len(wanted))


def _answering(
    context: StudyContext, asked: Sequence[Control], adapter: str | None = None
) -> list[Control]:
    """Return the everyday questions that are answered from the weights alone."""
    replies = context.asker.ask(
        [closed_book(one.question) for one in asked], phase=_PHASE, max_tokens=ANSWER_TOKENS,
        adapter=adapter,
    )  # fmt: skip
    return [
        one
        for one, reply in zip(asked, replies, strict=True)
        if any(answered(one.question, reply, answer) for answer in one.answers)
    ]


def _known(context: StudyContext, items: Sequence[Item], made: Manifest) -> set[str] | None:
    """Return the sealed questions that the adapter in use answers alone and that stand still.

    A stale one is to be got rid of, whatever it knows. Where a memory that it was trained on was let
    go of since, the new adapter is not to know it either.
    """
    active = context.registry.active()
    if active is None or active == made.version or context.registry.show(active).stale:
        return None
    parent = context.registry.show(active)
    still = _untouched(context, items, set(parent.memory_ids) - set(made.memory_ids))
    return _passed(sit(context, still, "adapter", phase=_PHASE, adapter=active))


def _untouched(
    context: StudyContext, items: Sequence[Item], gone: Collection[str]
) -> Sequence[Item]:
    """Return the questions about passages that no memory of these rests on."""
    memories = context.store.list(namespace=context.namespace, status=None) if gone else []
    quotes = [span.quote for one in memories if one.id in gone for span in one.spans]
    wanted = [id_ for item in items for id_ in item["passages"]]
    texts = {one.id: one.text for one in context.library.passages(wanted)} if quotes else {}
    return [
        item
        for item in items
        if not any(quote in texts.get(id_, "") for id_ in item["passages"] for quote in quotes)
    ]
