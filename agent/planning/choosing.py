"""Planning by the model: it is shown a numbered table and chooses by number.

Titles stand in the table as data, each on its line; whatever they say, the reply is a number of
the table or it is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingrained.agent.prompts import load

from .acceptance import Acceptance
from .scores import Score, Standing, Topic

if TYPE_CHECKING:
    from ingrained.agent.asking import Asker

LONGEST_TABLE = 9
"""Rows, the weakest: each number is one digit, so that likelihoods can be compared."""
MOST_CHOSEN = 3
_NAME_CHARACTERS = 80
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the model chose; nothing chosen leaves everything open."""

    ids: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    """Rows of the table, from 1, in the order in which they were chosen."""
    rows: int = 0
    """Length of the table; 0 if the model was not asked."""
    prompt: str = ""
    """SHA-256 of the prompt's file."""

    def allows(self, id: str) -> bool:
        """Return whether the choice leaves something in."""
        return not self.ids or id in self.ids

    def said(self, what: str) -> str:
        """Return what is to be said of the choice, with the separator before it."""
        if not self.rows:
            return ""
        if not self.ids:
            return f"; the model's choice of {what} could not be read, the scores decide"
        numbers = ", ".join(str(number) for number in self.numbers)
        return f"; {what} chosen by the model: {numbers} of {self.rows} (prompt {self.prompt[:12]})"


def choose_topics(asker: Asker | None, parts: Sequence[Topic], found: Standing) -> Choice:
    """Let the model choose among topics; nothing is chosen where there is no choice.

    Args:
        asker: The model; without one nothing is chosen.
        parts: Topics with something left to learn.
        found: How they stand.
    """
    weakest = sorted(parts, key=lambda part: -found.topics[part.id].error_mass)
    rows = {
        part.id: f"{_in_one_line(part.name)}: {_answered(found.topics[part.id])}"
        for part in weakest
    }
    return _chosen(asker, "plan_topic", rows)


def choose_kinds(
    asker: Asker | None,
    kinds: Sequence[str],
    found: Standing,
    acceptance: Mapping[str, Acceptance],
) -> Choice:
    """Let the model choose among kinds of questions; nothing is chosen where there is no choice."""
    fresh = Acceptance(asked=0, usable=0, accepted=0)
    unasked = Score(passed=0, asked=0, mean=found.corpus.mean)
    rows = {
        kind: f"{kind}: {(works := acceptance.get(kind, fresh)).accepted} of {works.asked} "
        f"accepted, {_answered(found.kinds.get(kind, unasked))}"
        for kind in kinds
    }
    return _chosen(asker, "plan_kind", rows)


def _answered(score: Score) -> str:
    return f"{score.passed} of {score.asked} questions answered"


def _in_one_line(name: str) -> str:
    return " ".join(name.split())[:_NAME_CHARACTERS]


def _chosen(asker: Asker | None, prompt: str, rows: Mapping[str, str]) -> Choice:
    table = dict(enumerate(list(rows)[:LONGEST_TABLE], 1))
    if asker is None or len(table) < 2:
        return Choice()
    numbers: list[int] = []
    for _ in range(min(MOST_CHOSEN, (len(table) + 1) // 2)):
        left = {number: rows[id_] for number, id_ in table.items() if number not in numbers}
        number = _pick(asker, prompt, left)
        if number is None:
            break
        numbers.append(number)
    return Choice(
        ids=tuple(table[number] for number in numbers),
        numbers=tuple(numbers),
        rows=len(table),
        prompt=load(prompt).sha256,
    )


def _pick(asker: Asker, prompt: str, left: Mapping[int, str]) -> int | None:
    """Return the number the model names, the likeliest where it tells; None if it names none."""
    table = "\n".join(f"{number}. {row}" for number, row in left.items())
    messages = load(prompt).render(table=table)
    reply = asker.choose(messages, [str(number) for number in left], phase="plan")
    if reply is None:
        (reply,) = asker.ask([messages], phase="plan", max_tokens=8)
    named = _NUMBER.search(reply)
    return int(named[0]) if named and int(named[0]) in left else None
