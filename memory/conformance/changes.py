"""Forgetting, fading and editing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ingrained.errors import InputError, NotFoundError, StoreError
from ingrained.memory.store import MemoryStore

from .base import DAY, NOTES, START, Clock, Grounds, note


class ChangeContract(Grounds):
    """What changes can be told, and undone."""

    def test_forgetting_ends_recall_and_can_be_undone(
        self, store: MemoryStore, ids: list[str], tmp_path: Path, clock: Clock
    ) -> None:
        """Also after reopening; the history tells of it."""
        before = store.get(ids[0])
        store.forget([ids[0], ids[0]], who="user", why="wrong")
        assert store.recall(NOTES[0]) == []
        assert store.get(ids[0]).status == "forgotten"
        assert ids[0] not in [memory.id for memory in store.list()]
        assert [memory.id for memory in store.list(status="forgotten")] == [ids[0]]
        store.close()
        with self.open_store(tmp_path, clock) as again:
            assert again.recall(NOTES[0]) == []
            again.restore([ids[0]], who="user", why="right after all")
            assert again.recall(NOTES[0])[0].memory.id == ids[0]
            assert again.get(ids[0]) == dataclasses.replace(before, last_recalled=START)
            told = [(event.kind, event.who, event.why) for event in again.history(ids[0])]
        assert told == [
            ("insert", "reader", "read"),
            ("forget", "user", "wrong"),
            ("restore", "user", "right after all"),
        ]

    def test_a_change_to_an_unknown_memory_changes_nothing(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """Not even the known ones beside it."""
        for change in (store.forget, store.reinforce, store.restore):
            with pytest.raises(NotFoundError):
                change([ids[0], "ffffffffffff"], who="user", why="?")
        assert store.get(ids[0]).status == "active"

    def test_a_useful_recall_slows_the_fading(
        self, store: MemoryStore, ids: list[str], clock: Clock
    ) -> None:
        """S grows by one day; recalling by itself changes nothing."""
        store.recall(NOTES[0])
        assert store.get(ids[0]).strength == 1.0
        clock.now += DAY
        store.reinforce([ids[0]], who="examiner", why="answered with it")
        kept = store.get(ids[0])
        assert (kept.strength, kept.last_recalled) == (2.0, START + DAY)

    def test_what_fades_below_the_threshold_is_forgotten_pins_are_not(
        self, store: MemoryStore, ids: list[str], clock: Clock
    ) -> None:
        """R = exp(-t/S): unused goes after three days, used once after six."""
        store.update(
            dataclasses.replace(store.get(ids[1]), pinned=True), who="user", why="keep this"
        )
        store.reinforce([ids[0]], who="examiner", why="of use")
        clock.now += 2.9 * DAY
        assert store.decay(who="agent", why="night") == []
        clock.now += 0.2 * DAY
        would = store.decay(who="agent", why="night", dry_run=True)
        assert len(store.list()) == len(NOTES)
        gone = store.decay(who="agent", why="night")
        assert gone == would
        assert {item.memory.id for item in gone} == {ids[2], ids[3]}
        assert all(item.retention < 0.05 for item in gone)
        assert {memory.id for memory in store.list()} == {ids[0], ids[1]}
        store.restore([ids[2]], who="user", why="still of use")
        assert store.decay(who="agent", why="night") == []

    def test_an_update_keeps_the_id_and_moves_the_meaning(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """The new text is found, the old one is not, the history has both."""
        changed = dataclasses.replace(store.get(ids[0]), text="The beacon burns whale oil.")
        store.update(changed, who="user", why="corrected")
        assert store.get(ids[0]) == changed
        assert store.recall("Which oil does the beacon burn?")[0].memory.id == ids[0]
        assert store.recall("When was the lighthouse finished?") == []
        event = store.history(ids[0])[-1]
        assert event.before is not None
        assert (event.kind, event.before.text, event.after) == ("update", NOTES[0], changed)
        (again,) = store.insert([note(NOTES[0])], who="reader", why="read")
        assert again.outcome == "added"
        assert again.id != ids[0]

    def test_an_update_may_not_empty_a_memory_nor_double_another(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """Each refusal leaves the memory as it was."""
        before = store.get(ids[0])
        refused = {"": InputError, NOTES[1].lower(): StoreError}
        for text, error in refused.items():
            with pytest.raises(error):
                store.update(dataclasses.replace(before, text=text), who="user", why="?")
        with pytest.raises(NotFoundError):
            store.update(dataclasses.replace(before, id="0" * 16), who="user", why="?")
        assert store.get(ids[0]) == before

    @pytest.mark.parametrize(
        "fault",
        [
            {"text": " "}, {"trust": 1.5}, {"trust": -0.1}, {"trust": float("nan")},
            {"strength": float("inf")}, {"strength": 0.0}, {"created": float("nan")},
            {"valid_from": 10**400}, {"last_recalled": "today"}, {"kind": "rumour"},
            {"status": "gone"}, {"namespace": ()}, {"namespace": ("user", "")},
            {"namespace": ["user", "ada"]}, {"tags": "red"}, {"tags": ("red", 5)}, {"spans": ("a",)},
            {"pinned": "no"}, {"derived_from": (None,)},
        ],
        ids=lambda fault: "-".join(fault),
    )  # fmt: skip
    def test_what_could_not_be_kept_found_or_ranked_is_refused(
        self, store: MemoryStore, ids: list[str], fault: dict[str, Any]
    ) -> None:
        """By an insert, an adoption and an update alike; nothing else of it is written."""
        before = store.list(status=None)
        bad = dataclasses.replace(note("Bees came later."), **fault)
        with pytest.raises(InputError):
            store.insert([note("Good."), bad], who="t", why="t")
        with pytest.raises(InputError):
            store.adopt([dataclasses.replace(bad, id="b" * 16)], who="t", why="t")
        with pytest.raises(InputError):
            store.update(dataclasses.replace(store.get(ids[0]), **fault), who="t", why="t")
        assert store.list(status=None) == before

    def test_a_duplicate_that_fades_more_slowly_lends_its_strength(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """What a quiz proved is proved of the one memory."""
        store.insert([note(NOTES[0], start=9, strength=30.0)], who="t", why="t")
        store.insert([note(NOTES[0], start=99)], who="t", why="t")
        assert store.get(ids[0]).strength == 30.0

    def test_what_was_forgotten_and_is_learnt_again_comes_back(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """With its history, not as a stranger."""
        store.forget([ids[0]], who="agent", why="faded")
        (again,) = store.insert([note(NOTES[0])], who="reader", why="read")
        assert (again.id, again.outcome) == (ids[0], "merged")
        assert store.recall(NOTES[0])[0].memory.id == ids[0]

    def test_stats_count_what_is_there(self, store: MemoryStore, ids: list[str]) -> None:
        """Active by kind and namespace, the rest by status."""
        store.insert([note("Pears first.", kind="insight", pinned=True)], who="t", why="t")
        store.forget([ids[3]], who="t", why="t")
        stats = store.stats()
        assert (stats.active, stats.forgotten, stats.pinned, stats.documents) == (4, 1, 1, 1)
        assert stats.kinds == {"fact": 3, "insight": 1}
        assert stats.events == len(NOTES) + 2
