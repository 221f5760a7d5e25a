"""STaR (Zelikman et al. 2022, section 3): reasons that end in the right answer, for training.

`reason` asks for a reason and keeps those that end in the right answer. For what failed,
`rationalise` gives the answer as a hint and asks again. As in the paper the one criterion is that
the answer is right, and what is saved is as if the hint had never been there: it is made from the
prompt of `reason`, and `HintFree` refuses it if the hint, or talk of it, is in it. Reasons with
names or numbers from nowhere are dropped as well: a right answer does not make a reason right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.agent.asking import Asker
from ingrained.agent.grading import contains, words
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import answered

from .cases import Case
from .checking import copies, invents

PHASE = "rationalise"
TOKENS = 72
LEAST_WORDS = 3
"""Of a reason beside its answer."""

_CONCLUDES = re.compile(r"\b(?:so )?the answer is:?\s*(.+?)\W*$", re.IGNORECASE | re.DOTALL)


def hint(answer: str) -> str:
    """Return the block of the prompt that gives the answer away."""
    return f"Hint: the right answer is {answer}."


class HintFree:
    """Refuses texts that hold a hint, or speak of one.

    The answer alone is no leak: a reason has to end in it.

    Args:
        answer: What the hint gave away.
        allowed: Texts that may themselves speak of hints: the passage and the question.
    """

    def __init__(self, answer: str, allowed: Sequence[str] = ()) -> None:
        self._blocks = [hint(answer), hint("")]
        self._speaks = not any("hint" in words(text) for text in allowed)

    def leaks(self, text: str) -> bool:
        """Return whether the hint stands in `text`, or the word itself where nothing excuses it."""
        whole = any(contains(text, block) for block in self._blocks)
        return whole or (self._speaks and "hint" in words(text))

    def check(self, messages: Messages, reply: str) -> tuple[Messages, str]:
        """Return both unchanged.

        Raises:
            AssertionError: one of them leaks; what is trained on it learns to wait for hints.
        """
        for text in (*(content for _, content in messages), reply):
            if self.leaks(text):
                raise AssertionError(f"what was to be saved holds a hint: {text!r}")
        return messages, reply


@dataclass(frozen=True, kw_only=True)
class Rationale:
    """A reason that ends in the right answer."""

    case: Case
    text: str
    """One sentence; its last words are the answer."""
    answer: str
    hinted: bool
    """Whether it took the hint."""

    @property
    def saved(self) -> tuple[Messages, str]:
        """The prompt and the reply to train on, without a hint.

        Raises:
            AssertionError: a hint is in it.
        """
        return _guard(self.case, self.answer).check(reason_prompt(self.case), self.text)


def reason(
    asker: Asker, cases: Sequence[Case], answers: Sequence[str], *, phase: str = PHASE
) -> list[Rationale | None]:
    """Ask for a reason without any hint; None where it does not end in the right answer.

    Args:
        asker: The model.
        cases: Questions with their passages.
        answers: The right ones, for the check only.
        phase: Where the cost is booked.
    """
    replies = asker.ask([reason_prompt(case) for case in cases], phase=phase, max_tokens=TOKENS)
    rows = zip(cases, answers, replies, strict=True)
    return [_kept(case, answer, reply, hinted=False) for case, answer, reply in rows]


def rationalise(
    asker: Asker, cases: Sequence[Case], answers: Sequence[str], *, phase: str = PHASE
) -> list[Rationale | None]:
    """Ask for a reason with the right answer as a hint; None where nothing is worth keeping.

    Args:
        asker: The model.
        cases: Questions that were answered wrongly with the passage in view.
        answers: The right ones.
        phase: Where the cost is booked.
    """
    prompts = [_hinted_prompt(case, answer) for case, answer in zip(cases, answers, strict=True)]
    replies = asker.ask(prompts, phase=phase, max_tokens=TOKENS)
    rows = zip(cases, answers, replies, strict=True)
    return [_kept(case, answer, reply, hinted=True) for case, answer, reply in rows]


def reason_prompt(case: Case) -> Messages:
    """Ask for one sentence of reasoning that ends in the answer: a function of the case alone."""
    return load("reason").render(passage=case.passage, question=case.question)


def conclusion(text: str) -> str:
    """Return what a reason gives as its answer; empty when it gives none."""
    found = _CONCLUDES.search(text)
    return found[1].strip() if found else ""


def _hinted_prompt(case: Case, answer: str) -> Messages:
    return load("rationalise").render(
        passage=case.passage, question=case.question, hint=hint(answer)
    )


def _guard(case: Case, answer: str) -> HintFree:
    return HintFree(answer, [case.passage, case.question])


def _kept(case: Case, answer: str, reply: str, *, hinted: bool) -> Rationale | None:
    text = next((" ".join(line.split()) for line in reply.splitlines() if line.strip()), "")
    because = _CONCLUDES.sub("", text)
    guard = _guard(case, answer)
    if not answered(case.question, conclusion(text), answer) or len(words(because)) < LEAST_WORDS:
        return None
    told = [case.passage, case.question, answer]
    if invents(because, told, opening=False) or copies(text, "reason", ()):
        return None
    if any(guard.leaks(part) for part in (text, *(turn for _, turn in reason_prompt(case)))):
        return None
    return Rationale(case=case, text=text, answer=answer, hinted=hinted)
