"""Reflexion (Shinn et al. 2023, algorithm 1): after a failure, one sentence of advice for next time.

Only an evaluator's verdict triggers it. The advice lies before the model when it tries again, so it
must not hold the answer, nor enough of the source to read it off; what does is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingrained.agent.answering import ClosedBook
from ingrained.agent.asking import Asker
from ingrained.agent.planning.gradebook import REFLECTIONS_KEPT
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import answered
from ingrained.agent.recalling import shown

from .cases import Failure
from .checking import copies, first_sentence, gives_away, invents

PHASE = "reflexion"
TOKENS = 48


def reflect(
    asker: Asker,
    failures: Sequence[Failure],
    *,
    phase: str = PHASE,
    temperature: float = 0.0,
    seed: int = 0,
) -> dict[str, str]:
    """Return question id → advice; questions without usable advice are left out.

    Args:
        asker: The model.
        failures: What the evaluator found wrong. One whose reply is right after all is not asked
            about.
        phase: Where the cost is booked.
        temperature: 0 is greedy; sample when a question has failed before.
        seed: Of the samples.
    """
    failed = [one for one in failures if not answered(one.question, one.reply, one.answer)]
    replies = asker.ask(
        [reflection_prompt(one) for one in failed],
        phase=phase, max_tokens=TOKENS, temperature=temperature, seed=seed,
    )  # fmt: skip
    pairs = zip(failed, map(first_sentence, replies), strict=True)
    return {one.id: advice for one, advice in pairs if usable(advice, one)}


def reflection_prompt(failure: Failure) -> Messages:
    """Ask what to do better; the evidence is in view, the answer is not marked in it."""
    return load("reflect_on_failure").render(
        question=failure.question,
        reply=shown("", failure.reply),
        evidence=shown("", failure.evidence),
    )


def usable(advice: str, failure: Failure) -> bool:
    """Return whether advice says something and gives neither answer nor source away."""
    told = [failure.question, failure.reply, failure.evidence]
    if copies(advice, "reflect_on_failure", told) or invents(advice, told, opening=False):
        return False
    if gives_away(advice, failure.answer, failure.question):
        return False
    return not (failure.evidence and ClosedBook([failure.evidence]).leaks(advice))


def with_reflections(prompt: Messages, reflections: Sequence[str]) -> Messages:
    """Lay the advice of earlier tries below the last turn of a prompt; without any, leave it."""
    if not reflections:
        return prompt
    *before, (role, content) = prompt
    advice = "\n".join(f"- {shown('', one)}" for one in reflections[-REFLECTIONS_KEPT:])
    ((_, text),) = load("with_advice").render(prompt=content, advice=advice)
    return (*before, (role, text))
