"""Autonomous Learning (Ji et al. 2024, arXiv 2406.00606): open-book, then closed-book learning.

Stage 1 learns to turn a text into a question with its answer, and to answer the verified questions
with nothing in view. What that makes asks about the texts anew and answers with nothing in view;
stage 2 goes on from it and prefers the answers from the text (direct preference optimisation).

Unlike the paper's, an answer counts only if it stands in the text and the untouched model gives it
too, reading the text; a pair in which both replies are right is dropped, since to push a right
answer down teaches nothing; and the verified questions that stage 1 still answers wrongly make pairs
as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingrained.agent.answering import ClosedBook, closed_book, open_book
from ingrained.agent.grading import contains, words
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import answered, clean_question, fault, gives
from ingrained.agent.tasks.likeness import alike
from ingrained.trainer.rows import StudyRow

from .lesson import Learned, Lesson, Problem

OPEN_BOOK, CLOSED_BOOK = "open-book", "closed-book"
SAMPLES = 4
"""Questions about each text in stage 2, sampled apart."""
TEMPERATURE = 0.7
QUIZ_TOKENS = 64
PREFERENCE = 0.5
"""Weight of the preference beside the cross-entropy of what is preferred."""
EPOCHS = 2
"""Of stage 2."""
SLOWER = 0.5
"""Times the learning rate, in stage 2."""

_ANSWER = re.compile(r"^answer:\s*(.+)$", re.IGNORECASE | re.MULTILINE)


def learn(lesson: Lesson) -> Learned:
    """Train by both stages."""
    problems = lesson.problems()
    first = lesson.stage(OPEN_BOOK, [*map(asking_row, problems), *lesson.questions])
    still = [(one.messages[-1][1], one.answer, one.memory_ids) for one in lesson.questions]
    asked = _asked(lesson, problems, first, known=[question for question, *_ in still])
    pairs = _pairs(lesson, [*asked, *still], first)
    if not pairs:
        return lesson.finish(first)
    facts = {"asked": len(asked), "pairs": len(pairs)}
    rate = lesson.recipe.learning_rate * SLOWER
    second = lesson.stage(
        CLOSED_BOOK, pairs, start=first, facts=facts, dpo=PREFERENCE, epochs=EPOCHS,
        learning_rate=rate,
    )  # fmt: skip
    return lesson.finish(second)


def asking_row(problem: Problem) -> StudyRow:
    """Return the row that teaches to ask: the text in view, a question and its answer to be said."""
    return StudyRow(
        messages=quiz_prompt(problem.text), memory_ids=problem.memory_ids,
        answer=f"Question: {problem.question}\nAnswer: {problem.answer}",
    )  # fmt: skip


def quiz_prompt(text: str) -> Messages:
    """Ask for a question on a text with its answer."""
    return load("write_quiz").render(passage=text)


Asked = tuple[str, str, tuple[str, ...]]
"""Question, answer, ids of the memories whose text it is about."""


def _asked(
    lesson: Lesson, problems: Sequence[Problem], stage: str, *, known: Iterable[str]
) -> list[Asked]:
    """Return what a stage asks about each text that is new and can be relied on."""
    ids: dict[str, dict[str, None]] = {}
    for problem in problems:
        ids.setdefault(problem.text, {}).update(dict.fromkeys(problem.memory_ids))
    texts = [text for text in ids for _ in range(SAMPLES)]
    replies = lesson.ask(
        [quiz_prompt(text) for text in texts], stage=stage, max_tokens=QUIZ_TOKENS,
        temperature=TEMPERATURE, seed=lesson.recipe.seed,
    )  # fmt: skip
    guard = ClosedBook(ids)
    sealed = [item["question"] for item in lesson.context.library.questions(sealed=True)]
    seen = {tuple(words(question)) for question in known}
    found = []
    for text, reply in zip(texts, replies, strict=True):
        question, answer = _read(reply)
        key = tuple(words(question))
        if key in seen or not _usable(question, answer, text) or guard.leaks(question):
            continue
        if alike(question, sealed):
            continue
        seen.add(key)
        found.append((text, question, answer))
    read = lesson.ask([open_book(text, question) for text, question, _ in found], stage=None)
    return [
        (question, answer, tuple(ids[text]))
        for (text, question, answer), reply in zip(found, read, strict=True)
        if gives(question, reply, answer)
    ]


def _read(reply: str) -> tuple[str, str]:
    said = _ANSWER.search(reply)
    return clean_question(reply), said[1].strip() if said else ""


def _usable(question: str, answer: str, text: str) -> bool:
    return bool(words(answer)) and contains(text, answer) and not fault(question, answer, text)


def _pairs(lesson: Lesson, asked: Sequence[Asked], stage: str) -> list[StudyRow]:
    """Return the questions that a stage answers wrongly, with the answers to prefer to its own."""
    replies = lesson.ask([closed_book(question) for question, *_ in asked], stage=stage)
    return [
        StudyRow(
            messages=closed_book(question), answer=answer, rejected=reply, memory_ids=memory_ids
        )
        for (question, answer, memory_ids), reply in zip(asked, replies, strict=True)
        if words(reply) and not answered(question, reply, answer)
    ]
