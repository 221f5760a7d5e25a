"""What one store costs a process of its own: `python benchmarks/memory_process.py ours FOLDER`.

Called by memory.py. Prints one JSON line: seconds to import the libraries, to open, to answer the
first query, and MiB of memory at most in use after some queries.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SAMPLE = "queries.npz"
"""Beside the stores: `texts` and their `vectors`."""
EMBEDDER = "embedder.json"
"""Beside the stores: name and fingerprint of the embedder."""
LIBRARIES = {
    "ours": ("chromadb.api.client", "precomputed", "ingrained.memory"),
    "bare": ("bare_chroma",),
}
K = 10

Ask = Callable[[int], object]


def main() -> None:
    """Measure the side that is named."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    sample = np.load(folder / SAMPLE)
    texts, vectors = [str(text) for text in sample["texts"]], sample["vectors"]
    started = time.perf_counter()
    for library in LIBRARIES[side]:
        importlib.import_module(library)
    imported = time.perf_counter()
    ask = _ours(folder, texts, vectors) if side == "ours" else _bare(folder / side, vectors)
    opened = time.perf_counter()
    ask(0)
    answered = time.perf_counter()
    for row in range(len(texts)):
        ask(row)
    told = {
        "import_seconds": imported - started,
        "open_seconds": opened - imported,
        "first_query_seconds": answered - opened,
        "peak_mib": _peak_mib(),
    }
    print(json.dumps(told))


def _peak_mib() -> float:
    """Return the most memory this process had in use, as Linux counts it.

    `getrusage` would count the process too that this one was forked from.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024


def _ours(folder: Path, texts: list[str], vectors: Any) -> Ask:
    from precomputed import PrecomputedEmbedder

    from ingrained.memory import MemoryStore

    identity = json.loads((folder / EMBEDDER).read_text(encoding="utf-8"))
    embedder = PrecomputedEmbedder(dict(zip(texts, vectors, strict=True)), **identity)
    store = MemoryStore.open(folder / "ours", embedder)
    return lambda row: store.recall(texts[row], k=K)


def _bare(folder: Path, vectors: Any) -> Ask:
    from bare_chroma import BareChroma

    collection = BareChroma(folder, texts=True)
    return lambda row: collection.query(vectors[row], K)


if __name__ == "__main__":
    main()
