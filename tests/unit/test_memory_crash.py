"""Killed at every step between ledger and index, for real: SIGKILL in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingrained.memory import MemoryStore
from ingrained.memory.chroma import ChromaIndex
from ingrained.memory.conformance import NOTES, note
from ingrained.memory.opening import index_folder
from ingrained.memory.testing import HashEmbedder

STEPS = {
    "before the ledger": "ledger.Ledger.write",
    "before the commit": "ledger.Ledger._put_vectors",
    "between ledger and index": "chroma.ChromaIndex.delete",
    "within the index": "chroma.ChromaIndex._put",
    "after the index": "ledger.Ledger.note_indexed",
}
KEPT = {"between ledger and index", "within the index", "after the index"}

CHILD = """
import importlib, os, signal, sys
from pathlib import Path
from ingrained.memory import MemoryStore
from ingrained.memory.conformance import NOTES, note
from ingrained.memory.testing import HashEmbedder

store = MemoryStore.open(Path(sys.argv[1]), HashEmbedder())
module, owner, name = sys.argv[2].split(".")
target = getattr(importlib.import_module("ingrained.memory." + module), owner)
setattr(target, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
if sys.argv[3] == "insert":
    store.insert([note(text) for text in NOTES[2:]], who="t", why="t")
else:
    store.forget([store.list()[0].id], who="t", why="t")
store.close()
"""


@pytest.mark.parametrize("action", ["insert", "forget"])
@pytest.mark.parametrize("step", STEPS)
def test_what_was_recorded_is_there_and_the_index_is_in_step(
    tmp_path: Path, step: str, action: str
) -> None:
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        store.insert([note(text) for text in NOTES[:2]], who="t", why="t")
    killed = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), STEPS[step], action], check=False
    )
    if step == "within the index" and action == "forget":
        assert killed.returncode == 0, "a forgetting puts nothing in"
    else:
        assert killed.returncode == -signal.SIGKILL
    kept = step in KEPT
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        active = {memory.id for memory in store.list()}
        assert len(active) == {"insert": 4, "forget": 1}[action] if kept else len(active) == 2
        lagged = kept and step != "after the index"
        lagged &= not (step == "within the index" and action == "forget")
        assert bool(store.repaired) == lagged
        found = {one.memory.id for one in store.recall(" ".join(NOTES), k=9, floor=-1.0)}
        assert found == active
        path = index_folder(tmp_path / "memory", store._ledger)
    index = ChromaIndex(path, HashEmbedder())
    assert {id_ for _, id_ in index.digests()} == active
    index.close()
