"""STaR (Zelikman et al. 2022, arXiv 2203.14465, section 3): reasons that end in the right answer.

Each round asks for a reason with the text in view and keeps those that end in the right answer;
what failed is asked again with the answer as a hint, which is in nothing that is saved
(`solving.rationalising`). Every round trains from the base on all reasons so far. The reasons are
trained with nothing in view, beside the answers: that is how the agent will be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingrained.agent.prompts import Messages, load
from ingrained.agent.solving import Case, Rationale, rationalise, reason
from ingrained.trainer.rows import StudyRow

from .lesson import PHASE, Learned, Lesson, Problem

ROUNDS = 2

Reasons = Mapping[int, Rationale]
"""Number of the problem → why its answer is right."""


def learn(lesson: Lesson) -> Learned:
    """Train by rounds, as long as more problems get a reason."""
    problems = lesson.problems()
    stage: str | None = None
    reasons: Reasons = {}
    for number in range(1, ROUNDS + 1):
        found = _reasons(lesson, problems, stage)
        if stage is not None and not found.keys() - reasons.keys():
            break
        reasons = {**reasons, **found}
        rows = [reason_row(problems[n], one) for n, one in sorted(reasons.items())]
        facts = {
            "reasons": len(reasons),
            "hinted": sum(one.hinted for one in reasons.values()),
            "without": len(problems) - len(reasons),
        }
        stage = lesson.stage(f"round-{number}", [*lesson.questions, *rows], facts=facts)
    assert stage is not None
    return lesson.finish(stage)


def reason_row(problem: Problem, rationale: Rationale) -> StudyRow:
    """Return the row that teaches to say why, with nothing in view.

    Raises:
        AssertionError: a hint is in it.
    """
    _, text = rationale.saved
    return StudyRow(
        messages=reason_alone(problem.question), answer=text, memory_ids=problem.memory_ids
    )


def reason_alone(question: str) -> Messages:
    """Ask for a reason that ends in the answer, from what the weights know."""
    return load("reason_alone").render(question=question)


def _reasons(lesson: Lesson, problems: Sequence[Problem], stage: str | None) -> Reasons:
    """Return the reasons that a stage gives, by itself or with a hint."""
    asker = lesson.context.asker.through(lesson.asked_by(stage))
    cases = [Case(passage=one.text, question=one.question) for one in problems]
    own = reason(asker, cases, [one.answer for one in problems], phase=PHASE)
    found = {number: one for number, one in enumerate(own) if one}
    failed = [number for number in range(len(problems)) if number not in found]
    hinted = rationalise(
        asker, [cases[n] for n in failed], [problems[n].answer for n in failed], phase=PHASE
    )
    return found | {number: one for number, one in zip(failed, hinted, strict=True) if one}
