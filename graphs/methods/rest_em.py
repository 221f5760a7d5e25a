"""ReST^EM (Singh et al. 2023, arXiv 2312.06585): sample, keep what a check lets pass, train again.

Each round samples several answers to every problem (E-step), keeps the different ones that give the
quiz's verified answer, at most so many of a problem, and trains from the base on them (M-step). The
samples of the first round are the base's with the text in view, as it knows nothing without; those
of a later round are answers of the last round's adapter with nothing in view. A problem without a
right one keeps those of the round before. The rounds end when the sealed questions are no longer
answered better; without any there is one round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingrained.agent.answering import closed_book, open_book
from ingrained.agent.grading import words
from ingrained.errors import TrainingError
from ingrained.trainer.rows import StudyRow

from .lesson import Learned, Lesson, Problem, answer_rows

ROUNDS = 3
SAMPLES = 8
"""Of each problem in a round."""
CAP = 4
"""Answers kept of a problem; its wordings take turns, so that no more are trained than there are."""
TEMPERATURE = 0.7

Kept = Mapping[int, tuple[str, ...]]
"""Number of the problem → its right answers, each in other words."""


def learn(lesson: Lesson) -> Learned:
    """Train by rounds and keep the best one."""
    problems = lesson.problems()
    best: str | None = None
    kept: Kept = {}
    for number in range(1, ROUNDS + 1):
        replies = _samples(lesson, problems, best, seed=lesson.recipe.seed + number)
        right = [
            [reply for reply in of_one if problem.solved(reply)]
            for problem, of_one in zip(problems, replies, strict=True)
        ]
        kept = {**kept, **{n: _distinct(good) for n, good in enumerate(right) if good}}
        if not kept:
            raise TrainingError(
                "None of the sampled answers is right, so there is nothing to train on.",
                hint="Train by --method supervised, which goes by the verified answers.",
            )
        stage = lesson.stage(f"round-{number}", _rows(problems, kept), facts=_facts(right, kept))
        if best is not None and not _better(lesson, stage, best):
            break
        best = stage
        if lesson.told(stage).sealed is None:
            break
    assert best is not None
    return lesson.finish(best)


def _better(lesson: Lesson, stage: str, than: str) -> bool:
    return (lesson.told(stage).sealed or 0.0) > (lesson.told(than).sealed or 0.0)


def _samples(
    lesson: Lesson, problems: Sequence[Problem], stage: str | None, *, seed: int
) -> list[list[str]]:
    prompts = [
        closed_book(one.question) if stage else open_book(one.text, one.question)
        for one in problems
        for _ in range(SAMPLES)
    ]
    replies = lesson.ask(prompts, stage=stage, temperature=TEMPERATURE, seed=seed)
    return [replies[at : at + SAMPLES] for at in range(0, len(replies), SAMPLES)]


def _distinct(replies: Sequence[str]) -> tuple[str, ...]:
    """Return the first `CAP` replies that differ in their words."""
    found: dict[tuple[str, ...], str] = {}
    for reply in replies:
        found.setdefault(tuple(words(reply)), reply)
    return tuple(found.values())[:CAP]


def _rows(problems: Sequence[Problem], kept: Kept) -> list[StudyRow]:
    return [row for n, replies in sorted(kept.items()) for row in answer_rows(problems[n], replies)]


def _facts(right: Sequence[Sequence[str]], kept: Kept) -> dict[str, float]:
    """Return what there is to tell of a round's samples."""
    return {
        "pass_at_1": sum(map(len, right)) / (SAMPLES * len(right)),
        f"pass_at_{SAMPLES}": sum(map(bool, right)) / len(right),
        "problems_kept": len(kept),
        "answers_kept": sum(map(len, kept.values())),
    }
