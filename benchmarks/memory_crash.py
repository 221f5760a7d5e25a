"""Killing a process that changes a memory, again and again, and counting what is lost or doubled.

Called by memory.py, and by itself as the process that is killed:

    python benchmarks/memory_crash.py HOME SEED OPERATIONS

It prints a line before and after every operation; after means acknowledged. The parent kills it with
SIGKILL at a random moment and compares the memory with what had been acknowledged.
"""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from made_memories import made_memories
from results_file import Figure

from ingrained.memory import Memory, MemoryStore
from ingrained.memory.ledger import Ledger
from ingrained.memory.lexical import normalise
from ingrained.memory.opening import generation, open_index
from ingrained.memory.testing import HashEmbedder

WHO = {"who": "benchmark", "why": "measured"}
GONE = "purged"

State = dict[str, tuple[str, str]]
"""Id → (status, text); the status of a purged memory is `GONE`."""


@dataclass(frozen=True, kw_only=True)
class Wreck:
    """What one kill left."""

    acknowledged: int
    """Operations."""
    repaired: int
    """Entries of the index that the next start put right."""
    lost: int
    """Memories that are not as the last acknowledged operation left them."""
    doubled: int
    """Memories that say the same as another."""
    index_differs: int
    """Entries in which the index differs from the ledger after the next start."""


def crash_figures(folder: Path, *, rounds: int, operations: int) -> dict[str, Figure]:
    """Kill `rounds` processes, each at a random one of so many operations."""
    draw = random.Random(0)
    wrecks = [
        _killed(folder / str(seed), seed, operations, after=draw.uniform(0, 1))
        for seed in range(rounds)
    ]

    def total(name: str, unit: str) -> Figure:
        return Figure(value=sum(getattr(wreck, name) for wreck in wrecks), unit=unit)

    return {
        "kills": Figure(value=rounds, unit="kills"),
        "operations_acknowledged_before_kills": total("acknowledged", "operations"),
        "lost_after_kill": total("lost", "memories"),
        "doubled_after_kill": total("doubled", "memories"),
        "index_differs_after_kill": total("index_differs", "entries"),
        "repaired_after_kill": total("repaired", "entries"),
    }


def _killed(home: Path, seed: int, operations: int, *, after: float) -> Wreck:
    """Run the process until a share `after` of its operations, and a moment longer; look then."""
    command = [sys.executable, __file__, str(home), str(seed), str(operations)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        last = int(after * operations)
        for line in process.stdout:
            lines.append(line)
            if json.loads(line)["number"] >= last:
                break
        time.sleep(random.Random(seed).uniform(0.0, 0.03))
        process.kill()
        lines.extend(process.stdout)
    told = [json.loads(line) for line in lines if line.endswith("\n")]
    return _look(home, told)


def _look(home: Path, told: Iterable[dict[str, Any]]) -> Wreck:
    """Compare the memory that was left with what had been told of it."""
    expected: State = {}
    under_way: set[str] = set()
    done = 0
    for line in told:
        if line["done"]:
            expected.update({id_: (status, text) for id_, status, text in line["state"]})
            under_way, done = set(), done + 1
        else:
            under_way = set(line["ids"])
    with MemoryStore.open(home, HashEmbedder()) as store:
        found = {memory.id: memory for memory in store.list(status=None)}
        repaired = store.repaired.added + store.repaired.removed
    return Wreck(
        acknowledged=done,
        repaired=repaired,
        lost=sum(
            id_ not in under_way and not _as_expected(found.get(id_), *state)
            for id_, state in expected.items()
        ),
        doubled=_doubled(found.values()),
        index_differs=_index_differences(home / "memory"),
    )


def _as_expected(memory: Memory | None, status: str, text: str) -> bool:
    if memory is None:
        return status == GONE
    return (memory.status, memory.text) == (status, text)


def _doubled(memories: Iterable[Memory]) -> int:
    return sum(many - 1 for many in Counter(normalise(one.text) for one in memories).values())


def _index_differences(folder: Path) -> int:
    """Count the entries that only one of index and ledger has, or has otherwise."""
    embedder = HashEmbedder()
    with closing(Ledger(folder / "ledger.sqlite", read_only=True)) as ledger:
        opened = open_index(folder, ledger, embedder, chroma=None, number=generation(ledger))
        with closing(opened) as index:
            return len(set(ledger.digests().items()) ^ set(index.digests().items()))


class _Life:
    """Random changes to one store, each told before and after."""

    def __init__(self, store: MemoryStore, seed: int) -> None:
        self._store = store
        self._draw = random.Random(seed)
        self._fresh = iter(made_memories(3000, seed=seed))
        self._ids: list[str] = []
        self._changes: tuple[Callable[[], list[str]], ...] = (
            self._insert, self._insert, self._insert, self._repeat, self._update, self._reinforce,
            self._forget, self._restore, self._purge,
        )  # fmt: skip

    def step(self, number: int) -> None:
        """Make one change."""
        change = self._draw.choice(self._changes) if self._ids else self._insert
        self._number = number
        changed = change()
        _tell(done=True, number=number, state=[self._state(id_) for id_ in changed])

    def _some(self) -> list[str]:
        chosen = self._draw.sample(self._ids, min(len(self._ids), self._draw.randint(1, 5)))
        _tell(done=False, number=self._number, ids=chosen)
        return chosen

    def _state(self, id_: str) -> tuple[str, str, str]:
        if id_ not in self._ids:
            return id_, GONE, ""
        memory = self._store.get(id_)
        return id_, memory.status, memory.text

    def _insert(self) -> list[str]:
        _tell(done=False, number=self._number, ids=[])
        texts = [next(self._fresh).text for _ in range(self._draw.randint(1, 8))]
        inserted = self._store.insert([Memory(id="", text=text) for text in texts], **WHO)
        self._ids = sorted({*self._ids, *(one.id for one in inserted)})
        return [one.id for one in inserted]

    def _repeat(self) -> list[str]:
        chosen = self._some()
        texts = [self._store.get(id_).text.upper() for id_ in chosen]
        self._store.insert([Memory(id="", text=text) for text in texts], **WHO)
        return chosen

    def _update(self) -> list[str]:
        chosen = self._some()[:1]
        known = self._store.get(chosen[0])
        changed = dataclasses.replace(known, text=next(self._fresh).text)
        self._store.update(changed, **WHO)
        return chosen

    def _reinforce(self) -> list[str]:
        chosen = self._some()
        self._store.reinforce(chosen, **WHO)
        return chosen

    def _forget(self) -> list[str]:
        chosen = self._some()
        self._store.forget(chosen, **WHO)
        return chosen

    def _restore(self) -> list[str]:
        chosen = self._some()
        self._store.restore(chosen, **WHO)
        return chosen

    def _purge(self) -> list[str]:
        chosen = self._some()
        self._store.purge(chosen, **WHO)
        self._ids = [id_ for id_ in self._ids if id_ not in chosen]
        return chosen


def _tell(**told: Any) -> None:
    print(json.dumps(told), flush=True)


def _live(home: Path, seed: int, operations: int) -> None:
    with MemoryStore.open(home, HashEmbedder()) as store:
        life = _Life(store, seed)
        for number in range(operations):
            life.step(number)


if __name__ == "__main__":
    _live(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
