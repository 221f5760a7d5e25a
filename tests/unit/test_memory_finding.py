"""Recall where something is odd: unknown words, letters that fold, readers beside writers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.errors import StoreError
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.conformance import note
from ingrained.memory.lookups import Lookups
from ingrained.memory.testing import HashEmbedder

BY = {"who": "test", "why": "test"}


@pytest.fixture
def store(tmp_path: Path):
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        yield store


def by_words(store: MemoryStore, query: str, **options) -> list[str]:
    return [one.memory.text for one in store.recall(query, search="words", **options)]


@pytest.mark.parametrize("word", ["straße", "Größe", "ŉdebele", "ﬁre", "İzmir", "ΟΔΟΣ"])
def test_a_word_is_found_as_it_was_written(store: MemoryStore, word: str) -> None:
    store.insert([note(f"It says {word} there.")], **BY)
    assert by_words(store, word) == [f"It says {word} there."]


def test_a_word_that_nobody_holds_does_not_hide_those_that_many_hold(store: MemoryStore) -> None:
    store.insert([note(f"The kiln glaze of day {n}.", document=str(n)) for n in range(120)], **BY)
    assert len(by_words(store, "kiln glaze day")) == 5
    assert len(by_words(store, "kiln glaze day zebra")) == 5


def test_anothers_memories_do_not_hide_ones_own(store: MemoryStore) -> None:
    ada = ("user", "ada")
    store.insert([note(f"The kiln glaze of day {n}.", namespace=ada) for n in range(3)], **BY)
    store.insert([note(f"The kiln glaze of year {n}.") for n in range(120)], **BY)
    assert len(by_words(store, "kiln glaze zebra", namespace=ada)) == 3


def test_a_closed_store_says_so_to_readers_and_writers(tmp_path: Path) -> None:
    with MemoryStore.open(tmp_path, HashEmbedder()) as writer:
        writer.insert([note("The kiln is hot.")], **BY)
    with MemoryStore.open(tmp_path, HashEmbedder(), read_only=True) as reader:
        pass
    for store in (writer, reader):
        with pytest.raises(StoreError, match="closed"):
            store.recall("kiln")


def test_what_goes_while_a_recall_diversifies_is_no_error(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert([note(f"The kiln of day {n}.", document=str(n)) for n in range(4)], **BY)
    monkeypatch.setattr(Lookups, "vectors", lambda *_, **__: {})
    assert len(store.recall("kiln", diversity=0.5)) == 4


class Backwards:
    """A reranker that likes long texts."""

    name = "backwards"

    def scores(self, query: str, texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]


def test_what_a_reranker_passed_over_is_explained_by_its_scores(store: MemoryStore) -> None:
    texts = [f"The kiln {'is very hot ' * n}today." for n in range(1, 5)]
    store.insert([Memory(id="", text=text) for text in texts], **BY)
    found = store.explain("kiln today", k=2, reranker=Backwards())
    assert [one.found.memory.text for one in found] == texts[::-1]
    assert [one.verdict for one in found] == ["recalled"] * 2 + ["beyond k"] * 2
    scores = [one.found.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(one.found.reranked is not None for one in found)
