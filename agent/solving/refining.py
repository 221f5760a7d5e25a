"""Self-Refine (Madaan et al. 2023, section 2).

Three separate calls: a first draft, feedback on it, a better draft with the whole history in view.
Feedback has to name a place of the draft and a fix, since generic feedback loses most of the gain
(the paper's section 4). The critic ends the loop, never a right answer: none is handed in. What a craft checks
without a model (`Craft.fault`) has the last word on every draft.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from ingrained.agent.asking import Asker
from ingrained.agent.grading import contains, words
from ingrained.agent.prompts import Messages

PHASE = "self-refine"
TRIES = 2
FEEDBACK_TOKENS = 56
STOP_PHRASE = "Nothing to fix."

Item = TypeVar("Item")
Ended = Literal["", "satisfied", "generic", "faulty", "unchanged"]

_PART = re.compile(r"^\W*(place|fix)\s*:\s*(.*)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Craft(Generic[Item]):
    """How one kind of text is made, criticised and made better."""

    first: Callable[[Item], Messages]
    critic: Callable[[Item, str], Messages]
    """Item and draft → the prompt for feedback."""
    refine: Callable[[Item, str], Messages]
    """Item and history → the prompt for a better draft."""
    read: Callable[[str], str]
    """A reply → the draft in it."""
    fault: Callable[[Item, str], str]
    """Why a draft cannot be kept; empty if nothing speaks against it."""
    fallback: Callable[[Item], str]
    """What stands in for a first draft with a fault."""
    tokens: int
    """Longest draft."""


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What the critic said of a draft."""

    text: str
    place: str = ""
    """Words of the draft, quoted."""
    fix: str = ""
    satisfied: bool = False

    @property
    def specific(self) -> bool:
        """Whether it says where and what; otherwise it is generic."""
        return bool(self.place and self.fix)


@dataclass(frozen=True, kw_only=True)
class Refined:
    """The drafts of one item, and what was said of them."""

    drafts: tuple[str, ...]
    """First to last; all but the first one came from a refinement."""
    feedback: tuple[Feedback, ...] = ()
    ended: Ended = ""
    """Why it ended; empty when the tries were used up."""

    @property
    def text(self) -> str:
        """The last draft."""
        return self.drafts[-1]

    @property
    def history(self) -> str:
        """All drafts with their feedback, one line each, as `refine` shows it."""
        lines: list[str] = []
        for number, draft in enumerate(self.drafts):
            lines.append(f"Draft: {draft}")
            if number < len(self.feedback):
                lines.append(f"Feedback: {_one_line(self.feedback[number].text)}")
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class Flips:
    """What a correction did to answers, counted against the right ones."""

    right_to_wrong: int
    wrong_to_right: int
    same: int


def first_drafts(
    asker: Asker, items: Sequence[Item], craft: Craft[Item], *, phase: str = PHASE
) -> list[str]:
    """Return a greedy first draft per item, or the craft's fallback where it has a fault."""
    replies = asker.ask([craft.first(item) for item in items], phase=phase, max_tokens=craft.tokens)
    drafts = [craft.read(reply) for reply in replies]
    return [
        craft.fallback(item) if craft.fault(item, draft) else draft
        for item, draft in zip(items, drafts, strict=True)
    ]


def self_refine(
    asker: Asker,
    items: Sequence[Item],
    craft: Craft[Item],
    *,
    drafts: Sequence[str] | None = None,
    tries: int = TRIES,
    phase: str = PHASE,
) -> list[Refined]:
    """Draft, criticise and refine all items at once, until the critic is satisfied.

    Feedback that names no place and no fix ends an item too, and its draft stands.

    Args:
        asker: The model: one for all three roles.
        items: What the drafts are of.
        craft: How they are made.
        drafts: First drafts, if there are any already.
        tries: Most rounds of feedback and refinement.
        phase: Where the cost is booked.
    """
    begun = first_drafts(asker, items, craft, phase=phase) if drafts is None else drafts
    works = [Refined(drafts=(draft,)) for draft in begun]
    for _ in range(tries):
        _criticise(asker, items, craft, works, phase)
        _refine(asker, items, craft, works, phase)
    return works


def parse_feedback(reply: str, draft: str) -> Feedback:
    """Read `Place: …` and `Fix: …`; a place counts only if it is quoted from the draft."""
    if contains(reply, STOP_PHRASE):
        return Feedback(text=reply, satisfied=True)
    found = [match for line in reply.splitlines() if (match := _PART.match(line))]
    said = {match[1].lower(): match[2].strip(' *"“”') for match in reversed(found)}
    place, fix = said.get("place", ""), said.get("fix", "")
    if not contains(draft, place) or words(fix) == words(place):
        place = ""
    return Feedback(text=reply, place=place, fix=fix if words(fix) else "")


def flips(refined: Sequence[Refined], answers: Sequence[Sequence[str]]) -> Flips:
    """Compare first and last drafts with the right answers: for reports, after the fact.

    Args:
        refined: Answers before and after.
        answers: For each, the accepted ones; a draft is right if it contains one.
    """

    def right(draft: str, accepted: Sequence[str]) -> bool:
        return any(contains(draft, answer) for answer in accepted)

    pairs = [
        (right(one.drafts[0], accepted), right(one.text, accepted))
        for one, accepted in zip(refined, answers, strict=True)
    ]
    return Flips(
        right_to_wrong=pairs.count((True, False)),
        wrong_to_right=pairs.count((False, True)),
        same=sum(before == after for before, after in pairs),
    )


def _criticise(
    asker: Asker,
    items: Sequence[Item],
    craft: Craft[Item],
    works: list[Refined],
    phase: str,
) -> None:
    wanted = _open(works)
    prompts = [craft.critic(items[n], works[n].text) for n in wanted]
    replies = asker.ask(prompts, phase=phase, max_tokens=FEEDBACK_TOKENS)
    for n, reply in zip(wanted, replies, strict=True):
        said = parse_feedback(reply, works[n].text)
        ended: Ended = "satisfied" if said.satisfied else ""
        if not said.satisfied and not said.specific:
            ended = "generic"
        works[n] = replace(works[n], feedback=(*works[n].feedback, said), ended=ended)


def _refine(
    asker: Asker, items: Sequence[Item], craft: Craft[Item], works: list[Refined], phase: str
) -> None:
    wanted = _open(works)
    prompts = [craft.refine(items[n], works[n].history) for n in wanted]
    replies = asker.ask(prompts, phase=phase, max_tokens=craft.tokens)
    for n, reply in zip(wanted, replies, strict=True):
        works[n] = _with_draft(works[n], items[n], craft, reply)


def _with_draft(work: Refined, item: Item, craft: Craft[Item], reply: str) -> Refined:
    draft = craft.read(reply)
    if words(draft) == words(work.text):
        return replace(work, ended="unchanged")
    if craft.fault(item, draft):
        return replace(work, ended="faulty")
    return replace(work, drafts=(*work.drafts, draft))


def _open(works: Sequence[Refined]) -> list[int]:
    return [number for number, work in enumerate(works) if not work.ended]


def _one_line(text: str) -> str:
    return " ".join(text.split())
