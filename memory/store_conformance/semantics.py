"""The contract: searches with a query."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import pytest
from langgraph.store.base import BaseStore, IndexConfig, PutOp, SearchItem, SearchOp

from .base import INDEX, StoreTests, embed, needs

HOME = ("notes",)


def scores(found: list[SearchItem]) -> dict[str, float | None]:
    """Return the score of each key that was found."""
    assert len({(item.namespace, item.key) for item in found}) == len(found)
    return {item.key: item.score for item in found}


def scored(store: BaseStore, query: str) -> set[str]:
    """Return the keys of the items that are found by their text."""
    found = scores(store.search((), query=query, limit=100))
    return {key for key, score in found.items() if score is not None}


def cosine(one: str, other: str) -> float:
    """Return the cosine similarity of two texts."""
    (a, b) = embed([one, other])
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


class SemanticTests(StoreTests):
    """What is near, how near, and what is no longer there to be near."""

    @needs("has_sync", "has_semantic_search")
    def test_the_nearest_comes_first_with_its_cosine_similarity(self, indexed: BaseStore) -> None:
        """1 for the same direction, 0 for nothing in common."""
        texts = {"a": "fox fox", "b": "fox whale", "c": "red fox owl", "d": "blue"}
        for key, text in texts.items():
            indexed.put(HOME, key, {"text": text})
        found = indexed.search(HOME, query="fox")
        assert [item.key for item in found] == ["a", "b", "c", "d"]
        for item in found:
            assert item.score == pytest.approx(cosine("fox", texts[item.key]), abs=1e-4)

    @needs("has_sync", "has_semantic_search")
    def test_only_what_is_under_the_prefix_is_found(self, indexed: BaseStore) -> None:
        """However near the rest is."""
        for namespace in (("a",), ("ab",), ("a", "b"), ("A",)):
            indexed.put(namespace, "k", {"text": "fox"})
        found = indexed.search(("a",), query="fox")
        assert {item.namespace for item in found} == {("a",), ("a", "b")}

    @needs("has_sync", "has_semantic_search")
    def test_a_filter_and_a_page_go_with_a_query(self, indexed: BaseStore) -> None:
        """The page is cut from what the filter lets through."""
        for number in range(12):
            text = "fox " * (number + 1) + "owl " * 6
            indexed.put(HOME, str(number), {"text": text, "odd": number % 2 == 1})
        found = indexed.search(HOME, query="fox", filter={"odd": True}, limit=2, offset=1)
        assert [item.key for item in found] == ["9", "7"]

    @needs("has_sync", "has_semantic_search")
    def test_only_the_fields_are_embedded(self, indexed: BaseStore) -> None:
        """What stands elsewhere in the value is not found."""
        indexed.put(HOME, "a", {"text": "owl", "more": "fox"})
        indexed.put(HOME, "b", {"text": "fox", "more": "owl"})
        assert scores(indexed.search(HOME, query="fox"))["a"] == pytest.approx(0.0, abs=1e-4)

    @needs("has_sync", "has_semantic_search")
    def test_without_fields_the_whole_value_is_embedded(
        self, open_store: Callable[..., BaseStore]
    ) -> None:
        """Keys too."""
        whole: IndexConfig = {"dims": INDEX["dims"], "embed": embed}
        store = open_store(index=whole)
        store.put(HOME, "a", {"deep": {"er": "fox"}})
        store.put(HOME, "b", {"deep": {"er": "owl"}})
        assert [item.key for item in store.search(HOME, query="fox")] == ["a", "b"]

    @needs("has_sync", "has_semantic_search")
    def test_a_put_may_name_its_own_fields(self, indexed: BaseStore) -> None:
        """As JSON paths, into lists as well."""
        value: dict[str, Any] = {
            "text": "owl",
            "title": "fox",
            "parts": [{"t": "red whale"}, {"t": "blue whale"}],
        }
        indexed.put(HOME, "title", value, index=["title"])
        indexed.put(HOME, "parts", value, index=["parts[*].t"])
        indexed.put(HOME, "last", value, index=["parts[-1].t"])
        assert scores(indexed.search(HOME, query="fox"))["title"] == pytest.approx(1.0, abs=1e-4)
        red = scores(indexed.search(HOME, query="red whale"))
        assert red["parts"] == pytest.approx(1.0, abs=1e-4)
        assert red["last"] == pytest.approx(0.5, abs=1e-4)

    @needs("has_sync", "has_semantic_search")
    def test_the_nearest_of_its_texts_counts_for_an_item(self, indexed: BaseStore) -> None:
        """And many near texts of one item do not push out the others."""
        indexed.put(HOME, "many", {"l": ["fox " * n for n in range(1, 31)]}, index=["l[*]"])
        indexed.put(HOME, "one", {"text": "fox owl"})
        indexed.put(HOME, "far", {"text": "whale"})
        found = scores(indexed.search(HOME, query="fox", limit=2))
        assert list(found) == ["many", "one"]
        assert found["many"] == pytest.approx(1.0, abs=1e-4)

    @needs("has_sync", "has_semantic_search")
    def test_what_is_not_embedded_is_found_last_and_has_no_score(self, indexed: BaseStore) -> None:
        """A put with index=False, and a value without the fields."""
        indexed.put(HOME, "off", {"text": "fox"}, index=False)
        indexed.put(HOME, "without", {"other": "fox"})
        indexed.put(HOME, "far", {"text": "owl"})
        found = scores(indexed.search(HOME, query="fox"))
        assert next(iter(found)) == "far"
        assert found["off"] is None
        assert found["without"] is None

    @needs("has_sync", "has_semantic_search")
    def test_pages_go_on_from_scored_to_unscored(self, indexed: BaseStore) -> None:
        """Nothing is missed between the two, nothing comes twice."""
        for number in range(5):
            indexed.put(HOME, f"scored {number}", {"text": "fox"})
            indexed.put(HOME, f"unscored {number}", {"text": "fox"}, index=False)
        pages = [indexed.search(HOME, query="fox", limit=3, offset=n) for n in (0, 3, 6, 9)]
        found = [item for page in pages for item in page]
        assert len(scores(found)) == 10
        assert [item.score is None for item in found] == [False] * 5 + [True] * 5

    @needs("has_sync", "has_semantic_search")
    def test_a_new_value_is_found_by_its_own_text_only(self, indexed: BaseStore) -> None:
        """The text of the old one is forgotten."""
        indexed.put(HOME, "k", {"text": "fox"})
        indexed.put(HOME, "k", {"text": "owl"})
        assert scores(indexed.search(HOME, query="fox"))["k"] == pytest.approx(0.0, abs=1e-4)

    @needs("has_sync", "has_semantic_search")
    def test_a_put_without_index_takes_the_old_vector_away(self, indexed: BaseStore) -> None:
        """langchain-ai/langgraph issue 8214."""
        indexed.put(HOME, "k", {"text": "fox"})
        indexed.put(HOME, "k", {"text": "secret"}, index=False)
        assert scored(indexed, "fox") == set()

    @needs("has_sync", "has_semantic_search")
    def test_a_put_with_fewer_texts_takes_the_others_away(self, indexed: BaseStore) -> None:
        """A list that has become shorter, a field that has gone."""
        indexed.put(HOME, "list", {"l": ["owl", "whale", "fox"]}, index=["l[*]"])
        indexed.put(HOME, "list", {"l": ["owl", "whale"]}, index=["l[*]"])
        indexed.put(HOME, "field", {"text": "fox"})
        indexed.put(HOME, "field", {"title": "owl"}, index=["text", "title"])
        found = scores(indexed.search(HOME, query="fox"))
        assert found == pytest.approx({"list": 0.0, "field": 0.0}, abs=1e-4)

    @needs("has_sync", "has_semantic_search")
    def test_a_deleted_items_vector_goes_with_it(self, indexed: BaseStore) -> None:
        """It does not come back with the next item of that key."""
        indexed.put(HOME, "k", {"text": "fox"})
        indexed.delete(HOME, "k")
        assert indexed.search(HOME, query="fox") == []
        indexed.put(HOME, "k", {"text": "fox"}, index=False)
        assert scored(indexed, "fox") == set()

    @needs("has_sync", "has_semantic_search")
    def test_items_with_the_same_text_go_into_one_batch(self, indexed: BaseStore) -> None:
        """Each is found."""
        indexed.batch([PutOp(HOME, str(n), {"text": "fox"}) for n in range(3)])
        assert scored(indexed, "fox") == {"0", "1", "2"}

    @needs("has_sync", "has_semantic_search")
    def test_several_queries_go_into_one_batch(self, indexed: BaseStore) -> None:
        """Beside a search without one."""
        indexed.put(HOME, "fox", {"text": "fox"})
        indexed.put(HOME, "owl", {"text": "owl"})
        ops = [SearchOp(HOME, query=query, limit=1) for query in ("owl", "fox")]
        *near, plain = indexed.batch([*ops, SearchOp(HOME)])
        found = [cast("list[SearchItem]", one) for one in near]
        assert [one[0].key for one in found] == ["owl", "fox"]
        assert len(cast("list[SearchItem]", plain)) == 2

    @needs("has_sync", "has_semantic_search")
    def test_an_empty_query_is_none(self, indexed: BaseStore) -> None:
        """Then nothing has a score."""
        indexed.put(HOME, "k", {"text": "fox"})
        assert scores(indexed.search(HOME, query="")) == {"k": None}
