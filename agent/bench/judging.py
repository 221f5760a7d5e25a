"""A second opinion: a judge model says whether each reply is right, by a published prompt.

What it goes by are the accepted answers. Where a benchmark knows none, it goes by the document that
the question is on, or by the documents that the answer may lie in; where there are none either, the
reply is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from ingrained.agent.asking import Asker
from ingrained.agent.grading import words
from ingrained.agent.prompts import Messages, load

from .benchmark import Benchmark
from .sitting import TURN_TOKENS, count_text, count_tokens, whole, window

VERDICT_TOKENS = 4
AT_ONCE = 32
REFERENCE_TOKENS = 6000
"""Most tokens of documents that a reply is judged by; fewer where the judge's window is smaller."""
NO_ANSWER = "The documents do not say. Only a reply that declines to answer is right."
NO_REFERENCE = "no accepted answer is known, and no document that it may lie in"
"""Why a reply is not judged."""

Row = Mapping[str, Any]


def judge_rows(
    rows: Sequence[Row],
    benchmark: Benchmark,
    judge: Asker,
    *,
    on_replies: Callable[[int], None] = lambda _more: None,
) -> list[bool | None]:
    """Return for each row of a sitting whether the judge calls its reply right.

    None where there is nothing to judge it by (`NO_REFERENCE`): the judge is not asked then.
    """
    texts = {document.key: whole(document) for document in benchmark.documents}
    told: list[bool | None] = []
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        prompts = [_prompt(row, benchmark, texts, judge.model) for row in part]
        asked = [prompt for prompt in prompts if prompt is not None]
        said = iter(judge.ask(asked, phase="judge", max_tokens=VERDICT_TOKENS))
        told += [None if prompt is None else _says_yes(next(said)) for prompt in prompts]
        on_replies(len(part))
    return told


def _says_yes(verdict: str) -> bool:
    return words(verdict)[:1] == ["yes"]


def _prompt(
    row: Row, benchmark: Benchmark, texts: Mapping[str, str], model: BaseChatModel
) -> Messages | None:
    """Return what the judge is asked; None where there is nothing to judge by."""
    if row["answers"]:
        return _rendered(row, " / ".join(row["answers"]))
    if benchmark.gold:
        return _rendered(row, NO_ANSWER)
    keys = (row["document"],) if row["document"] else benchmark.evidence.get(row["id"], ())
    known = [texts[key] for key in keys if key in texts]
    if not known:
        return None
    return _rendered(row, _fitting(known, row["question"], _room(row, model), model))


def _rendered(row: Row, reference: str) -> Messages:
    return load("judge").render(
        question=row["question"], reference=reference, reply=row["reply"] or "(nothing)"
    )


def _room(row: Row, model: BaseChatModel) -> int:
    """Return how many tokens a reference may have."""
    in_all = window(model)
    if in_all is None:
        return REFERENCE_TOKENS
    around = count_tokens(model, _rendered(row, "")) + VERDICT_TOKENS
    return min(REFERENCE_TOKENS, in_all - around)


def _fitting(texts: Sequence[str], question: str, room: int, model: BaseChatModel) -> str:
    """Return the texts in their order; of too many, those that share most words with the question.

    Args:
        texts: At least one.
        question: What is to be found in them.
        room: In tokens of the model; of a text that alone is over it, the beginning is returned.
        model: Counts them.
    """
    asked = set(words(question))
    order = sorted(range(len(texts)), key=lambda n: -len(asked.intersection(words(texts[n]))))
    kept: list[int] = []
    left = room
    for number in order:
        size = count_text(model, texts[number]) + TURN_TOKENS
        if size <= left:
            kept.append(number)
            left -= size
    if not kept:
        nearest = texts[order[0]]
        share = max(0, room - TURN_TOKENS) / count_text(model, nearest)
        return nearest[: int(share * len(nearest))]
    return "\n\n".join(texts[number] for number in sorted(kept))
