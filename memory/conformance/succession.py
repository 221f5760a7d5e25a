"""Who takes whose place, how a place is given back, and what is made of others' places."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from ingrained.errors import InputError, NotFoundError
from ingrained.memory.records import Memory
from ingrained.memory.relations import Relation
from ingrained.memory.store import MemoryStore

from .base import DAY, NOTES, START, Clock, Grounds, ids_of, note

ADA = "The kiln keeper is Ada."
TOM = "The kiln keeper is Tom."
EVE = "The kiln keeper is Eve."


class Saying:
    """A judge that says what a function of two texts says."""

    def __init__(self, say: Callable[[str, str], Relation]) -> None:
        self._say = say

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        """Return what is said of each pair."""
        return [self._say(older.text, newer.text) for older, newer in pairs]


CONTRADICTION = Saying(lambda _older, _newer: "contradicts")


def learn(store: MemoryStore, *texts: str, judge: Saying | None = None) -> list[str]:
    """Insert each text from a document of its own; return where they are now."""
    memories = [note(text, document=text) for text in texts]
    return [one.id for one in store.insert(memories, who="t", why="t", judge=judge)]


def derived(*sources: str, text: str = "The kiln is kept.", trust: float = 1.0) -> Memory:
    """Return an insight made from some memories."""
    return Memory(id="", text=text, kind="insight", derived_from=sources, trust=trust)


class SuccessionContract(Grounds):
    """Every place has one holder, and both ends of it say so."""

    @pytest.mark.parametrize("same", [ADA, TOM])
    def test_what_is_merged_still_contradicts(self, store: MemoryStore, same: str) -> None:
        """Whichever of two it is found to be the same as, and in whatever order."""
        first, second = learn(store, ADA, TOM)
        judge = Saying(lambda older, _: "same" if older == same else "contradicts")
        (new,) = store.insert([note(EVE, document="c")], who="t", why="t", judge=judge)
        kept, lost = (first, second) if same == ADA else (second, first)
        assert (new.id, new.outcome, new.superseded) == (kept, "merged", (lost,))
        assert store.get(lost).superseded_by == kept
        assert store.get(kept).supersedes == (lost,)
        assert [memory.id for memory in store.list()] == [kept]

    def test_a_contradiction_of_what_was_just_merged_is_heard(self, store: MemoryStore) -> None:
        """It is one of what that was merged into."""
        again = "The kiln keeper is Ada indeed."

        def say(older: str, newer: str) -> Relation:
            if newer == again:
                return "same"
            return "contradicts" if older == again else "unrelated"

        first, second, third = learn(store, ADA, again, TOM, judge=Saying(say))
        assert second == first
        assert store.get(first).superseded_by == third

    def test_only_what_holds_takes_a_place(self, store: MemoryStore, ids: list[str]) -> None:
        """In its own namespace; two cannot take each other's."""
        (other,) = store.insert([note(ADA, namespace=("user", "ada"))], who="t", why="t")
        store.supersede(ids[0], ids[1], who="t", why="t")
        store.forget([ids[2]], who="t", why="t")
        for winner in (ids[0], ids[2], other.id):
            with pytest.raises(InputError):
                store.supersede(ids[1], winner, who="t", why="t")
        assert store.get(ids[1]).status == "active"

    def test_a_place_has_one_holder(self, store: MemoryStore, ids: list[str]) -> None:
        """The former one loses it, and an undo gives it back."""
        store.supersede(ids[0], ids[1], who="t", why="t")
        store.supersede(ids[0], ids[2], who="t", why="t")
        assert store.get(ids[1]).supersedes == ()
        store.undo(store.history(ids[0])[-1].id, who="t", why="t")
        assert store.get(ids[0]).superseded_by == ids[1]
        assert (store.get(ids[1]).supersedes, store.get(ids[2]).supersedes) == ((ids[0],), ())

    def test_what_is_true_again_takes_its_place_back(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """From another source, it is judged beside what took its place."""
        first, second = learn(store, ADA, TOM, judge=CONTRADICTION)
        clock.now += DAY
        again = note(ADA, document="later.md")
        (back,) = store.insert([again], who="t", why="t", judge=CONTRADICTION)
        assert (back.id, back.outcome, back.superseded) == (first, "merged", (second,))
        now, before = store.get(first), store.get(second)
        assert (now.status, now.superseded_by, now.supersedes) == ("active", "", (second,))
        assert (now.valid_from, now.valid_to) == (START + DAY, None)
        assert (before.status, before.superseded_by, before.supersedes) == ("superseded", first, ())
        assert ids_of(store.recall(ADA)) == [first]

    def test_without_a_judge_what_took_the_place_stands_as_long_as_it_holds(
        self, store: MemoryStore
    ) -> None:
        """It is told; with nothing active in its place, the older one holds again."""
        first, second = learn(store, ADA, TOM, judge=CONTRADICTION)
        (same,) = store.insert([note(ADA, document=ADA)], who="t", why="t")
        (other,) = store.insert([note(ADA, document="b")], who="t", why="t")
        assert (same.outcome, other.outcome) == ("unchanged", "outdated")
        assert store.get(first).status == "superseded"
        store.forget([second], who="t", why="t")
        (back,) = store.insert([note(ADA, document="c")], who="t", why="t")
        assert (back.id, back.outcome) == (first, "merged")
        assert (store.get(first).status, store.get(first).superseded_by) == ("active", "")
        assert store.get(second).supersedes == ()

    @pytest.mark.parametrize("change", ["update", "forget", "purge"])
    def test_what_lost_its_ground_is_restored_as_stale(
        self, store: MemoryStore, ids: list[str], change: str
    ) -> None:
        """Also by an undo."""
        (made,) = store.insert([derived(ids[0], ids[1])], who="t", why="t")
        store.forget([made.id], who="t", why="t")
        event = store.history(made.id)[-1].id
        if change == "update":
            changed = dataclasses.replace(store.get(ids[0]), text="Something else.")
            store.update(changed, who="t", why="t")
        elif change == "forget":
            store.forget([ids[0]], who="t", why="t")
        else:
            assert [one.id for one in store.purge([ids[0]], who="t", why="t").derived] == [made.id]
            return
        store.restore([made.id], who="t", why="t")
        assert store.get(made.id).status == "stale"
        store.undo(store.history(made.id)[-1].id, who="t", why="t")
        store.undo(event, who="t", why="t")
        assert store.get(made.id).status == "stale"

    def test_what_is_made_from_nothing_that_holds_is_stale(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """A source that is missing or forgotten; what is inserted with it counts."""
        store.forget([ids[0]], who="t", why="t")
        for source in (ids[0], "f" * 16):
            one = derived(ids[1], source, text=f"Follows from {source}.")
            (made,) = store.insert([one], who="t", why="t")
            assert store.get(made.id).status == "stale"

    def test_a_source_of_the_same_insert_counts(self, store: MemoryStore, ids: list[str]) -> None:
        """Whatever the order they are given in."""
        (rumour,) = store.insert([note(ADA, trust=0.3)], who="t", why="t")
        store.purge([rumour.id], who="t", why="t")
        both = [derived(ids[0], rumour.id), note(ADA, trust=0.3)]
        made = store.insert(both, who="t", why="t")
        assert made[1].id == rumour.id
        assert (store.get(made[0].id).trust, store.get(made[0].id).status) == (0.3, "active")

    def test_an_insight_that_is_repeated_does_not_rise_above_its_sources(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """Its lineage is all that it was made from."""
        (rumour,) = store.insert([note(ADA, trust=0.3)], who="t", why="t")
        (made,) = store.insert([derived(ids[0], rumour.id)], who="t", why="t")
        (again,) = store.insert([derived(ids[1], ids[2])], who="t", why="t")
        kept = store.get(made.id)
        assert again.id == made.id
        assert (kept.trust, set(kept.derived_from)) == (0.3, {*ids[:3], rumour.id})
        store.update(dataclasses.replace(kept, trust=1.0), who="t", why="t")
        assert store.get(made.id).trust == 0.3

    def test_a_source_that_is_trusted_less_makes_an_insight_stale(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """More trust does no harm."""
        (made,) = store.insert([derived(ids[0], ids[1])], who="t", why="t")
        store.update(dataclasses.replace(store.get(ids[0]), trust=0.2), who="t", why="t")
        assert store.get(made.id).status == "stale"

    @pytest.mark.parametrize("side", [0, 1])
    def test_either_side_of_a_succession_can_be_undone(
        self, store: MemoryStore, ids: list[str], side: int
    ) -> None:
        """Both are as they were before."""
        before = [store.get(id_) for id_ in ids[:2]]
        store.supersede(ids[0], ids[1], who="t", why="t")
        store.undo(store.history(ids[side])[-1].id, who="t", why="t")
        assert [store.get(id_) for id_ in ids[:2]] == before

    def test_what_lost_its_place_to_a_mistake_has_it_again(self, store: MemoryStore) -> None:
        """When the insert of what took it is undone; a purge leaves no name behind."""
        (first,) = learn(store, ADA)
        (second,) = learn(store, TOM, judge=CONTRADICTION)
        store.undo(store.history(second)[0].id, who="t", why="t")
        assert store.get(first).status == "active"
        (third,) = learn(store, EVE, judge=CONTRADICTION)
        store.purge([third], who="t", why="t")
        assert (store.get(first).status, store.get(first).superseded_by) == ("superseded", "")
        (back,) = store.insert([note(ADA, document="b")], who="t", why="t")
        assert store.get(back.id).status == "active"

    def test_what_was_superseded_and_then_forgotten_does_not_come_back_beside_its_winner(
        self, store: MemoryStore
    ) -> None:
        """Learnt again, it is superseded again; a judge may give it its place."""
        first, second = learn(store, ADA, TOM, judge=CONTRADICTION)
        store.forget([first], who="t", why="t")
        (again,) = store.insert([note(ADA, document="b")], who="t", why="t")
        assert (again.outcome, store.get(first).status) == ("outdated", "superseded")
        assert ids_of(store.recall(ADA)) == [second]
        store.forget([first], who="t", why="t")
        store.insert([note(ADA, document="c")], who="t", why="t", judge=CONTRADICTION)
        assert (store.get(first).superseded_by, store.get(first).supersedes) == ("", (second,))
        assert [one.id for one in store.list()] == [first]

    def test_a_place_that_is_taken_again_is_lost_again(self, store: MemoryStore) -> None:
        """By an undo of what gave it back: both ends say so."""
        first, second = learn(store, ADA, TOM, judge=CONTRADICTION)
        unlike = Saying(lambda _older, _newer: "unrelated")
        store.insert([note(ADA, document="b")], who="t", why="t", judge=unlike)
        assert (store.get(first).status, store.get(second).supersedes) == ("active", ())
        store.undo(store.history(second)[-1].id, who="t", why="t")
        assert (store.get(first).status, store.get(first).superseded_by) == ("superseded", second)
        assert store.get(second).supersedes == (first,)

    def test_a_place_is_not_given_back_to_what_is_purged(self, store: MemoryStore) -> None:
        """An undo of what the purge changed names nothing that is gone."""
        first, second = learn(store, ADA, TOM, judge=CONTRADICTION)
        store.purge([second], who="t", why="t")
        store.undo(store.history(first)[-1].id, who="t", why="t")
        assert store.get(first).superseded_by == ""

    @pytest.mark.parametrize("event", [0, -1, 10_000, 2**70])
    def test_an_event_that_there_is_not(
        self, store: MemoryStore, ids: list[str], event: int
    ) -> None:
        """It is an event that is missing, not a memory."""
        with pytest.raises(NotFoundError, match=f"no event {event}"):
            store.undo(event, who="t", why="t")
        assert len(ids) == len(NOTES)
