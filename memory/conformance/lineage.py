"""Where memories come from, what took their place, and what is left of them after a purge."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from ingrained.errors import InputError, NotFoundError, StoreError
from ingrained.memory.filters import Where
from ingrained.memory.forgetting import ForgettingPolicy
from ingrained.memory.records import Memory, sha256
from ingrained.memory.relations import Relation
from ingrained.memory.store import MemoryStore

from .base import DAY, NOTES, START, Clock, Grounds, ids_of, note

OLD = "The lighthouse keeper is Ada Venn."
NEW = "The lighthouse keeper is Tom Reed."


class Ruling:
    """A judge that always says the same, and remembers what it was asked."""

    def __init__(self, relation: Relation) -> None:
        self._relation: Relation = relation
        self.asked: list[tuple[str, str]] = []

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        """Return the same relation for every pair."""
        self.asked += [(older.text, newer.text) for older, newer in pairs]
        return [self._relation for _ in pairs]


class LineageContract(Grounds):
    """Nothing changes without a trace, and nothing purged leaves one."""

    def test_punctuation_and_articles_make_no_other_memory(self, store: MemoryStore) -> None:
        """Numbers, accents and the order of words do."""
        store.insert([note("The café opened in 1871.")], who="t", why="t")
        again = [
            "A café opened in 1871", "The café opened in 1873.", "In 1871 opened the café.",
            "The cafe opened in 1871.", "Hepatitis A spreads.", "Hepatitis spreads.", "...", "the",
            "かき", "かぎ", "2³ is 8.", "23 is 8.",
        ]  # fmt: skip
        done = store.insert([note(text, start=9) for text in again], who="t", why="t")
        assert [one.outcome for one in done] == ["merged"] + ["added"] * (len(again) - 1)

    def test_a_contradiction_takes_the_place_of_the_older_and_both_can_be_seen(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """With when each held, and who said so."""
        (old,) = store.insert([note(OLD)], who="t", why="t")
        clock.now += DAY
        judge = Ruling("contradicts")
        (new,) = store.insert([note(NEW, document="new.md")], who="t", why="t", judge=judge)
        assert judge.asked == [(OLD, NEW)]
        assert (new.outcome, new.superseded) == ("added", (old.id,))
        before, after = store.get(old.id), store.get(new.id)
        assert (before.status, before.superseded_by) == ("superseded", new.id)
        assert before.valid_to == START + DAY
        assert (after.status, after.supersedes, after.valid_to) == ("active", (old.id,), None)
        assert ids_of(store.recall(OLD)) == [new.id]
        assert store.list(status="superseded") == [before]

    def test_what_is_trusted_less_does_not_take_a_place(self, store: MemoryStore) -> None:
        """It is kept, but not recalled."""
        (old,) = store.insert([note(OLD)], who="t", why="t")
        rumour = note(NEW, document="rumour.md", trust=0.3)
        (new,) = store.insert([rumour], who="t", why="t", judge=Ruling("contradicts"))
        assert new.outcome == "outdated"
        assert ids_of(store.recall(OLD)) == [old.id]
        assert store.get(new.id).superseded_by == old.id

    def test_other_words_for_the_same_are_one_memory(self, store: MemoryStore) -> None:
        """Their sources are united; what only refines stays beside it."""
        (old,) = store.insert([note(OLD)], who="t", why="t")
        other = note("Ada Venn keeps the lighthouse.", document="b.md")
        (new,) = store.insert([other], who="t", why="t", judge=Ruling("same"))
        assert (new.outcome, new.id) == ("merged", old.id)
        assert [span.document for span in store.get(old.id).spans] == ["guide.md", "b.md"]
        finer = note("The lighthouse keeper Ada Venn is seventy.", document="c.md")
        (kept,) = store.insert([finer], who="t", why="t", judge=Ruling("refines"))
        assert kept.outcome == "added"
        assert len(store.list()) == 2

    def test_two_of_one_insert_are_judged_as_well(self, store: MemoryStore) -> None:
        """The later one counts as the newer."""
        both = [note(OLD), note(NEW, document="b.md")]
        done = store.insert(both, who="t", why="t", judge=Ruling("contradicts"))
        assert store.get(done[0].id).status == "superseded"
        assert ids_of(store.recall(OLD)) == [done[1].id]

    def test_sentences_of_one_version_of_a_document_are_not_judged(
        self, store: MemoryStore
    ) -> None:
        """Both are meant as they stand there."""
        judge = Ruling("contradicts")
        store.insert([note(OLD), note(NEW, start=50)], who="t", why="t", judge=judge)
        assert judge.asked == []
        assert len(store.list()) == 2

    def test_a_document_that_changes_takes_its_memories_along(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """What it says no longer is superseded, the rest points to its new place."""
        old = "\n".join(NOTES)
        places = [
            dataclasses.replace(note(text, start=old.index(text)), id=id_)
            for text, id_ in zip(NOTES, ids, strict=True)
        ]
        for memory in places:
            known = store.get(memory.id)
            store.update(dataclasses.replace(known, spans=memory.spans), who="t", why="t")
        new = "Preface. " + old.replace("pears", "plums")
        revision = store.revise_document(
            "guide.md", sha256(new), new, old_text=old, who="study", why="guide.md changed"
        )
        assert [memory.id for memory in revision.gone] == [ids[1]]
        gone = store.get(ids[1])
        assert (gone.status, gone.valid_to) == ("superseded", START)
        (span,) = store.get(ids[0]).spans
        assert (new[span.start : span.end], span.version) == (NOTES[0], sha256(new))
        assert store.history(ids[0])[-1].kind == "revise"
        assert len(store.list()) == len(NOTES) - 1

    def test_an_insight_is_trusted_no_more_than_its_sources(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """The least of the lineage."""
        (rumour,) = store.insert([note("Pears float.", trust=0.4)], who="t", why="t")
        insight = Memory(
            id="", text="Pears grow and float.", kind="insight", derived_from=(ids[1], rumour.id)
        )
        (made,) = store.insert([insight], who="reflect", why="t")
        assert store.get(made.id).trust == 0.4

    @pytest.mark.parametrize("change", ["forget", "update", "supersede"])
    def test_an_insight_is_out_of_date_when_a_source_changes(
        self, store: MemoryStore, ids: list[str], change: str
    ) -> None:
        """In the same transaction: it is not recalled until it is derived anew."""
        insight = Memory(
            id="", text="Cape Morrow lives off pears and copper.", kind="insight",
            derived_from=(ids[1], ids[3]),
        )  # fmt: skip
        (made,) = store.insert([insight], who="reflect", why="t")
        store.reinforce([ids[1]], who="t", why="of use")
        assert store.get(made.id).status == "active"
        if change == "forget":
            store.forget([ids[1]], who="t", why="t")
        elif change == "supersede":
            store.supersede(ids[1], ids[0], who="t", why="t")
        else:
            changed = dataclasses.replace(store.get(ids[1]), text="Ada Venn planted plums.")
            store.update(changed, who="t", why="t")
        assert store.get(made.id).status == "stale"
        assert made.id not in ids_of(store.recall(insight.text, floor=-1.0))

    def test_an_undone_change_is_as_if_it_had_not_been_and_is_on_record(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """What came after it on other fields stays."""
        before = store.get(ids[0])
        store.update(dataclasses.replace(before, text="The beacon burns oil."), who="t", why="t")
        store.reinforce([ids[0]], who="t", why="t")
        event = store.history(ids[0])[1]
        (now,) = store.undo(event.id, who="user", why="wrong")
        assert (now.text, now.strength) == (before.text, 2.0)
        assert ids_of(store.recall(NOTES[0])) == [ids[0]]
        assert [one.kind for one in store.history(ids[0])] == [
            "insert", "update", "reinforce", "undo",
        ]  # fmt: skip

    def test_a_change_that_was_built_upon_is_not_undone(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """The later one has to go first; an unknown event is none."""
        for text in ("First.", "Second."):
            store.update(dataclasses.replace(store.get(ids[0]), text=text), who="t", why="t")
        with pytest.raises(StoreError, match="changed since"):
            store.undo(store.history(ids[0])[1].id, who="t", why="t")
        with pytest.raises(NotFoundError):
            store.undo(10_000, who="t", why="t")
        assert store.get(ids[0]).text == "Second."

    def test_an_insert_undone_is_forgotten_and_a_place_taken_is_given_back(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """The whole step at once, if wanted."""
        store.supersede(ids[0], ids[1], who="t", why="t")
        store.undo(store.history(ids[0])[-1].id, who="t", why="t")
        assert store.get(ids[0]).status == "active"
        assert store.get(ids[1]).supersedes == ()
        first = store.history(ids[0])[0]
        assert len(store.undo(first.id, whole=True, who="t", why="t")) == len(NOTES)
        assert {memory.status for memory in store.list(status=None)} == {"forgotten"}

    def test_the_past_can_be_looked_at(
        self, store: MemoryStore, ids: list[str], clock: Clock
    ) -> None:
        """Every memory as it was then."""
        clock.now += DAY
        store.forget([ids[0]], who="t", why="t")
        store.insert([note("Bees came later.")], who="t", why="t")
        assert store.at(START - 1) == []
        then = store.at(START + 1)
        assert [memory.id for memory in then] == ids
        assert {memory.status for memory in then} == {"active"}
        assert [memory.status for memory in store.at(clock.now)].count("forgotten") == 1

    def test_a_purge_takes_all_but_the_fact_that_there_was_something(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """With what was made from it; it cannot be undone, and may be learnt again."""
        insight = Memory(
            id="", text="Cape Morrow has a lighthouse.", kind="insight", derived_from=(ids[0],)
        )
        (made,) = store.insert([insight], who="reflect", why="t")
        report = store.purge([ids[0]], who="user", why="asked to")
        assert [memory.text for memory in report.purged] == [NOTES[0]]
        assert [memory.id for memory in report.derived] == [made.id]
        assert NOTES[0] not in {memory.text for memory in store.list(status=None)}
        assert ids_of(store.recall(NOTES[0])) == []
        with pytest.raises(NotFoundError):
            store.get(ids[0])
        left = [event for event in store.events() if event.memory_id == ids[0]]
        assert [event.kind for event in left] == ["insert", "purge"]
        assert [event.after for event in left] == [None, None]
        with pytest.raises(StoreError, match="purged"):
            store.undo(left[0].id, who="t", why="t")
        assert store.insert([note(NOTES[0])], who="t", why="t")[0].outcome == "added"

    def test_beyond_the_capacity_the_most_faded_go(
        self, store: MemoryStore, ids: list[str], clock: Clock
    ) -> None:
        """Never a pinned one; each namespace has its own room."""
        other = ("user", "ada")
        store.insert([note(text, namespace=other) for text in NOTES[:2]], who="t", why="t")
        clock.now += DAY
        store.reinforce([ids[0]], who="t", why="t")
        store.pin([ids[1]], who="t", why="t")
        policy = ForgettingPolicy(capacity=2)
        gone = store.decay(policy=policy, who="t", why="t")
        assert {one.memory.id for one in gone} == {ids[2], ids[3]}
        assert {one.why for one in gone} == {"capacity"}
        assert len(store.list(namespace=other)) == 2

    def test_kinds_may_fade_at_their_own_pace(self, store: MemoryStore, clock: Clock) -> None:
        """A half-life is the time after which R is one half."""
        store.insert([note("A talk.", kind="episode"), note("A fact.")], who="t", why="t")
        policy = ForgettingPolicy(half_lives={"fact": 100.0, "episode": 1.0})
        clock.now += 10 * DAY
        (gone,) = store.decay(policy=policy, who="t", why="t")
        assert gone.memory.kind == "episode"
        assert gone.retention == pytest.approx(0.5**10)

    def test_recall_keeps_to_the_conditions(self, store: MemoryStore, clock: Clock) -> None:
        """Kind, document, tags, time and trust; all of them together."""
        made = [
            note("Pears ripen late.", tags=("fruit", "autumn")),
            note("Pears rot early.", document="b.md", tags=("fruit",), trust=0.5),
            note("Pears are eaten.", kind="episode"),
        ]
        first = [one.id for one in store.insert(made, who="t", why="t")]
        clock.now += DAY
        (late,) = store.insert([note("Pears are late.")], who="t", why="t")
        expected = {
            Where(): {*first, late.id},
            Where(kinds=("episode",)): {first[2]},
            Where(document="b.md"): {first[1]},
            Where(tags=("fruit",)): set(first[:2]),
            Where(tags=("fruit", "autumn")): {first[0]},
            Where(created_from=START + 1): {late.id},
            Where(created_to=START + 1): set(first),
            Where(min_trust=0.9): {first[0], first[2], late.id},
            Where(document="b.md", min_trust=0.9): set(),
        }
        for where, ids in expected.items():
            found = store.recall("What of pears?", where=where, k=9, floor=-1.0)
            assert set(ids_of(found)) == ids
            assert {memory.id for memory in store.list(where=where)} == ids

    def test_diverse_memories_are_unlike_each_other(self, store: MemoryStore) -> None:
        """The best still comes first."""
        alike = [f"Pears of orchard {n} ripen late in autumn." for n in range(4)]
        store.insert([note(t) for t in [*alike, "Pears are pressed for cider."]], who="t", why="t")
        query = "When do pears of orchard 0 ripen in autumn?"
        plain = store.recall(query, k=2, floor=-1.0)
        mixed = store.recall(query, k=2, floor=-1.0, diversity=0.7)
        assert mixed[0].memory.text == plain[0].memory.text == alike[0]
        assert mixed[1].memory.text == "Pears are pressed for cider."
        assert plain[1].memory.text in alike
        with pytest.raises(InputError):
            store.recall("pears", diversity=2.0)

    def test_what_was_considered_is_told_with_every_part_of_the_score(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """What was recalled comes first, as `recall` has it."""
        query = "When was the lighthouse at Cape Morrow finished?"
        told = store.explain(query, k=1)
        assert [one.found for one in told if one.verdict == "recalled"] == store.recall(query, k=1)
        assert {one.found.memory.id for one in told} == set(ids)
        best = told[0].found
        assert (best.dense_rank, best.lexical_rank) == (1, 1)
        assert {one.verdict for one in told[1:]} <= {"below the floors", "beyond k"}
        assert store.explain(" ") == []

    def test_tokens_are_a_budget(self, store: MemoryStore, ids: list[str]) -> None:
        """Counted as the caller counts them."""
        query = " ".join(NOTES)
        found = store.recall(
            query, k=4, floor=-1.0, max_tokens=20, count_tokens=lambda text: len(text.split())
        )
        assert len(found) == 2
        assert sum(len(one.memory.text.split()) for one in found) <= 20
        assert len(ids) == 4

    def test_a_label_is_a_label(self, store: MemoryStore) -> None:
        """No prefix, wildcard or case folding lets anything cross; any characters will do."""
        names = [
            ("user", "ada"), ("user", "ada", "notes"), ("user", "ad%"), ("user", "ada_"),
            ("user", "ADA"), ("user.ada",), ("user", "a@b.com"), ("docs", "paper.pdf"),
            ("*",), ("用户", "名\n"), ("user", "ada "), ('["user"',),
        ]  # fmt: skip
        for name in names:
            store.insert([note("Pears ripen late.", namespace=name)], who="t", why="t")
        for name in names:
            (found,) = store.recall("When do pears ripen?", namespace=name)
            assert found.memory.namespace == name
        assert store.recall("When do pears ripen?", namespace=("user",)) == []
        assert store.namespaces() == sorted(names)

    def test_records_can_be_taken_as_they_are(self, store: MemoryStore, ids: list[str]) -> None:
        """Ids, status and strength survive; a second time nothing changes."""
        store.forget([ids[2]], who="t", why="t")
        (near,) = store.adopt([note(NOTES[0].rstrip("."))], who="import", why="backup")
        assert near.outcome == "added"
        everything = store.list(status=None)
        old = dataclasses.replace(note("Old."), id="f" * 16, status="superseded", strength=4.0)
        done = store.adopt([*everything, old], who="import", why="backup")
        assert [one.outcome for one in done] == ["unchanged"] * 5 + ["added"]
        assert store.get("f" * 16) == dataclasses.replace(old, created=START)
        assert store.adopt([old], who="import", why="backup")[0].outcome == "unchanged"

    def test_a_note_on_the_store_is_kept(self, store: MemoryStore) -> None:
        """Such as when it was last reflected on."""
        assert store.note("reflected") is None
        store.set_note("reflected", "17")
        store.set_note("reflected", "18")
        assert store.note("reflected") == "18"
