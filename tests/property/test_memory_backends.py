"""Chroma beside the exact index in memory, step by step; and namespaces of any name."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from ingrained.errors import IngrainedError
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.conformance import DAY, NOTES, Clock, note
from ingrained.memory.filters import Where
from ingrained.memory.forgetting import ForgettingPolicy
from ingrained.memory.in_memory import InMemoryIndex
from ingrained.memory.testing import HashEmbedder

TEXTS = [*NOTES, "the lighthouse at Cape Morrow was finished in 1873", "Pears ripen late.", "鯨油"]
FACTS = Where(kinds=("fact",), document="guide.md")
SPACES = [("default",), ("user", "ada"), ("user", "ada", "x")]


class ChromaBesideTheReference(RuleBasedStateMachine):
    """Whatever is done to both, both answer alike."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.index = InMemoryIndex()
        self.open()

    def open(self) -> None:
        home = Path(self.folder.name)
        self.chroma = MemoryStore.open(home / "a", HashEmbedder(), clock=self.clock)
        self.reference = MemoryStore.open(
            home / "b", HashEmbedder(), clock=self.clock, index=self.index
        )

    def teardown(self) -> None:
        self.chroma.close()
        self.reference.close()
        self.folder.cleanup()

    def both(self, action: Callable[[MemoryStore], Any]) -> Any:
        """Do the same to both; an error of one must be the error of the other."""
        results: list[Any] = []
        for store in (self.chroma, self.reference):
            try:
                results.append(action(store))
            except IngrainedError as error:
                results.append((type(error), str(error)))
        assert results[0] == results[1]
        return results[0]

    @rule(target=known, text=st.sampled_from(TEXTS), space=st.sampled_from(SPACES))
    def insert(self, text: str, space: tuple[str, ...]) -> str:
        made = note(text, namespace=space)
        return str(self.both(lambda store: store.insert([made], who="t", why="t"))[0].id)

    @rule(ids=st.lists(known, min_size=1, max_size=2), source=st.booleans())
    def derive(self, ids: list[str], source: bool) -> None:
        insight = Memory(
            id="", text=f"From {sorted(ids)}.", kind="insight", derived_from=tuple(ids)
        )
        self.both(lambda store: store.insert([insight], who="t", why="t"))

    @rule(id_=known, change=st.sampled_from(["forget", "restore", "reinforce", "pin", "unpin"]))
    def change(self, id_: str, change: str) -> None:
        self.both(lambda store: getattr(store, change)([id_], who="t", why="t"))

    @rule(id_=known, text=st.sampled_from([*TEXTS, "New words."]), space=st.sampled_from(SPACES))
    def update(self, id_: str, text: str, space: tuple[str, ...]) -> None:
        def change(store: MemoryStore) -> None:
            changed = dataclasses.replace(store.get(id_), text=text, namespace=space)
            store.update(changed, who="t", why="t")

        self.both(change)

    @rule(old=known, new=known)
    def supersede(self, old: str, new: str) -> None:
        if old != new:
            self.both(lambda store: store.supersede(old, new, who="t", why="t"))

    @rule(event=st.integers(1, 40), whole=st.booleans())
    def undo(self, event: int, whole: bool) -> None:
        self.both(lambda store: store.undo(event, whole=whole, who="t", why="t"))

    @rule(id_=known)
    def purge(self, id_: str) -> None:
        self.both(lambda store: store.purge([id_], who="t", why="t"))

    @rule(target=known, days=st.floats(0.1, 4))
    def a_night_passes(self, days: float) -> object:
        self.clock.now += days * DAY
        policy = ForgettingPolicy(capacity=4)
        self.both(lambda store: store.decay(policy=policy, who="t", why="t"))
        return multiple()

    @rule()
    def reopen(self) -> None:
        self.chroma.close()
        self.reference.close()
        self.open()
        assert not self.chroma.repaired
        assert not self.reference.repaired

    @invariant()
    def both_hold_the_same(self) -> None:
        self.both(lambda store: store.list(status=None))
        self.both(lambda store: store.stats())
        self.both(lambda store: store.events())

    @invariant()
    def both_recall_the_same(self) -> None:
        for space in SPACES:
            found = self.both(lambda store, space=space: _recalled(store, space, None))
            active = self.chroma.list(namespace=space)
            assert {id_ for id_, _ in found} == {memory.id for memory in active}
            self.both(lambda store, space=space: _recalled(store, space, FACTS))

    @invariant()
    def the_events_replayed_give_the_present(self) -> None:
        replayed = {event.memory_id: event.after for event in self.chroma.events()}
        present = {memory.id: memory for memory in self.chroma.list(status=None)}
        assert {id_: memory for id_, memory in replayed.items() if memory} == present


def _recalled(
    store: MemoryStore, space: tuple[str, ...], where: Where | None
) -> list[tuple[str, float]]:
    found = store.recall("lighthouse pears", namespace=space, where=where, k=50, floor=-1.0)
    return [(one.memory.id, round(one.dense, 4)) for one in found]


TestChromaBesideTheReference = ChromaBesideTheReference.TestCase
TestChromaBesideTheReference.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

LABELS = st.text(min_size=1, max_size=8)


@given(
    spaces=st.lists(st.lists(LABELS, min_size=1, max_size=3).map(tuple), min_size=2, unique=True)
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_nothing_crosses_between_namespaces(spaces: list[tuple[str, ...]]) -> None:
    """Whatever the labels: each finds its own, and only its own."""
    text = "Pears ripen late."
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryStore.open(Path(folder), HashEmbedder(), index=InMemoryIndex()) as store,
    ):
        store.insert([note(text, namespace=space) for space in spaces], who="t", why="t")
        assert store.namespaces() == sorted(spaces)
        for space in spaces:
            for search in ("both", "meaning", "words"):
                (found,) = store.recall(text, namespace=space, search=search)
                assert found.memory.namespace == space
            (own,) = store.list(namespace=space)
            store.forget([own.id], who="t", why="t")
            assert store.recall(text, namespace=space) == []
        assert store.list() == []
