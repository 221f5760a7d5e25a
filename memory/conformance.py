"""What every memory store must do, as a pytest class to subclass.

    class TestMine(MemoryStoreContract):
        def open_store(self, home, clock):
            return MemoryStore.open(home, HashEmbedder(), index=MyIndex(), clock=clock)

Opening the same `home` again must give the same memories.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingrained.errors import InputError, NotFoundError, StoreError

from .records import Evidence, Memory, Span, sha256
from .results import Recalled
from .store import MemoryStore
from .testing import HashEmbedder

DAY = 86_400.0
START = 1_000_000.0

NOTES = (
    "The lighthouse at Cape Morrow was finished in 1873.",
    "Ada Venn, the first keeper, planted a walled orchard of pears.",
    "The harbour freezes every February and the ferries stop.",
    "Copper from the northern mine paid for the railway.",
)


class Clock:
    """A clock that stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        """Return the time in POSIX seconds."""
        return self.now


def note(text: str, *, document: str = "guide.md", start: int = 0, **fields: Any) -> Memory:
    """Return a memory of `text` that rests on one span of a document."""
    span = Span(
        document=document,
        version=sha256(document),
        start=start,
        end=start + len(text),
        quote=text,
        quote_sha256=sha256(text),
    )
    return dataclasses.replace(Memory(id="", text=text, spans=(span,)), **fields)


def _ids(found: Sequence[Recalled]) -> list[str]:
    return [item.memory.id for item in found]


