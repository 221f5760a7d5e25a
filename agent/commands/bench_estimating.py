"""What `ingrained bench` would do, and about how long it would take, without loading a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingrained.agent.answering import open_book, with_memory
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.cells import LEARNT, TRAINED
from ingrained.agent.reading.documents import Document
from ingrained.agent.reading.passages import estimate_tokens, split
from ingrained.graphs.context import StudyPolicy

from .bench_job import BenchPlan
from .costing import (
    KEPT,
    REPLAYED_TOKENS,
    TRAINED_TOKENS,
    Load,
    answering_tokens,
    exam_tokens,
    load_of,
)
from .estimating import has_bfloat16, not_reckoned

_TOKENS_PER_SECOND: Mapping[str, float] = {
    "studies": 550, "training": 110, "base": 100, "open": 550, "full": 2500, "rag": 170,
    "memory": 550, "adapter": 100, "both": 550, "placebo": 550,
}  # fmt: skip
"""In and out together: the default model on two cores without bfloat16, where prompts of a cell that
share their beginning are quick. Measured in benchmarks/results (squad20, locomo1) on 2026-11-30."""
_BFLOAT16 = {"studies": 3.3, "training": 4.0}
"""How many times as fast two cores with bfloat16 are, by part; the exam's for all others
(`estimating.TOKENS_PER_SECOND`)."""
_BFLOAT16_EXAM = 1.6
_WINDOW = 32_768
"""Tokens that the default model takes in."""


def estimate_bench(plan: BenchPlan) -> dict[str, Any]:
    """Return what there is to study and to ask, and about what each part would cost.

    Parts that are kept from an earlier run in the same folder are counted as if they were not.
    """
    load = _load(plan.benchmark, plan.policy)
    bfloat16 = has_bfloat16()
    parts = {}
    for name, tokens in _parts(plan, load).items():
        speed = _TOKENS_PER_SECOND[name] * (_BFLOAT16.get(name, _BFLOAT16_EXAM) if bfloat16 else 1)
        parts[name] = {"tokens": round(tokens), "seconds": round(tokens / speed)}
    return {
        "benchmark": plan.benchmark.name,
        "documents": len(plan.benchmark.documents),
        "words": sum(len(one.text.split()) for one in plan.benchmark.documents),
        "passages": load.passages,
        "questions": len(plan.benchmark.items),
        "seeds": len(plan.seeds),
        "parts": parts,
        "tokens": sum(part["tokens"] for part in parts.values()),
        "seconds": sum(part["seconds"] for part in parts.values()),
        "bfloat16": bfloat16,
        "does_not_fit": _whole(plan) if "full" in plan.cells and _whole(plan) > _WINDOW else None,
        "not_reckoned": [*not_reckoned(plan.policy), *(["judge"] if plan.judge else [])],
    }


def _whole(plan: BenchPlan) -> int:
    """Return the tokens of a prompt that has all documents in view."""
    documents = sum(estimate_tokens(one.text) for one in plan.benchmark.documents)
    return round(answering_tokens(open_book("", ""), documents))


def _load(benchmark: Benchmark, policy: StudyPolicy) -> Load:
    read = (Document.of(id=one.key, title=one.title, text=one.text) for one in benchmark.documents)
    passages = (one for doc in read for one in split(doc, max_tokens=policy.passage_tokens))
    return sum((load_of(one, policy) for one in passages), Load())


def _parts(plan: BenchPlan, load: Load) -> dict[str, float]:
    """Return the tokens of each part that costs any, in the order in which they are done."""
    seeds = len(plan.seeds)
    training = REPLAYED_TOKENS + TRAINED_TOKENS * KEPT * load.questions
    parts = {
        **{cell: _sitting(plan, load, cell) for cell in plan.cells if cell not in LEARNT},
        "studies": seeds * _study(plan, load) * any(cell in LEARNT for cell in plan.cells),
        "training": seeds * training * any(cell in TRAINED for cell in plan.cells),
        **{cell: seeds * _sitting(plan, load, cell) for cell in plan.cells if cell in LEARNT},
    }
    if plan.control is not None:
        control = _load(plan.control, plan.policy)
        parts["placebo"] = _study(plan, control) + _sitting(plan, control, "memory")
    return {name: tokens for name, tokens in parts.items() if tokens}


def _study(plan: BenchPlan, load: Load) -> float:
    """Return the tokens of one study: later rounds take up some passages again, at most."""
    weak = min(plan.policy.weak_passages, load.passages) * (plan.policy.rounds - 1)
    return load.tokens * (1 + weak / max(1, load.passages))


def _sitting(plan: BenchPlan, load: Load, cell: str) -> float:
    documents = plan.benchmark.documents
    sizes = [estimate_tokens(one.text) for one in documents]
    size = sum(sizes) / max(1, load.passages)
    asked = float(len(plan.benchmark.items))
    if cell == "full":
        return asked * _whole(plan) if documents and _whole(plan) <= _WINDOW else 0.0
    if cell == "rag":
        return (
            asked * answering_tokens(with_memory([""], ""), plan.policy.recall_k * size)
            if documents
            else 0.0
        )
    if cell == "open":
        asked = sum(bool(one.document) for one in plan.benchmark.items)
    return exam_tokens(asked, [cell], size=size, document=sum(sizes) / max(1, len(sizes)))
