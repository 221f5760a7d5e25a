"""A second opinion: a judge model says whether each reply is right, by a published prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingrained.agent.asking import Asker
from ingrained.agent.grading import words
from ingrained.agent.prompts import Messages, load

from .benchmark import Benchmark
from .sitting import whole

VERDICT_TOKENS = 4
AT_ONCE = 32
NO_ANSWER = "The documents do not say. Only a reply that declines to answer is right."


def judge_rows(
    rows: Sequence[Mapping[str, Any]],
    benchmark: Benchmark,
    judge: Asker,
    *,
    on_replies: Callable[[int], None] = lambda _more: None,
) -> list[bool]:
    """Return for each row of a sitting whether the judge calls its reply right."""
    texts = {document.key: whole(document) for document in benchmark.documents}
    said: list[str] = []
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        prompts = [_prompt(row, benchmark, texts) for row in part]
        said += judge.ask(prompts, phase="judge", max_tokens=VERDICT_TOKENS)
        on_replies(len(part))
    return [words(verdict)[:1] == ["yes"] for verdict in said]


def _prompt(row: Mapping[str, Any], benchmark: Benchmark, texts: Mapping[str, str]) -> Messages:
    known = texts.get(row["document"], "") if not benchmark.gold else ""
    reference = known or " / ".join(row["answers"]) or NO_ANSWER
    return load("judge").render(
        question=row["question"], reference=reference, reply=row["reply"] or "(nothing)"
    )
