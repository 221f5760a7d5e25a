"""Whether contradictions are told from mere likeness: `python benchmarks/superseding.py [PAIRS]`.

Every older memory of the pairs is inserted, then every newer one with a judge, each pair in a
namespace of its own. What counts is whether the older one was superseded: wrongly or rightly, and
whether a contradiction was let stand. Beside it stands what a threshold of cosine similarity alone
would have done; the threshold is the one that does best (F1) on the development pairs.

Called by memory.py for its figures.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from resampling import mean_figure
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.asking import Asker
from ingrained.agent.models.factory import load_chat_model
from ingrained.agent.relating import QuizJudge
from ingrained.graphs.session import open_embedder
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.embedding import Embedder
from ingrained.memory.relations import Judge
from ingrained.settings import Settings

HERE = Path(__file__).parent
PAIRS = HERE / "contradictions.jsonl"
DEVELOPMENT = HERE / "dev" / "relations.jsonl"
_WHO = "benchmarks/superseding.py"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two memories and how the newer one relates to the older one."""

    older: str
    newer: str
    relation: str

    @property
    def contradicts(self) -> bool:
        """Whether the older one ought to be superseded."""
        return self.relation == "contradicts"


def read_pairs(path: Path) -> list[Pair]:
    """Read a JSONL file with `older`, `newer` and `relation` in each line."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line)
    return [Pair(older=row["older"], newer=row["newer"], relation=row["relation"]) for row in rows]


def superseding_figures(
    folder: Path, pairs: Sequence[Pair], judge: Judge, embedder: Embedder
) -> dict[str, Figure]:
    """Insert the pairs into a store in `folder` and return precision and recall of superseding."""
    ours = superseded(folder, pairs, judge, embedder)
    tuned = read_pairs(DEVELOPMENT)
    threshold = best_threshold(likenesses(tuned, embedder), tuned)
    baseline = [likeness >= threshold for likeness in likenesses(pairs, embedder)]
    return {
        **_figures("supersede", ours, pairs),
        **_figures("supersede_by_cosine", baseline, pairs),
        "supersede_cosine_threshold": Figure(value=threshold, unit="cosine"),
        "supersede_pairs": Figure(value=len(pairs), unit="pairs"),
    }


def superseded(folder: Path, pairs: Sequence[Pair], judge: Judge, embedder: Embedder) -> list[bool]:
    """Return for every pair whether inserting the newer memory superseded the older one."""
    spaces = [("pairs", str(number)) for number in range(len(pairs))]
    older = [
        Memory(id="", text=pair.older, namespace=space)
        for space, pair in zip(spaces, pairs, strict=True)
    ]
    newer = [
        Memory(id="", text=pair.newer, namespace=space)
        for space, pair in zip(spaces, pairs, strict=True)
    ]
    with MemoryStore.open(folder, embedder) as store:
        known = store.insert(older, who=_WHO, why="older")
        store.insert(newer, who=_WHO, why="newer", judge=judge)
        return [store.get(one.id).status == "superseded" for one in known]


def likenesses(pairs: Sequence[Pair], embedder: Embedder) -> list[float]:
    """Return the cosine similarity of the two texts of every pair."""
    older = np.asarray(embedder.embed([pair.older for pair in pairs]))
    newer = np.asarray(embedder.embed([pair.newer for pair in pairs]))
    return [float(value) for value in (older * newer).sum(axis=1)]


def best_threshold(similarities: Sequence[float], pairs: Sequence[Pair]) -> float:
    """Return the threshold with the best F1 on these pairs."""

    def f1(threshold: float) -> float:
        hits = sum(
            pair.contradicts
            for value, pair in zip(similarities, pairs, strict=True)
            if value >= threshold
        )
        named = sum(value >= threshold for value in similarities)
        return 2 * hits / (named + sum(pair.contradicts for pair in pairs))

    return max(sorted(similarities), key=f1)


def _figures(label: str, found: Sequence[bool], pairs: Sequence[Pair]) -> dict[str, Figure]:
    """Precision over the pairs superseded, recall over the pairs that contradict; 95 % bootstrap."""
    right = [float(pair.contradicts) for pair, one in zip(pairs, found, strict=True) if one]
    caught = [float(one) for pair, one in zip(pairs, found, strict=True) if pair.contradicts]
    return {
        f"{label}_precision": mean_figure(right or [0.0], "share"),
        f"{label}_recall": mean_figure(caught or [0.0], "share"),
    }


def main() -> None:
    """Measure one file of pairs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="?", type=Path, default=PAIRS)
    path = parser.parse_args().pairs
    settings = Settings()
    embedder = open_embedder(settings)
    judge = QuizJudge(Asker(load_chat_model(settings.model, settings)))
    with tempfile.TemporaryDirectory() as scratch:
        figures = superseding_figures(Path(scratch), read_pairs(path), judge, embedder)
    table = Table(path.name, "value", "low", "high", "unit")
    for label, one in figures.items():
        ends = ("" if end is None else f"{end:.3f}" for end in (one.low, one.high))
        table.add_row(label, f"{one.value:.3f}", *ends, one.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