class MemoryStoreContract:
    """Subclass it, override `open_store`, and let pytest collect it."""

    def open_store(self, home: Path, clock: Callable[[], float]) -> MemoryStore:
        """Open the store under test, for writing."""
        return MemoryStore.open(home, HashEmbedder(), clock=clock)

    @pytest.fixture
    def clock(self) -> Clock:
        """The store's clock."""
        return Clock()

    @pytest.fixture
    def store(self, tmp_path: Path, clock: Clock) -> Iterator[MemoryStore]:
        """An empty store."""
        with self.open_store(tmp_path, clock) as store:
            yield store

    @pytest.fixture
    def ids(self, store: MemoryStore) -> list[str]:
        """The ids of `NOTES`, inserted."""
        inserted = store.insert([note(text) for text in NOTES], who="reader", why="read")
        return [item.id for item in inserted]

    def test_what_is_inserted_can_be_got_and_is_still_there_after_reopening(
        self, store: MemoryStore, ids: list[str], tmp_path: Path, clock: Clock
    ) -> None:
        """Insert, get, close, open, get."""
        before = [store.get(id_) for id_ in ids]
        assert [memory.text for memory in before] == list(NOTES)
        assert {memory.created for memory in before} == {START}
        store.close()
        with self.open_store(tmp_path, clock) as again:
            assert [again.get(id_) for id_ in ids] == before
            assert again.recall(NOTES[0])[0].memory.id == ids[0]

    def test_a_unique_beginning_of_an_id_will_do(self, store: MemoryStore, ids: list[str]) -> None:
        """Four characters or more, and only one memory that starts so."""
        assert store.get(ids[0][:12]).id == ids[0]
        for unknown in (ids[0][:3], "", "zzzz", ids[0] + "0", "%%%%", "é" * 5):
            with pytest.raises(NotFoundError):
                store.get(unknown)

    def test_the_same_insert_again_changes_nothing(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """A run that is resumed may insert what it inserted before."""
        events = store.stats().events
        again = store.insert([note(text) for text in NOTES], who="reader", why="read")
        assert [(item.id, item.outcome) for item in again] == [(id_, "unchanged") for id_ in ids]
        assert store.stats().events == events

    def test_a_duplicate_is_merged_and_keeps_both_sources(
        self, store: MemoryStore, ids: list[str]
    ) -> None:
        """Case and white space do not make another memory."""
        trial = Evidence(question="When?", answer="1873", passed_before=False, passed_after=True)
        twin = note(f"  {NOTES[0].upper()}\n", document="history.md", evidence=(trial,))
        assert store.insert([twin], who="reader", why="read")[0].outcome == "merged"
        merged = store.get(ids[0])
        assert [span.document for span in merged.spans] == ["guide.md", "history.md"]
        assert (merged.text, merged.count, merged.evidence) == (NOTES[0], 2, (trial,))
        assert [item.memory.id for item in store.recall(NOTES[0], document="history.md")] == [
            ids[0]
        ]

    def test_duplicates_within_one_insert_meet_each_other(self, store: MemoryStore) -> None:
        """One memory with two places comes of it."""
        pair = [note("Pears ripen late."), note("pears ripen  late.", start=40)]
        outcomes = store.insert(pair, who="reader", why="read")
        assert [item.outcome for item in outcomes] == ["added", "merged"]
        assert len(store.get(outcomes[0].id).spans) == 2

    def test_an_insert_is_all_or_nothing(self, store: MemoryStore) -> None:
        """One empty text refuses the lot."""
        with pytest.raises(InputError):
            store.insert([note("Fine."), note(" \n ")], who="reader", why="read")
        assert store.list() == []

    def test_recall_finds_by_meaning_and_by_words(self, store: MemoryStore, ids: list[str]) -> None:
        """The right note comes first, with its reasons."""
        best = store.recall("When was the lighthouse finished?")[0]
        assert best.memory.id == ids[0]
        assert (best.rank, best.lexical, best.retention) == (1, 1.0, 1.0)
        assert 0.0 < best.dense <= 1.0

    @pytest.mark.usefixtures("ids")
    def test_a_score_of_one_means_first_in_both_searches_and_not_faded(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        """Scores are in [0, 1], fall with the rank, and fall with time."""
        found = store.recall(NOTES[0], floor=-1.0)
        assert found[0].score == pytest.approx(1.0)
        assert all(0.0 <= item.score <= 1.0 for item in found)
        assert [item.score for item in found] == sorted(
            (item.score for item in found), reverse=True
        )
        clock.now += 2 * DAY
        assert 0.0 < store.recall(NOTES[0])[0].score < 1.0

    @pytest.mark.parametrize("query", ["Who won the chess tournament?", "what is the", "", " \n"])
    @pytest.mark.usefixtures("ids")
    def test_nothing_near_means_nothing_recalled(self, store: MemoryStore, query: str) -> None:
        """Neither a stranger's question nor stop-words bring anything up."""
        assert store.recall(query) == []

    @pytest.mark.parametrize(
        "query",
        [
            'lighthouse" OR text:*',
            "lighthouse' AND NOT (finished)",
            "NEAR(lighthouse finished, 3) ^lighthouse -finished",
            "lighthouse\x00finished \ud800 🗼 燈台 маяк",
            "{lighthouse} + finished : title;--",
        ],
    )
    def test_a_query_is_data_whatever_it_holds(
        self, store: MemoryStore, ids: list[str], query: str
    ) -> None:
        """Operators, quotes and stray bytes mean nothing."""
        assert ids[0] in [item.memory.id for item in store.recall(query, floor=0.1)]

    def test_many_queries_answer_as_one_by_one(self, store: MemoryStore, ids: list[str]) -> None:
        """Order, repeats and empty queries are kept."""
        queries = [*NOTES, "", "Who won the chess tournament?", NOTES[0]]
        together = store.recall_many(queries)
        singly = [store.recall(query) for query in queries]
        assert [_ids(found) for found in together] == [_ids(found) for found in singly]
        assert _ids(together[0]) == [ids[0]]
        assert together[4:6] == [[], []]
        assert store.recall_many([]) == []

    @pytest.mark.usefixtures("ids")
    def test_recall_keeps_to_k_and_to_the_room_there_is(self, store: MemoryStore) -> None:
        """The character budget passes over what does not fit."""
        query = " ".join(NOTES)
        assert len(store.recall(query, k=2, floor=-1.0)) == 2
        assert store.recall(query, k=0) == []
        shortest = min(len(text) for text in NOTES)
        fitting = store.recall(query, k=4, floor=-1.0, max_chars=shortest)
        assert [len(item.memory.text) for item in fitting] == [shortest]
        assert store.recall(query, floor=-1.0, max_chars=shortest - 1) == []

    def test_namespaces_and_documents_keep_apart(self, store: MemoryStore) -> None:
        """A dot, a quote or a separator in a name changes nothing."""
        first, second = ("users", "a@b.com"), ("users,a@b", 'com"')
        store.insert([note("Ada likes pears.", namespace=first)], who="t", why="t")
        store.insert(
            [note("Ada likes pears.", namespace=second, document='od"d.md')], who="t", why="t"
        )
        for namespace in (first, second):
            (found,) = store.recall("Who likes pears?", namespace=namespace)
            assert found.memory.namespace == namespace
            assert [memory.namespace for memory in store.list(namespace=namespace)] == [namespace]
        assert store.recall("Who likes pears?") == []
        assert store.recall("Who likes pears?", namespace=first, document='od"d.md') == []
        assert len(store.list(document='od"d.md')) == 1

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
