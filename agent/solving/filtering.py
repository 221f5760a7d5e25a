"""Filters of self-made solutions (Tao et al. 2024, "A Survey on Self-Evolution of LLMs").

The survey tells metric-based filters, which need a right answer, from metric-free ones, which need
only the model's agreement with itself. The third one here is of the question: what can be answered
without even knowing what it is about tests no knowledge of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from ingrained.agent.answering import closed_book
from ingrained.agent.asking import Asker
from ingrained.agent.grading import exact_match, f1, words
from ingrained.agent.prompts import Messages
from ingrained.agent.quizzing import answered
from ingrained.memory.lexical import STOP_WORDS

PHASE = "topic-free"
TOKENS = 24
F1_THRESHOLD = 0.8

_ARTICLE = r"(?:\b(?:the|an?)\s+)?"
_LINK = r"(?:\s+(?:of|the|de|da|van|von|and|in|at|for)\b)*\s+"
_POSSESSIVE = r"(?P<own>[\u2019']s?(?=\s))?"


def metric_filter(
    reply: str,
    answer: str,
    measure: Literal["exact", "f1"] = "f1",
    threshold: float = F1_THRESHOLD,
) -> bool:
    """Return whether a reply is near enough to the right answer to be kept.

    Args:
        reply: The model's.
        answer: What is right.
        measure: Exact match after normalisation (0 or 1), or token F1.
        threshold: Least value that passes, in [0, 1].
    """
    value = float(exact_match(reply, [answer])) if measure == "exact" else f1(reply, answer)
    return value >= threshold


def topic_free(question: str, topic: str) -> str:
    """Return a question with what names its topic blanked: "it", or "its" for a possessive."""
    names = [re.escape(word) for word in _names(topic)]
    if not names:
        return question
    name = rf"\b(?:{'|'.join(names)})\b"
    run = re.compile(rf"{_ARTICLE}{name}(?:{_LINK}{name})*{_POSSESSIVE}", re.IGNORECASE)
    return run.sub(lambda found: "its" if found["own"] else "it", question)


def topic_free_prompts(questions: Sequence[str], topics: Sequence[str]) -> list[Messages]:
    """Ask each question closed-book without its topic."""
    pairs = zip(questions, topics, strict=True)
    return [closed_book(topic_free(question, topic)) for question, topic in pairs]


def guessable(
    asker: Asker,
    questions: Sequence[str],
    topics: Sequence[str],
    answers: Sequence[str],
    *,
    phase: str = PHASE,
) -> list[bool]:
    """Return for each question whether it is answered rightly without its topic."""
    prompts = topic_free_prompts(questions, topics)
    replies = asker.ask(prompts, phase=phase, max_tokens=TOKENS)
    rows = zip(questions, replies, answers, strict=True)
    return [answered(question, reply, answer) for question, reply, answer in rows]


def _names(topic: str) -> list[str]:
    """Return the words of a topic that name it, longest first."""
    found = {word for word in words(topic) if word not in STOP_WORDS and len(word) > 1}
    return sorted(found, key=lambda word: (-len(word), word))
