"""Statements of what is remembered, as study rows: asked for, checked, and told of in the manifest.

What is asked of the model is sampled from the recipe's seed, so that the same memories come to the same rows. What
a killed run had asked is in the home's cache of replies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingrained.agent import stating
from ingrained.agent.prompts import Messages
from ingrained.agent.recalling import Source
from ingrained.agent.stating import Statement
from ingrained.graphs.context import StudyContext
from ingrained.memory.records import Memory
from ingrained.trainer.curriculum import text_row
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

PHASE = "consolidate"
TOKENS = 200
"""Of a reply with several statements."""
LINK_TOKENS = 64
WAY_TOKENS = 32
"""Of the name of a way to study."""
TEMPERATURE = 0.7

Replies = list[str]


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a recipe wants to be trained beside the quizzes' questions, and what became of it."""

    rows: tuple[StudyRow, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    """For the manifest, as `told_of` has it."""


@dataclass(frozen=True, kw_only=True)
class _Asking:
    context: StudyContext
    sources: Sequence[Source]
    seed: int

    def ask(self, prompts: Sequence[Messages], tokens: int) -> Replies:
        return self.context.asker.ask(
            prompts, phase=PHASE, max_tokens=tokens, temperature=TEMPERATURE, seed=self.seed
        )

    def listed(
        self, kind: str, sources: Sequence[Source], prompts: Sequence[Messages]
    ) -> list[Statement]:
        """Return each statement of the replies to prompts, one a source, checked against it."""
        return [
            stating.checked(kind, text, source)
            for source, reply in zip(sources, self.ask(prompts, TOKENS), strict=True)
            for text in stating.statements_in(reply)
        ]


def statement_rows(context: StudyContext, memories: Sequence[Memory], recipe: LoraRecipe) -> Beside:
    """Return the statements that a recipe wants of some memories, and what became of those it did not get.

    Only what a memory quotes of its passage is shown to the model and may be stated: a sentence that is in
    no memory could not be traced, nor purged from the adapter. What the memory withholds is neither
    shown nor stated.

    Args:
        context: The run.
        memories: Active ones.
        recipe: Says which kinds, how many and how much they weigh.
    """
    if not recipe.statements:
        return Beside()
    before = context.asker.meter.of(PHASE).tokens
    asking = _Asking(context=context, sources=remembered(context, memories), seed=recipe.seed)
    found = stating.select(
        [one for kind in recipe.statements for one in _KINDS[kind](asking)],
        sealed=[item["question"] for item in context.library.questions(sealed=True)],
        withholds=context.store.withholds,
        per_memory=recipe.statements_per_memory,
    )
    made = Counter(one.kind for one in found if not one.fault)
    told = told_of(
        {kind: made[kind] for kind in recipe.statements},
        [one.fault for one in found], context.asker.meter.of(PHASE).tokens - before,
    )  # fmt: skip
    return Beside(rows=_rows(found, recipe), told=told)


def remembered(context: StudyContext, memories: Sequence[Memory]) -> list[Source]:
    """Return what active memories quote of each passage, without those that hold what is withheld."""
    return context.recaller(phase=PHASE).sources(
        one for one in memories if one.status == "active" and not _withheld(context, one)
    )


def _withheld(context: StudyContext, memory: Memory) -> bool:
    return any(map(context.store.withholds, (memory.text, *(span.quote for span in memory.spans))))


def _rewrites(asking: _Asking) -> list[Statement]:
    each = [(source, style) for source in asking.sources for style in stating.STYLES]
    prompts = [stating.rewrite_prompt(source, style) for source, style in each]
    return asking.listed("rewrite", [source for source, _ in each], prompts)


def _implications(asking: _Asking) -> list[Statement]:
    prompts = [stating.implication_prompt(one.title, one.text) for one in asking.sources]
    return asking.listed("implication", asking.sources, prompts)


def _by_own_way(asking: _Asking) -> list[Statement]:
    """Ask how to study each source, then for what is noted down that way."""
    replies = asking.ask([stating.way_prompt(one) for one in asking.sources], WAY_TOKENS)
    ways = [stating.way_in(reply) for reply in replies]
    named = [(source, way) for source, way in zip(asking.sources, ways, strict=True) if way]
    prompts = [stating.strategy_prompt(source, way) for source, way in named]
    return asking.listed("strategy", [source for source, _ in named], prompts)


def _links(asking: _Asking) -> list[Statement]:
    memories = [memory for source in asking.sources for memory in source.memories]
    pairs = stating.neighbours(asking.sources, asking.context.store.vectors(memories))
    replies = asking.ask([stating.link_prompt(pair) for pair in pairs], LINK_TOKENS)
    return [stating.joined(reply, pair) for pair, reply in zip(pairs, replies, strict=True)]


_KINDS: Mapping[str, Callable[[_Asking], list[Statement]]] = {
    "rewrite": _rewrites,
    "implication": _implications,
    "link": _links,
    "strategy": _by_own_way,
}
"""One of each of `trainer.recipe.STATEMENT_KINDS`."""


def _rows(found: Sequence[Statement], recipe: LoraRecipe) -> tuple[StudyRow, ...]:
    return tuple(
        text_row(one.title, one.text, memory_ids=one.memories, weight=recipe.statement_weight)
        for one in found
        if not one.fault
    )


def told_of(made: Mapping[str, int], faults: Iterable[str], tokens: int) -> dict[str, Any]:
    """Return what a manifest tells of what was asked for.

    Args:
        made: Kind → how many are trained.
        faults: Of all that was asked for; empty for what is trained.
        tokens: What asking took.
    """
    rejected = Counter(filter(None, faults))
    return {"made": dict(made), "rejected": dict(sorted(rejected.items())), "tokens": tokens}
