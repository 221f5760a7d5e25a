"""The contract: items, one by one and in batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, PutOp, SearchOp

from .base import StoreTests, needs

HOME = ("users", "ada")
VALUE: dict[str, Any] = {
    "text": "naïve 🦊 \u2028 \x00 end",
    "number": -12,
    "large": 2**53 + 1,
    "real": 0.1,
    "tiny": 5e-324,
    "yes": True,
    "nothing": None,
    "list": [1, [2, {"three": 3}], []],
    "": {"a.b": {"$c": ""}},
}


class ItemTests(StoreTests):
    """Put, get, delete, batch."""

    @needs("has_sync")
    def test_what_was_put_can_be_got(self, store: BaseStore) -> None:
        """An item has its namespace as a tuple, its key and its value."""
        store.put(HOME, "k", VALUE)
        item = cast("Item", store.get(HOME, "k"))
        assert (item.namespace, item.key, item.value) == (HOME, "k", VALUE)

    @needs("has_sync")
    def test_json_comes_back_with_its_types(self, store: BaseStore) -> None:
        """1 is not 1.0 and not true."""
        store.put(HOME, "k", {"int": 1, "float": 1.0, "bool": True})
        value = cast("Item", store.get(HOME, "k")).value
        assert [type(value[name]) for name in ("int", "float", "bool")] == [int, float, bool]

    @needs("has_sync")
    def test_what_is_not_there_is_none(self, store: BaseStore) -> None:
        """Neither the key nor the namespace has to exist."""
        store.put(HOME, "k", {})
        assert store.get(HOME, "other") is None
        assert store.get(("nobody",), "k") is None
        assert store.get(HOME[:1], "k") is None

    @needs("has_sync")
    @pytest.mark.parametrize(
        "key", ["", " ", "a.b", "a/b", "%", "_", "*", "'", '"', "é", "e\u0301", "🦊", "x" * 2000]
    )
    def test_any_string_is_a_key(self, store: BaseStore, key: str) -> None:
        """And stands for itself only."""
        store.put(HOME, key, {"mine": True})
        store.put(HOME, "neighbour", {"mine": False})
        assert cast("Item", store.get(HOME, key)).value == {"mine": True}
        assert cast("Item", store.get(HOME, key)).key == key
        store.delete(HOME, key)
        assert [item.key for item in store.search(HOME)] == ["neighbour"]

    @needs("has_sync")
    def test_a_second_put_replaces_the_whole_value(self, store: BaseStore) -> None:
        """Nothing of the first is left."""
        store.put(HOME, "k", {"a": 1, "b": {"c": 2}})
        store.put(HOME, "k", {"b": {"d": 3}})
        assert cast("Item", store.get(HOME, "k")).value == {"b": {"d": 3}}
        assert len(store.search(HOME)) == 1

    @needs("has_sync")
    def test_what_was_deleted_is_gone(self, store: BaseStore) -> None:
        """To delete what is not there is no error."""
        store.put(HOME, "k", {})
        store.delete(HOME, "k")
        store.delete(HOME, "k")
        store.delete(("nobody",), "k")
        assert store.get(HOME, "k") is None
        assert store.search(()) == []

    @needs("has_sync")
    def test_a_value_is_kept_as_it_was_when_put(self, store: BaseStore) -> None:
        """To change the dict afterwards changes nothing in the store."""
        value = {"list": [1]}
        store.put(HOME, "k", value)
        value["list"].append(2)
        assert cast("Item", store.get(HOME, "k")).value == {"list": [1]}

    @needs("has_sync")
    def test_an_item_that_was_got_is_the_readers_own(self, store: BaseStore) -> None:
        """To change it changes nothing in the store."""
        store.put(HOME, "k", {"a": 1})
        cast("Item", store.get(HOME, "k")).value["a"] = 2
        assert cast("Item", store.get(HOME, "k")).value == {"a": 1}
        store.search(HOME)[0].value["a"] = 3
        assert cast("Item", store.get(HOME, "k")).value == {"a": 1}

    @needs("has_sync")
    @pytest.mark.parametrize(
        "value",
        [{"a": {1, 2}}, {"a": object()}, {1: "a"}, {"a": {2: "b"}}],
        ids=["set", "object", "number as key", "number as key below"],
    )
    def test_what_json_cannot_hold_is_refused(self, store: BaseStore, value: Any) -> None:
        """Rather than changed or lost."""
        with pytest.raises((TypeError, ValueError)):
            store.put(HOME, "k", value)
        assert store.get(HOME, "k") is None

    @needs("has_sync")
    def test_times_are_of_now_and_know_their_zone(self, store: BaseStore) -> None:
        """Two datetimes, comparable with any other aware datetime."""
        store.put(HOME, "k", {})
        item = cast("Item", store.get(HOME, "k"))
        assert isinstance(item.created_at, datetime)
        assert item.created_at.tzinfo is not None
        assert timedelta(0) <= item.updated_at - item.created_at < timedelta(seconds=1)
        assert abs(item.created_at - datetime.now(UTC)) < timedelta(minutes=1)

    @needs("has_sync")
    def test_an_update_keeps_the_time_of_creation(self, store: BaseStore) -> None:
        """`created_at` is when the item came, `updated_at` when it last changed."""
        store.put(HOME, "k", {"a": 1})
        first = cast("Item", store.get(HOME, "k"))
        self.pass_time(store, 1.1)
        store.put(HOME, "k", {"a": 2})
        second = cast("Item", store.get(HOME, "k"))
        assert second.created_at == first.created_at
        assert second.updated_at > first.updated_at

    @needs("has_sync")
    def test_the_results_of_a_batch_are_in_the_order_of_its_operations(
        self, store: BaseStore
    ) -> None:
        """A put has None."""
        store.put(HOME, "a", {"n": 1})
        store.put(("docs",), "b", {"n": 2})
        listed, a, put, found, nothing, b = store.batch(
            [
                ListNamespacesOp(),
                GetOp(HOME, "a"),
                PutOp(HOME, "c", {"n": 3}),
                SearchOp(("docs",)),
                GetOp(HOME, "zzz"),
                GetOp(("docs",), "b"),
            ]
        )
        assert listed == [("docs",), HOME]
        assert [cast("Item", item).value for item in (a, b)] == [{"n": 1}, {"n": 2}]
        assert (put, nothing) == (None, None)
        assert [item.key for item in cast("list[Item]", found)] == ["b"]

    @needs("has_sync")
    def test_the_reads_of_a_batch_see_the_store_as_it_was_before(self, store: BaseStore) -> None:
        """Wherever in the batch they stand."""
        store.put(HOME, "k", {"n": 1})
        _, item, found, names, _ = store.batch(
            [
                PutOp(HOME, "k", {"n": 2}),
                GetOp(HOME, "k"),
                SearchOp(()),
                ListNamespacesOp(),
                PutOp(("new",), "k", {}),
            ]
        )
        assert cast("Item", item).value == {"n": 1}
        assert [one.value for one in cast("list[Item]", found)] == [{"n": 1}]
        assert names == [HOME]

    @needs("has_sync")
    def test_the_last_put_of_an_item_in_a_batch_counts(self, store: BaseStore) -> None:
        """A put of None deletes."""
        store.batch([PutOp(HOME, "k", {"n": n}) for n in range(3)])
        assert cast("Item", store.get(HOME, "k")).value == {"n": 2}
        store.batch([PutOp(HOME, "k", {"n": 3}), PutOp(HOME, "k", None)])
        assert store.get(HOME, "k") is None
        store.batch([PutOp(HOME, "k", None), PutOp(HOME, "k", {"n": 4})])
        assert cast("Item", store.get(HOME, "k")).value == {"n": 4}

    @needs("has_sync")
    def test_a_batch_happens_as_a_whole_or_not_at_all(self, store: BaseStore) -> None:
        """One bad put, and the good ones beside it are not done either."""
        store.put(HOME, "old", {})
        bad = PutOp(HOME, "bad", {"a": object()})
        with pytest.raises((TypeError, ValueError)):
            store.batch([PutOp(HOME, "good", {}), PutOp(HOME, "old", None), bad])
        assert [item.key for item in store.search(())] == ["old"]

    @needs("has_sync")
    def test_an_unknown_operation_is_refused(self, store: BaseStore) -> None:
        """Rather than passed over."""
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            store.batch([cast("Any", "get")])

    @needs("has_sync")
    def test_any_iterable_is_a_batch(self, store: BaseStore) -> None:
        """A generator too; an empty one does nothing."""
        assert store.batch(PutOp(HOME, str(n), {"n": n}) for n in range(50)) == [None] * 50
        assert len(store.search((), limit=100)) == 50
        assert store.batch([]) == []
