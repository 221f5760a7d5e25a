"""Inserting and recalling."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.errors import InputError, NotFoundError
from ingrained.memory.records import Evidence
from ingrained.memory.store import MemoryStore

from .base import DAY, NOTES, START, Clock, Grounds, ids_of, note


class RecallContract(Grounds):
    """What goes in comes back, once, and only for those it is for."""

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
        assert [ids_of(found) for found in together] == [ids_of(found) for found in singly]
        assert ids_of(together[0]) == [ids[0]]
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

    @pytest.mark.parametrize(
        "text",
        [
            "Der Fluß fließt über die Straße.", "Ёлка стоит в каждом доме.", "Φάρος που καίει λάδι.",
            "등대는 1873년에 완성되었다.", "灯台は千八百七十三年に完成した。", "ประภาคารสร้างเสร็จ",
            "लाइटहाउस तेल जलाता है।", "המגדלור בוער בשמן.",
        ],
    )  # fmt: skip
    def test_every_script_is_found_by_its_words(self, store: MemoryStore, text: str) -> None:
        """The rest of the memory is in other words."""
        store.insert([note(text), *map(note, NOTES)], who="t", why="t")
        assert store.recall(text, search="words")[0].memory.text == text

    def test_what_others_know_does_not_hide_what_one_knows(self, store: MemoryStore) -> None:
        """A word that is common elsewhere finds its memory here."""
        ada, bob = ("user", "ada"), ("user", "bob")
        store.insert([note("The kiln is hot.", namespace=ada)], who="t", why="t")
        others = [note(f"Kiln {number} is kiln.", namespace=bob) for number in range(120)]
        store.insert(others, who="t", why="t")
        for search in ("words", "both"):
            (found,) = store.recall("kiln", namespace=ada, search=search)
            assert found.memory.text == "The kiln is hot."
        assert len(store.recall("kiln", namespace=bob, k=100, diversity=0.1)) == 100

    def test_a_query_may_ask_for_so_many(self, store: MemoryStore) -> None:
        """More than ten thousand is a mistake."""
        with pytest.raises(InputError, match="at most"):
            store.recall("pears", k=10**12)
