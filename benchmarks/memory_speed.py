"""Recall and insert at growing sizes, beside a bare Chroma collection fed with the same vectors.

Called by memory.py. Everything is done in turns, so that what else the machine does hits all alike;
vectors are made beforehand, so that no side's time holds the embedder's.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bare_chroma import BareChroma
from precomputed import Matrix, PrecomputedEmbedder
from resampling import quantile_figure, quantile_ratio, rate_figure, rate_ratio
from results_file import Figure

from ingrained.memory import Memory, MemoryStore, Span
from ingrained.memory.records import sha256
from ingrained.memory.reranking import Reranker

K = 10
BATCH = 1000
WARM = 20
PER_DOCUMENT = 50

Seconds = dict[str, list[float]]
"""By way, of one thing after the other, the same for all ways."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is remembered and asked."""

    texts: Sequence[str]
    vectors: Matrix
    questions: Sequence[str]
    """Each about a memory of the smallest size, so that all sizes are asked the same."""
    embedder: PrecomputedEmbedder

    def memories(self, rows: range) -> list[Memory]:
        """Return the memories of these rows, each resting on a document."""
        return [_memory(row, self.texts[row]) for row in rows]


class Sides:
    """Our store and two bare collections: one with the texts, one of vectors alone."""

    def __init__(self, folder: Path, material: Material) -> None:
        self.folder = folder
        self._material = material
        self._open()

    def _open(self) -> None:
        self.ours = MemoryStore.open(self.folder / "ours", self._material.embedder)
        self.bare = BareChroma(self.folder / "bare", texts=True)
        self.vectors = BareChroma(self.folder / "vectors", texts=False)

    def close(self) -> None:
        """Close all three."""
        for side in (self.ours, self.bare, self.vectors):
            side.close()

    def reopen(self) -> None:
        """Open all three again."""
        self._open()

    def insert(self, rows: range, turn: int) -> dict[str, float]:
        """Insert one batch into all and return the seconds of each; who begins changes."""
        memories = self._material.memories(rows)
        texts = [memory.text for memory in memories]
        ids = [f"{row:016x}" for row in rows]
        vectors = self._material.vectors[rows.start : rows.stop]
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: self.ours.insert(memories, who="benchmark", why="measured"),
            "bare": lambda: self.bare.upsert(ids, vectors, texts),
            "vectors": lambda: self.vectors.upsert(ids, vectors, texts),
        }
        return _in_turn(ways, turn)

    def recall(self, reranker: Reranker | None) -> Mapping[str, Callable[[str], object]]:
        """Return the ways to answer a question."""
        embed = self._material.embedder.embed
        ways: dict[str, Callable[[str], object]] = {
            "dense": lambda question: self.ours.recall(question, k=K, search="meaning"),
            "fused": lambda question: self.ours.recall(question, k=K),
            "bare": lambda question: self.bare.query(embed([question])[0], K),
            "vectors": lambda question: self.vectors.query(embed([question])[0], K),
        }
        if reranker is not None:
            ways["reranked"] = lambda question: self.ours.recall(question, k=K, reranker=reranker)
        return ways


def insert_seconds(sides: Sides, rows: range) -> Seconds:
    """Insert `rows` in batches and return what each took."""
    seconds: Seconds = defaultdict(list)
    for turn, start in enumerate(range(rows.start, rows.stop, BATCH)):
        batch = range(start, min(start + BATCH, rows.stop))
        for way, took in sides.insert(batch, turn).items():
            seconds[way].append(took)
    return dict(seconds)


def recall_seconds(
    sides: Sides, questions: Sequence[str], reranker: Reranker | None, *, reranked: int
) -> Seconds:
    """Ask every question in every way; the slow reranker only so many of them."""
    ways = dict(sides.recall(reranker))
    for question in questions[:WARM]:
        for way, ask in ways.items():
            if way != "reranked":
                ask(question)
    seconds: Seconds = defaultdict(list)
    for turn, question in enumerate(questions):
        if turn == reranked:
            ways.pop("reranked", None)
        bound = {way: _bound(ask, question) for way, ask in ways.items()}
        for way, took in _in_turn(bound, turn).items():
            seconds[way].append(took)
    return dict(seconds)


def recall_figures(seconds: Seconds, size: str) -> dict[str, Figure]:
    """Return the median and the 95th percentile of each way, and ours over the bare ones."""
    figures = {}
    for way, took in seconds.items():
        milliseconds = [1000 * one for one in took]
        label = {"bare": "bare_chroma", "vectors": "bare_chroma_vectors_only"}.get(way, way)
        figures[f"p50_{label}_{size}"] = quantile_figure(milliseconds, 0.50, "ms")
        figures[f"p95_{label}_{size}"] = quantile_figure(milliseconds, 0.95, "ms")
    for way in ("dense", "fused"):
        figures[f"p50_{way}_over_bare_{size}"] = quantile_ratio(seconds[way], seconds["bare"], 0.50)
        figures[f"p95_{way}_over_bare_{size}"] = quantile_ratio(seconds[way], seconds["bare"], 0.95)
    figures[f"p95_fused_over_vectors_only_{size}"] = quantile_ratio(
        seconds["fused"], seconds["vectors"], 0.95
    )
    return figures


def insert_figures(seconds: Seconds, size: str) -> dict[str, Figure]:
    """Return memories a second of each way up to this size, and ours over the bare ones."""
    each = BATCH
    return {
        f"inserts_per_second_ours_{size}": rate_figure(seconds["ours"], each, "memories/s"),
        f"inserts_per_second_bare_chroma_{size}": rate_figure(seconds["bare"], each, "memories/s"),
        f"insert_over_bare_{size}": rate_ratio(seconds["ours"], seconds["bare"]),
        f"insert_over_vectors_only_{size}": rate_ratio(seconds["ours"], seconds["vectors"]),
    }


def _memory(row: int, text: str) -> Memory:
    document = f"document-{row // PER_DOCUMENT:05}.md"
    span = Span(
        document=document, version=sha256(document), start=0, end=len(text),
        quote=text, quote_sha256=sha256(text),
    )  # fmt: skip
    return Memory(id="", text=text, spans=(span,))


def _bound(ask: Callable[[str], object], question: str) -> Callable[[], object]:
    return lambda: ask(question)


def _in_turn(ways: Mapping[str, Callable[[], object]], turn: int) -> dict[str, float]:
    """Call each once and return the seconds; every turn another one begins."""
    begin = turn % len(ways)
    names = list(itertools.islice(itertools.cycle(ways), begin, begin + len(ways)))
    took = {}
    for name in names:
        start = time.perf_counter()
        ways[name]()
        took[name] = time.perf_counter() - start
    return took
