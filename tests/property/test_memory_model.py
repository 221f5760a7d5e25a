"""The store against a plain dict, through any sequence of changes and reopenings."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from ingrained.memory import Memory, MemoryStore
from ingrained.memory.conformance import DAY, Clock, note
from ingrained.memory.forgetting import retention
from ingrained.memory.in_memory import InMemoryIndex
from ingrained.memory.lexical import match_expression, terms
from ingrained.memory.testing import HashEmbedder

TEXTS = [
    "The lamp burns oil.",
    "the lamp  burns OIL.",
    "Pears ripen late.",
    "Ferries stop.",
    "鯨油",
]


class StoreAgainstDict(RuleBasedStateMachine):
    """The model: every memory by id, changed as the documentation says."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.model: dict[str, Memory] = {}
        self.index = InMemoryIndex()
        self.open()

    def open(self) -> None:
        home = Path(self.folder.name)
        self.store = MemoryStore.open(home, HashEmbedder(), index=self.index, clock=self.clock)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=known, text=st.sampled_from(TEXTS), start=st.integers(0, 2))
    def insert(self, text: str, start: int) -> str:
        memory = note(text, start=start)
        (done,) = self.store.insert([memory], who="t", why="t")
        before = self.model.get(done.id)
        if before is None:
            assert done.outcome == "added"
            self.model[done.id] = dataclasses.replace(memory, id=done.id, created=self.clock.now)
            return done.id
        revived = before.status == "forgotten"
        spans = tuple(dict.fromkeys((*before.spans, *memory.spans)))
        changed = revived or spans != before.spans
        assert done.outcome == ("merged" if changed else "unchanged")
        self.model[done.id] = dataclasses.replace(
            before,
            spans=spans,
            count=before.count + changed,
            status="active",
            last_recalled=self.clock.now if revived else before.last_recalled,
        )
        return done.id

    @rule(id_=known)
    def forget(self, id_: str) -> None:
        self.store.forget([id_], who="t", why="t")
        self.model[id_] = dataclasses.replace(self.model[id_], status="forgotten")

    @rule(id_=known)
    def restore(self, id_: str) -> None:
        self.store.restore([id_], who="t", why="t")
        if self.model[id_].status == "forgotten":
            self.model[id_] = dataclasses.replace(
                self.model[id_], status="active", last_recalled=self.clock.now
            )

    @rule(id_=known)
    def reinforce(self, id_: str) -> None:
        self.store.reinforce([id_], who="t", why="t")
        memory = self.model[id_]
        self.model[id_] = dataclasses.replace(
            memory, strength=memory.strength + 1, last_recalled=self.clock.now
        )

    @rule(target=known, days=st.floats(0.1, 4))
    def a_night_passes(self, days: float) -> object:
        self.clock.now += days * DAY
        self.store.decay(who="t", why="t")
        for id_, memory in self.model.items():
            if memory.status == "active" and retention(memory, self.clock.now) < 0.05:
                self.model[id_] = dataclasses.replace(memory, status="forgotten")
        return multiple()

    @rule(lost=st.booleans())
    def reopen(self, lost: bool) -> None:
        self.store.close()
        if lost:
            self.index = InMemoryIndex()
        self.open()

    @invariant()
    def store_and_model_agree(self) -> None:
        assert {memory.id: memory for memory in self.store.list(status=None)} == self.model

    @invariant()
    def the_ledger_replayed_gives_the_same(self) -> None:
        replayed = {event.memory_id: event.after for event in self.store._ledger.events()}
        assert replayed == self.model

    @invariant()
    def exactly_the_active_are_recalled(self) -> None:
        active = {id_ for id_, memory in self.model.items() if memory.status == "active"}
        for text in TEXTS:
            found = {item.memory.id for item in self.store.recall(text, floor=-1.0, k=50)}
            assert found == active


TestStoreAgainstDict = StoreAgainstDict.TestCase
TestStoreAgainstDict.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=25, deadline=None)
def test_any_text_can_be_kept_and_any_text_asked(kept: str, asked: str) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        MemoryStore.open(Path(folder), HashEmbedder(), index=InMemoryIndex()) as store,
    ):
        text = f"lamp {kept}"
        (done,) = store.insert([note(text)], who=kept, why=asked)
        assert store.get(done.id).text == text
        store.recall(asked)
        assert store.recall(f"lamp {asked}", floor=-1.0)[0].memory.id == done.id


@given(st.text(st.characters(), max_size=80))
def test_an_expression_never_holds_more_than_quoted_words(text: str) -> None:
    expression = match_expression(terms(text)).removeprefix("(").removesuffix(")")
    for part in filter(None, expression.split(" OR ")):
        assert part[0] == part[-1] == '"'
        assert '"' not in part[1:-1]
        assert part[1:-1].strip()
