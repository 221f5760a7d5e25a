"""The contract: searches without a query."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import BaseStore, SearchItem

from .base import StoreTests, needs

HOME = ("books",)
BOOKS: dict[str, dict[str, Any]] = {
    "moby": {
        "title": "Moby-Dick",
        "year": 1851,
        "price": 9.5,
        "sold": True,
        "date": "1851-10-18",
        "tags": ["sea", "whale"],
        "by": {"name": "Melville", "born": 1819, "of": {"land": "US"}},
        "note": None,
    },
    "emma": {
        "title": "Emma",
        "year": 1815,
        "price": 7,
        "sold": False,
        "date": "1815-12-23",
        "tags": [],
        "by": {"name": "Austen", "born": 1775, "of": {"land": "UK"}},
    },
}
FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"moby", "emma"}),
    ({"title": "Emma"}, {"emma"}),
    ({"title": "emma"}, set()),
    ({"title": "Emma", "year": 1815}, {"emma"}),
    ({"title": "Emma", "year": 1851}, set()),
    ({"year": {"$eq": 1851}}, {"moby"}),
    ({"title": {"$eq": "Emma"}}, {"emma"}),
    ({"price": 7.0}, {"emma"}),
    ({"price": {"$gt": 7}}, {"moby"}),
    ({"price": {"$gte": 7}}, {"moby", "emma"}),
    ({"price": {"$lt": 9.5}}, {"emma"}),
    ({"price": {"$lte": 9.5}}, {"moby", "emma"}),
    ({"year": {"$gte": 1815, "$lt": 1851}}, {"emma"}),
    ({"year": {"$gt": 1815}, "price": {"$lt": 9}}, set()),
    ({"sold": True}, {"moby"}),
    ({"sold": False}, {"emma"}),
    ({"tags": ["sea", "whale"]}, {"moby"}),
    ({"tags": ["whale", "sea"]}, set()),
    ({"tags": []}, {"emma"}),
    ({"nowhere": "x"}, set()),
]
NESTED: list[tuple[dict[str, Any], set[str]]] = [
    ({"by": {"name": "Austen"}}, {"emma"}),
    ({"by": {"born": {"$gt": 1800}}}, {"moby"}),
    ({"by": {"of": {"land": "UK"}, "born": 1775}}, {"emma"}),
    ({"by": {"of": {"land": {"$ne": "UK"}}}}, {"moby"}),
    ({"by": {"nowhere": "x"}}, set()),
]
ODD_KEYS = ("a.b", "a b", "it's", 'say "no"', "ключ", "", "a')--")


def _named(value: dict[str, Any] | set[str]) -> str:
    """Return a name that is the same in every process, which a set's own is not."""
    return str(sorted(value)) if isinstance(value, set) else str(value)


def put_books(store: BaseStore) -> None:
    """Put `BOOKS` in, and one item of another namespace that every filter would match."""
    for key, value in BOOKS.items():
        store.put(HOME, key, value)
    store.put(("elsewhere",), "moby", BOOKS["moby"])


def keys(found: list[SearchItem]) -> set[str]:
    """Return the keys of what was found, of which no two are of one item."""
    assert len({(item.namespace, item.key) for item in found}) == len(found)
    return {item.key for item in found}


