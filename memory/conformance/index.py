"""What every vector index must do, as a pytest class to subclass.

    class TestMine(IndexContract):
        def open_index(self, folder):
            return MyIndex(folder)

Opening the same `folder` again must give the same entries, unless `lasting` is false.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.memory.entries import Entry
from ingrained.memory.index import Index
from ingrained.memory.testing import HashEmbedder

ADA, BOB = ("user", "ada"), ("user", "ada", "bob")
TEXTS = ("The lamp burns oil.", "Pears ripen late.", "Ferries stop in winter.")


def entry(id_: str, text: str, namespace: tuple[str, ...] = ADA) -> Entry:
    """Return an entry of a text."""
    (vector,) = HashEmbedder().embed([text])
    return Entry(id=id_, digest=f"digest of {text}", namespace=namespace, vector=vector)


class IndexContract:
    """Subclass it, override `open_index`, and let pytest collect it."""

    lasting = True
    """Whether the entries are there after reopening."""

    def open_index(self, folder: Path) -> Index:
        """Open the index under test."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, tmp_path: Path) -> Index:
        """One with an entry of each text."""
        index = self.open_index(tmp_path)
        index.upsert([entry(str(number), text) for number, text in enumerate(TEXTS)])
        return index

    def test_the_nearest_come_first_with_their_cosine(self, index: Index) -> None:
        """For each vector, `k` at most."""
        vectors = HashEmbedder().embed([TEXTS[1], TEXTS[0]])
        found = index.query(vectors, k=2, namespace=ADA)
        assert [hits[0][0] for hits in found] == ["1", "0"]
        assert [hits[0][1] for hits in found] == pytest.approx([1.0, 1.0], abs=1e-4)
        assert [len(hits) for hits in found] == [2, 2]
        assert all(hits[0][1] >= hits[1][1] for hits in found)
        assert index.query(vectors, k=0, namespace=ADA) == [[], []]
        assert index.query([], k=2, namespace=ADA) == []

    def test_an_entry_is_replaced_by_its_id(self, index: Index) -> None:
        """The number stays, vector and digest are the new ones."""
        index.upsert([entry("0", "Bees winter here.")])
        (vector,) = HashEmbedder().embed(["Bees winter here."])
        assert index.query([vector], k=1, namespace=ADA)[0][0][0] == "0"
        assert index.count(ADA) == len(TEXTS)
        assert index.digests()[(ADA, "0")] == "digest of Bees winter here."

    def test_what_is_deleted_is_gone(self, index: Index) -> None:
        """Unknown entries are ignored."""
        index.delete([(ADA, "1"), (ADA, "unknown"), (BOB, "0")])
        (vector,) = HashEmbedder().embed([TEXTS[1]])
        assert "1" not in [id_ for id_, _ in index.query([vector], k=9, namespace=ADA)[0]]
        assert index.count(ADA) == len(TEXTS) - 1
        assert set(index.digests()) == {(ADA, "0"), (ADA, "2")}

    def test_namespaces_keep_apart(self, index: Index) -> None:
        """The same id may be in two of them; a prefix is another one."""
        index.upsert([entry("0", TEXTS[1], BOB)])
        (vector,) = HashEmbedder().embed([TEXTS[1]])
        assert [id_ for id_, _ in index.query([vector], k=9, namespace=BOB)[0]] == ["0"]
        assert index.query([vector], k=9, namespace=("user",)) == [[]]
        assert (index.count(BOB), index.count(("user",))) == (1, 0)
        index.delete([(BOB, "0")])
        assert index.count(ADA) == len(TEXTS)

    def test_digests_can_be_asked_for_some(self, index: Index) -> None:
        """Those that are not there are left out."""
        asked = [(ADA, "2"), (ADA, "unknown"), (BOB, "0")]
        assert dict(index.digests(asked)) == {(ADA, "2"): f"digest of {TEXTS[2]}"}
        assert dict(index.digests([])) == {}

    def test_a_seal_is_kept_and_says_how_far_it_is(self, index: Index, tmp_path: Path) -> None:
        """A new index has none: nobody knows yet that it holds all there is."""
        assert index.sealed() is None
        index.seal(("north", 3))
        index.seal(("north", 7))
        assert index.sealed() == ("north", 7)
        index.close()
        if self.lasting:
            again = self.open_index(tmp_path)
            assert again.sealed() == ("north", 7)
            assert again.count(ADA) == len(TEXTS)
            assert len(again.digests()) == len(TEXTS)
            again.close()
