"""One store of each side, grown from the smallest size to the largest and measured at each.

Called by memory.py: speed (memory_speed.py), and what a fresh process needs to open what is there.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from made_memories import made_memories
from memory_process import EMBEDDER, SAMPLE
from memory_speed import (
    Material,
    Seconds,
    Sides,
    insert_figures,
    insert_seconds,
    recall_figures,
    recall_seconds,
)
from precomputed import PrecomputedEmbedder, cached_vectors
from results_file import Figure
from rich.console import Console

from ingrained.memory import Embedder
from ingrained.memory.reranking import Reranker

SEED = 0
OPENINGS = 5
_PROCESS = Path(__file__).with_name("memory_process.py")
_UNITS = {
    "import_seconds": "s",
    "open_seconds": "s",
    "first_query_seconds": "s",
    "peak_mib": "MiB",
}


def material(sizes: Sequence[int], questions: int, embedder: Embedder, cache: Path) -> Material:
    """Make the memories, draw the questions, and embed both with the real embedder.

    Args:
        sizes: Numbers of memories, ascending.
        questions: How many; about random memories of the smallest size.
        embedder: The real one.
        cache: Where vectors are kept from one run to the next.
    """
    made = made_memories(sizes[-1], seed=SEED)
    drawn = random.Random(SEED).sample(made[: sizes[0]], questions)
    texts = [one.text for one in made]
    asked = list(dict.fromkeys(one.question for one in drawn))
    vectors = cached_vectors(texts, embedder, cache)
    known = dict(zip(texts, vectors, strict=True))
    known.update(zip(asked, cached_vectors(asked, embedder, cache), strict=True))
    return Material(
        texts=texts,
        vectors=vectors,
        questions=asked,
        embedder=PrecomputedEmbedder(known, name=embedder.name, fingerprint=embedder.fingerprint),
    )


def growth_figures(
    folder: Path,
    told: Material,
    sizes: Sequence[int],
    *,
    reranker: Reranker | None,
    reranked: int,
) -> Iterator[tuple[str, dict[str, Figure]]]:
    """Grow the stores and yield what was measured at each size, by its label."""
    _sample(folder, told)
    sides = Sides(folder, told)
    inserted: Seconds = defaultdict(list)
    try:
        for start, size in zip((0, *sizes), sizes, strict=False):
            for way, took in insert_seconds(sides, range(start, size)).items():
                inserted[way].extend(took)
            recalled = recall_seconds(sides, told.questions, reranker, reranked=reranked)
            sides.close()
            label = f"{size // 1000}k"
            yield (
                label,
                {
                    **recall_figures(recalled, label),
                    **insert_figures(inserted, label),
                    **process_figures(folder, label),
                },
            )
            sides.reopen()
    finally:
        sides.close()


def _sample(folder: Path, told: Material) -> None:
    texts = list(told.questions[:50])
    vectors = np.asarray(told.embedder.embed(texts), dtype=np.float32)
    np.savez(folder / SAMPLE, texts=np.asarray(texts), vectors=vectors)
    identity = {"name": told.embedder.name, "fingerprint": told.embedder.fingerprint}
    (folder / EMBEDDER).write_text(json.dumps(identity), encoding="utf-8")


def process_figures(folder: Path, size: str) -> dict[str, Figure]:
    """Return what opening costs fresh processes, and the disk that the stores take."""
    told: dict[str, list[dict[str, float]]] = {"ours": [], "bare": []}
    for _ in range(OPENINGS):
        for side, found in told.items():
            found.append(_opened(side, folder))
    figures = {}
    for side, found in told.items():
        whose = "" if side == "ours" else "bare_chroma_"
        for name, unit in _UNITS.items():
            values = [one[name] for one in found]
            figures[f"{whose}{name}_{size}"] = _median(values, unit)
        figures[f"{whose}disk_mib_{size}"] = Figure(value=_disk(folder / side), unit="MiB")
    return figures


def _opened(side: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, str(_PROCESS), side, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        Console(stderr=True).print(done.stderr)
        raise SystemExit(f"{side} could not be opened by a fresh process")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _disk(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def _median(values: Sequence[float], unit: str) -> Figure:
    return Figure(value=statistics.median(values), low=min(values), high=max(values), unit=unit)
