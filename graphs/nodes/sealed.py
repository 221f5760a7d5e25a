"""Sitting the agent's own questions in a cell: sealed ones to examine it, others for practice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.answering import with_memory
from ingrained.agent.grading import f1
from ingrained.agent.grounding import ask_in
from ingrained.agent.planning import Sitting
from ingrained.agent.recalling import Excerpt
from ingrained.agent.tasks.drafts import knows
from ingrained.agent.tasks.kinds import UNANSWERABLE
from ingrained.graphs.context import StudyContext

from .common import ANSWER_TOKENS

RECALLING = ("memory", "both")


@dataclass(frozen=True, kw_only=True)
class Sat:
    """A question, and what a cell made of it."""

    item: dict[str, Any]
    reply: str
    passed: bool
    notes: tuple[str, ...] = ()
    """What was laid before the model."""
    memories: tuple[str, ...] = ()
    """Ids of the memories that brought it there."""

    @property
    def sitting(self) -> Sitting:
        """As the gradebook keeps it."""
        return Sitting(
            question=self.item["id"], passed=self.passed, f1=f1(self.reply, self.item["answer"])
        )


def sealed_items(context: StudyContext, *, told: bool = True) -> list[dict[str, Any]]:
    """Return the sealed questions of this examination, spread over the corpus by their hash.

    Args:
        context: The run.
        told: Those that the documents answer. The others are sat apart: what is trained to answer
            shall not be judged by how often it declines.
    """
    items = context.library.questions(sealed=True)
    wanted = [one for one in items if (one.get("kind") != UNANSWERABLE) is told]
    return wanted[: context.policy.exam_items]


def sit(
    context: StudyContext,
    items: Sequence[dict[str, Any]],
    cell: str,
    *,
    phase: str,
    adapter: str | None = None,
) -> list[Sat]:
    """Answer questions in a cell.

    Args:
        context: The run.
        items: Questions of the agent's own.
        cell: `base`, `memory`, `adapter` or `both`.
        phase: Where the cost is booked.
        adapter: The adapter to try; the promoted one when omitted.
    """
    questions = [item["question"] for item in items]
    found: list[list[Excerpt]] = [[] for _ in items]
    if cell in RECALLING:
        found = context.recaller(phase=phase).recall(questions)
    notes = [[one.text for one in excerpts] for excerpts in found]
    replies = ask_in(
        cell,
        context.asker,
        [with_memory(n, q) for n, q in zip(notes, questions, strict=True)],
        notes,
        adapter=adapter or context.registry.active(),
        phase=phase,
        max_tokens=ANSWER_TOKENS,
    )
    return [
        Sat(
            item=item, reply=reply, passed=knows(item, reply), notes=tuple(note),
            memories=tuple(one.memory.id for excerpt in excerpts for one in excerpt.memories),
        )
        for item, reply, note, excerpts in zip(items, replies, notes, found, strict=True)
    ]  # fmt: skip


def share(passed: Sequence[Sat | bool]) -> float:
    """Return the share of what was passed; 0 of nothing is 0."""
    good = [one.passed if isinstance(one, Sat) else one for one in passed]
    return sum(good) / len(good) if good else 0.0
