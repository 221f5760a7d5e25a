"""Sitting one cell of a benchmark: what it costs, what was found, whether anything leaked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel

from ingrained.agent.answering import ClosedBook
from ingrained.agent.asking import Asker, Meter
from ingrained.agent.exam import (
    RECALLING,
    REPLY_TOKENS,
    Graded,
    Item,
    Laid,
    Recall,
    lay_out,
    reply_to,
    to_rows,
)
from ingrained.agent.grading import exact_match
from ingrained.agent.prompts import Messages
from ingrained.agent.reading.passages import estimate_tokens

from .auditing import audit_laid
from .benchmark import BenchDocument, Benchmark
from .cells import counts_in

CLOSED = ("base", "adapter")
AT_ONCE = 128
"""Questions between two signs of progress; with fewer, the last rows of each lot run nearly alone."""
TURN_TOKENS = 8
"""About what the chat template puts around a message."""

Sitting = dict[str, Any]
"""Plain data: `cell`, `seed`, `model`, `seconds`, `tokens_in`, `tokens_out`, `audit`, `rows`; or
`cell`, `seed` and, under `skipped`, why it was not sat."""


def sit_cell(
    benchmark: Benchmark,
    cell: str,
    asker: Asker,
    *,
    recall: Callable[[Asker], Recall],
    adapter: str | None = None,
    seed: int | None = None,
    on_replies: Callable[[int], None] = lambda _more: None,
) -> Sitting:
    """Answer all questions that count in one cell, if it can be sat.

    Args:
        benchmark: Questions and documents.
        cell: One of `cells.CELLS`.
        asker: The model; its own meter is left alone.
        recall: For the cells that something is recalled in; given the asker that adds up their cost.
        adapter: A loaded adapter, for `adapter` and `both`.
        seed: Of the study that the cell rests on; None for a cell that rests on none.
        on_replies: Told how many more were answered, or left out.
    """
    who: Sitting = {"cell": cell, "seed": seed, "model": asker.name}
    if reason := _cannot_adapt(cell, asker, adapter) or _nothing_to_show(cell, benchmark):
        return {**who, "skipped": reason}
    asker, started = asker.metered_by(Meter()), time.perf_counter()
    asker.replies = None  # A cell's seconds are to be its own.
    items = [item for item in benchmark.items if counts_in(cell, item.document)]
    laid = lay_out(items, cell, recall=recall(asker), gold=_gold(benchmark, cell))
    if reason := _does_not_fit(cell, laid, asker.model):
        return {**who, "skipped": reason}
    on_replies(len(benchmark.items) - len(items))
    graded: list[Graded] = []
    for start in range(0, len(laid), AT_ONCE):
        part = laid[start : start + AT_ONCE]
        graded += reply_to(part, cell, asker, adapter=adapter)
        on_replies(len(part))
    cost = asker.meter.of("exam")
    return {
        **who,
        "seconds": time.perf_counter() - started,
        "tokens_in": cost.tokens_in,
        "tokens_cached": cost.tokens_cached,
        "tokens_out": cost.tokens_out,
        "audit": _audit(cell, laid, benchmark),
        "rows": _rows(graded, seed),
    }


def whole(document: BenchDocument) -> str:
    """Return a document with its title, as it stands in a prompt."""
    return f"{document.title}\n{document.text}" if document.title else document.text


def _gold(benchmark: Benchmark, cell: str) -> Callable[[Item], str]:
    if cell == "full":
        everything = "\n\n".join(whole(document) for document in benchmark.documents)
        return lambda _item: everything
    texts = {document.key: whole(document) for document in benchmark.documents}
    return lambda item: texts.get(item.document, "")


def _cannot_adapt(cell: str, asker: Asker, adapter: str | None) -> str:
    if cell not in ("adapter", "both"):
        return ""
    if adapter is None:
        return "no adapter is promoted"
    return "" if asker.has_adapters else "this model cannot switch adapters"


def _nothing_to_show(cell: str, benchmark: Benchmark) -> str:
    """Return why a cell that shows text cannot be sat, or nothing."""
    if cell in ("open", "full", "rag") and not benchmark.documents:
        return "the benchmark has no documents"
    if cell == "open" and not any(item.document for item in benchmark.items):
        return "no question names a document"
    return ""


def _does_not_fit(cell: str, laid: Sequence[Laid], model: BaseChatModel) -> str:
    """Return why a cell that shows whole documents cannot be sat, or nothing."""
    if cell not in ("open", "full"):
        return ""
    prompts = [one.prompt for one in laid]
    largest = max(prompts, key=lambda prompt: sum(len(text) for _, text in prompt), default=())
    longest = count_tokens(model, largest) + REPLY_TOKENS
    room = window(model)
    if room is None:
        told = f"prompt and reply take about {longest:,} tokens"
        return f"the model does not tell its context window; {told}" if cell == "full" else ""
    if longest > room:
        return f"prompt and reply take about {longest:,} tokens of a window of {room:,}"
    return ""


def window(model: BaseChatModel) -> int | None:
    """Return the most tokens of prompt and reply together, if the model tells it."""
    engine: Any = getattr(model, "engine", None)
    if engine is not None:
        return int(engine.context)
    profile: Mapping[str, Any] = model.profile or {}
    return profile.get("max_input_tokens")


def count_tokens(model: BaseChatModel, prompt: Messages) -> int:
    """Return about how many tokens a prompt has; exact but for the template around the messages."""
    return sum(count_text(model, content) + TURN_TOKENS for _, content in prompt)


def count_text(model: BaseChatModel, text: str) -> int:
    """Return how many tokens a text has; about how many for a model that does not count them."""
    count = getattr(model, "count_tokens", estimate_tokens)
    return int(count(text))


def _audit(cell: str, laid: Sequence[Laid], benchmark: Benchmark) -> dict[str, Any]:
    """Audit the closed-book cells; the others show text on purpose."""
    if cell not in CLOSED:
        return {"prompts": 0, "leaks": [], "quoting": []}
    return audit_laid(laid, ClosedBook(document.text for document in benchmark.documents))


def _rows(graded: Sequence[Graded], seed: int | None) -> list[dict[str, Any]]:
    """Return one plain dict per reply: those of `exam.to_rows` and what a benchmark adds."""
    return [
        {
            **row, "seed": seed, "document": one.item.document, "hit": _hit(one),
            "choice": None if one.chosen is None
            else float(exact_match(one.chosen, one.item.answers)),
        }
        for row, one in zip(to_rows(graded), graded, strict=True)
    ]  # fmt: skip


def _hit(graded: Graded) -> bool | None:
    """Return whether an excerpt of the right document was shown; None where that has no meaning."""
    if graded.cell not in RECALLING or not graded.item.document:
        return None
    return graded.item.document in graded.documents
