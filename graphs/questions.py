"""Questions about everything that is remembered, as study rows: asked for, checked, and told of in the manifest.

They are for training only: no memory changes by them, and no exam has them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingrained.agent.answering import closed_book, open_book
from ingrained.agent.tasks.from_memories import Anew, fit, proved, read, wishes, within
from ingrained.graphs.context import StudyContext
from ingrained.graphs.nodes.common import ANSWER_TOKENS
from ingrained.graphs.statements import PHASE, Beside, remembered, told_of
from ingrained.memory.records import Memory
from ingrained.trainer.curriculum import wordings
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

QUESTION_TOKENS = 48
"""Of a reply with a question."""


def question_rows(context: StudyContext, memories: Sequence[Memory], recipe: LoraRecipe) -> Beside:
    """Return questions about every answer that memories hold, beside those of the quiz.

    A question is used only if the untouched model, with what is remembered of the passage in view, gives
    the answer it was made for. What the memory withholds is neither shown nor asked for.

    Args:
        context: The run.
        memories: Active ones.
        recipe: Says how many of each memory.
    """
    if not recipe.questions_per_memory:
        return Beside()
    before = context.asker.meter.of(PHASE).tokens
    wanted = [one for source in remembered(context, memories) for one in wishes(source)]
    found = fit(
        _read(context, wanted),
        known=[asked for one in memories for each in one.evidence for asked in wordings(each)],
        sealed=[item["question"] for item in context.library.questions(sealed=True)],
        withholds=context.store.withholds,
    )
    found = within(_proved(context, found), recipe.questions_per_memory)
    rows = _rows(found)
    told = told_of(
        {"asked anew": len(rows)}, [one.fault for one in found],
        context.asker.meter.of(PHASE).tokens - before,
    )  # fmt: skip
    return Beside(rows=rows, told=told)


def _read(context: StudyContext, wanted: Sequence[Anew]) -> list[Anew]:
    replies = context.asker.ask(
        [one.prompt for one in wanted], phase=PHASE, max_tokens=QUESTION_TOKENS
    )
    return [read(one, reply) for one, reply in zip(wanted, replies, strict=True)]


def _proved(context: StudyContext, found: Sequence[Anew]) -> list[Anew]:
    replies = iter(
        context.asker.ask(
            [open_book(one.source.text, one.question) for one in found if not one.fault],
            phase=PHASE, max_tokens=ANSWER_TOKENS,
        )
    )  # fmt: skip
    return [one if one.fault else proved(one, next(replies)) for one in found]


def _rows(found: Sequence[Anew]) -> tuple[StudyRow, ...]:
    return tuple(
        StudyRow(
            messages=closed_book(one.question), answer=one.answer, kind="qa",
            memory_ids=(one.memory,),
        )
        for one in found
        if not one.fault
    )  # fmt: skip