class FilterTests(StoreTests):
    """Which items a filter lets through, and in what pages."""

    @needs("has_sync")
    @pytest.mark.parametrize(("wanted", "expected"), FILTERS, ids=_named)
    def test_a_filter_lets_through_what_fulfils_it(
        self, store: BaseStore, wanted: dict[str, Any], expected: set[str]
    ) -> None:
        """Equality, the six operators, and all conditions together."""
        put_books(store)
        assert keys(store.search(HOME, filter=wanted)) == expected

    @needs("has_sync")
    @pytest.mark.parametrize(("wanted", "expected"), NESTED, ids=_named)
    def test_a_filter_reaches_into_nested_values(
        self, store: BaseStore, wanted: dict[str, Any], expected: set[str]
    ) -> None:
        """A dict without operators is a filter of the dict below."""
        put_books(store)
        assert keys(store.search(HOME, filter=wanted)) == expected

    @needs("has_sync")
    def test_what_is_missing_is_null(self, store: BaseStore) -> None:
        """So it equals null and differs from everything else."""
        put_books(store)
        assert keys(store.search(HOME, filter={"note": None})) == {"moby", "emma"}
        assert keys(store.search(HOME, filter={"note": {"$ne": None}})) == set()
        assert keys(store.search(HOME, filter={"isbn": {"$ne": 1851}})) == {"moby", "emma"}

    @needs("has_sync")
    def test_what_is_missing_is_neither_more_nor_less(self, store: BaseStore) -> None:
        """A comparison with nothing is no error and does not hold."""
        put_books(store)
        store.put(HOME, "blank", {"year": None})
        assert keys(store.search(HOME, filter={"year": {"$gte": 0}})) == {"moby", "emma"}
        assert keys(store.search(HOME, filter={"isbn": {"$lt": 9999}})) == set()

    @needs("has_sync")
    def test_strings_have_an_order(self, store: BaseStore) -> None:
        """By code point: dates as ISO 8601 writes them compare as dates."""
        put_books(store)
        assert keys(store.search(HOME, filter={"date": {"$gt": "1820-01-01"}})) == {"moby"}
        assert keys(store.search(HOME, filter={"date": {"$lte": "1815-12-23"}})) == {"emma"}

    @needs("has_sync")
    def test_numbers_and_strings_have_no_order(self, store: BaseStore) -> None:
        """Nothing is converted: "10" is not more than 9."""
        store.put(HOME, "string", {"n": "10"})
        store.put(HOME, "number", {"n": 10})
        store.put(HOME, "list", {"n": [10]})
        assert keys(store.search(HOME, filter={"n": {"$gt": 9}})) == {"number"}
        assert keys(store.search(HOME, filter={"n": {"$gt": "1"}})) == {"string"}

    @needs("has_sync")
    def test_true_is_not_one(self, store: BaseStore) -> None:
        """They are different JSON."""
        store.put(HOME, "true", {"n": True})
        store.put(HOME, "one", {"n": 1})
        assert keys(store.search(HOME, filter={"n": 1})) == {"one"}
        assert keys(store.search(HOME, filter={"n": True})) == {"true"}

    @needs("has_sync")
    def test_any_key_can_be_filtered_by(self, store: BaseStore) -> None:
        """A dot in it is a dot, not a path."""
        for key in ODD_KEYS:
            store.put(HOME, f"hit {key}", {key: "x", "a": {"b": "y"}})
        store.put(HOME, "miss", {"a": {"b": "x"}})
        for key in ODD_KEYS:
            assert keys(store.search(HOME, filter={key: "x"})) == {f"hit {key}"}

    @needs("has_sync")
    def test_an_unknown_operator_is_refused(self, store: BaseStore) -> None:
        """Rather than taken for one that is known."""
        put_books(store)
        for wanted in ({"year": {"$in": [1851]}}, {"year": {"$gt": 1, "$regex": "x"}}):
            with pytest.raises(ValueError, match=r"(?i)operator"):
                store.search(HOME, filter=wanted)

    @needs("has_sync")
    def test_without_a_query_there_is_no_score(self, store: BaseStore) -> None:
        """The items are SearchItems all the same."""
        put_books(store)
        found = store.search(HOME)
        assert all(isinstance(item, SearchItem) for item in found)
        assert [item.score for item in found] == [None] * 2

    @needs("has_sync")
    def test_a_store_without_an_index_passes_over_a_query(self, store: BaseStore) -> None:
        """And over the `index` of a put."""
        store.put(HOME, "a", {"text": "fox"}, index=["text"])
        store.put(HOME, "b", {"text": "fox"}, index=False)
        found = store.search(HOME, query="fox")
        assert keys(found) == {"a", "b"}
        assert [item.score for item in found] == [None, None]

    @needs("has_sync")
    def test_results_come_in_pages(self, store: BaseStore) -> None:
        """Which together are all of them, none twice; by default ten."""
        for number in range(25):
            store.put(HOME, str(number), {"even": number % 2 == 0})
        assert len(store.search(HOME)) == 10
        pages = [store.search(HOME, limit=10, offset=offset) for offset in (0, 10, 20, 30)]
        assert [len(page) for page in pages] == [10, 10, 5, 0]
        assert keys([item for page in pages for item in page]) == set(map(str, range(25)))
        assert store.search(HOME, limit=0) == []
        even = [
            item
            for offset in (0, 8)
            for item in store.search(HOME, filter={"even": True}, limit=8, offset=offset)
        ]
        assert keys(even) == {str(number) for number in range(0, 25, 2)}
