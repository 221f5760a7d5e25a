"""More than one call for one answer: replies that vote, and feedback of the model on its own reply.

Votes are Self-Consistency (Wang et al. 2023, section 2), counted as a study counts them. Refining is
what SELF does at inference (Lu et al. 2023, arXiv 2310.00533): reply, feedback, a better reply where the
feedback asks for one, in the prompts that the training method `self` trains. Those have a
text in view. Where nothing was recalled the reply stands: with nothing to check them against, models
can make their answers worse (Huang et al. 2023, arXiv 2310.01798).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ingrained.errors import SettingsError

from .answering import REPLY_TOKENS, numbered
from .asking import Asker
from .citing import CitationCheck, without_citations
from .grading import abstained, contains, words
from .grounding import ask_in
from .prompts import Messages
from .recalling import shown
from .solving.cases import Case
from .solving.checking import examples, invents
from .solving.crafts import ADDS, COPIED, EMPTY, answers, without_label
from .solving.refining import Craft, Ended, self_refine
from .solving.voting import TEMPERATURE, vote

Step = Literal["vote", "refine"]
"""What takes its time before a reply is known."""

_PHASE = "ask"
_NUMBERS = range(100)
"""What may cite: see `citing`."""
_SEED = 0
"""Of the sampling: the same question gets the same votes. Each of them has draws of its own."""
_UNREFINED: dict[Ended, str] = {
    "satisfied": "the feedback found nothing to fix",
    "generic": "the feedback named no place and no fix",
    "unchanged": "the refined reply said the same",
    "faulty": "the refined reply was empty, declined, or named what no source says",
}
_DECLINES = "declines what had an answer"
_NOTHING_IN_VIEW = "nothing was recalled to check it against"


@dataclass(frozen=True, kw_only=True)
class Considered:
    """A reply, and how it came to be one; all but the reply are fields of `citing.Answer`."""

    reply: str
    votes: int = 1
    confidence: float | None = None
    refined: bool = False
    draft: str = ""
    feedback: str = ""
    unrefined: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """All but the reply, as plain data."""
        return {name: value for name, value in vars(self).items() if name != "reply"}


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """One question as it is put to the model."""

    asker: Asker
    cell: str
    adapter: str | None
    """Name of a loaded adapter, for `adapter` and `both`."""
    question: str
    prompt: Messages
    """The question with all that is laid before the model."""
    notes: Sequence[str]
    """What was recalled, as it stands in the prompt."""
    about: Sequence[str] = ()
    """What is known of the user; its numbers go on after the notes'."""
    told: Sequence[str] = ()
    """What the user said before, where that is in view as well."""
    said: Sequence[str] = ()
    """What the agent said before, where that is in view; it may have been made up."""

    def replies(self, count: int, *, temperature: float = 0.0) -> list[str]:
        """Return some replies to it; above a temperature of 0 each is sampled apart."""
        in_view = [*self.numbered, *self.told, *self.said] if self.notes else []
        return ask_in(
            self.cell, self.asker, [self.prompt] * count, [in_view] * count,
            adapter=self.adapter, phase=_PHASE, max_tokens=REPLY_TOKENS,
            temperature=temperature, seed=_SEED,
        )  # fmt: skip

    def bare(self, reply: str) -> str:
        """Return a reply without numbers of sources; where nothing was shown, brackets cite nothing."""
        return without_citations(reply, _NUMBERS) if self.numbered else reply

    def checked(self, reply: str) -> str:
        """Return a reply without numbers of sources that were not shown."""
        return CitationCheck(range(1, len(self.numbered) + 1)).whole(reply).strip()

    @property
    def numbered(self) -> list[str]:
        """All that has a number in the prompt, in the order of the numbers."""
        return [*self.notes, *self.about]


def check_votes(votes: int) -> int:
    """Return the number of votes, checked.

    Raises:
        SettingsError: there is none.
    """
    if votes < 1:
        raise SettingsError(
            f"votes must be at least 1, got {votes}",
            hint="1 asks once; with 5, say, five replies vote on the answer.",
        )
    return votes


def voted(inquiry: Inquiry, votes: int) -> Considered:
    """Return the reply that most of some replies agree on: one greedy, the others sampled.

    Declining is a vote as any other. In a tie the earliest reply wins, and the greedy one is first.
    Numbers of sources make no difference; the reply keeps its own.

    Args:
        inquiry: What is asked.
        votes: How many replies, 1 or more; the share that agrees is the confidence.
    """
    said = inquiry.replies(1)
    said += inquiry.replies(votes - 1, temperature=TEMPERATURE)
    bare = [inquiry.bare(one) for one in said]
    result = vote(bare, inquiry.question)
    worded = (one for one, without in zip(said, bare, strict=True) if without == result.answer)
    return Considered(reply=next(worded, result.answer), votes=votes, confidence=result.share)


def refined(inquiry: Inquiry, given: Considered, *, asked: str = "") -> Considered:
    """Let the model look over a reply to a question, and reply anew where its feedback asks for it.

    The notes are numbered as they were for the reply, which is shown with the numbers that it cites.
    A new reply is not taken if it copies an example of the prompt, or has a capitalised name or a number
    that stands neither in the notes nor in what the user said; or if it declines where the first one
    has none such. What a reply makes up in other words is not seen.

    Args:
        inquiry: What is asked.
        given: The reply.
        asked: The question as it is understood by itself, if the user's own is not.
    """
    if not inquiry.notes:
        return replace(given, unrefined=_NOTHING_IN_VIEW)
    adapter = inquiry.asker.adapter_in(inquiry.cell, inquiry.adapter, notes=True)
    draft = shown("", inquiry.checked(given.reply))
    question = shown("", asked or inquiry.question)
    case = Case(passage=numbered(inquiry.numbered), question=question)
    (work,) = self_refine(
        inquiry.asker.through(adapter), [case], _craft(inquiry, draft), drafts=[draft], tries=1,
        phase=_PHASE,
    )  # fmt: skip
    told = replace(given, feedback=work.feedback[0].text)
    same = words(inquiry.bare(work.text)) == words(inquiry.bare(draft))
    ended = work.ended or ("unchanged" if same else "")
    if ended:
        return replace(told, unrefined=_UNREFINED[ended])
    return replace(told, reply=work.text, refined=True, draft=draft)


def _craft(inquiry: Inquiry, first: str) -> Craft[Case]:
    """Return how replies are refined: as short answers are, but as long as a reply may be, all lines."""
    sources = [*inquiry.numbered, *inquiry.told, inquiry.question]
    answered = not abstained(first) and not _fault(inquiry.bare(first), sources)

    def fault(_case: Case, draft: str) -> str:
        if answered and abstained(draft):
            return _DECLINES
        return _fault(inquiry.bare(draft), sources)

    return replace(answers(), read=without_label, fault=fault, tokens=REPLY_TOKENS)


def _fault(draft: str, sources: Sequence[str]) -> str:
    if not words(draft):
        return EMPTY
    copied = any(words(draft) == words(one) for one in examples("refine_answer"))
    if copied and not any(contains(text, draft) for text in sources):
        return COPIED
    return ADDS if invents(draft, sources) else ""
