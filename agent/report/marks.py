"""An exam's replies question by question, each with its mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Mark = Literal["right", "wrong", "declined"]


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A reply and what it was worth."""

    reply: str
    mark: Mark


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question of an exam with the replies of all cells."""

    topic: str
    question: str
    answers: tuple[str, ...]
    """Empty: declining is right."""
    replies: dict[str, Marked] = field(default_factory=dict)
    """By cell."""

    def count(self, mark: Mark) -> int:
        """Return in how many cells the reply got this mark."""
        return sum(reply.mark == mark for reply in self.replies.values())


def by_question(rows: Iterable[Mapping[str, Any]]) -> list[Asked]:
    """Gather an exam's rows by question; those that the fewest cells answered rightly first."""
    asked: dict[str, Asked] = {}
    for row in rows:
        question = asked.setdefault(
            row["id"],
            Asked(topic=row["topic"], question=row["question"], answers=tuple(row["answers"])),
        )
        question.replies[row["cell"]] = Marked(reply=row["reply"], mark=_mark(row))
    return sorted(asked.values(), key=lambda one: (one.count("right"), -one.count("wrong")))


def _mark(row: Mapping[str, Any]) -> Mark:
    if not row["answers"]:
        return "right" if row["abstained"] else "wrong"
    if row["contained"]:
        return "right"
    return "declined" if row["abstained"] else "wrong"
