"""The contract: namespaces keep items apart, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from langgraph.store.base import BaseStore, ListNamespacesOp, MatchCondition, NamespacePath

from .base import StoreTests, needs

TREE = (
    ("a", "b", "c"),
    ("a", "b", "d", "e"),
    ("a", "b", "d", "i"),
    ("a", "b", "f"),
    ("a", "c", "f"),
    ("b", "f"),
    ("f",),
)
ALIKE = [
    (("a",), ("ab",)),
    (("a", "b"), ("a", "bc")),
    (("a", "b"), ("ab",)),
    (("a_b",), ("axb",)),
    (("a%",), ("abc",)),
    (("*",), ("a",)),
    (("a?",), ("ab",)),
    (("[ab]",), ("a",)),
    (("User",), ("user",)),
    (("é",), ("e\u0301",)),
    (("a b",), ("a", "b")),
    (("a:b",), ("a", "b")),
    (("a/b",), ("a", "b")),
    (("a|b",), ("a", "b")),
    (("a\\",), ("a",)),
    (("'",), ('"',)),
]
UNUSUAL = [
    ("users", "a@b.com"),
    ("docs", "paper.pdf"),
    ("docs", "paper", "pdf"),
    ("docs", "."),
    ("docs", ".."),
    ("nul", "a\x00b"),
    ("nul", "a\x00"),
    ("nul", "\x00"),
    ("nul", "\x00\x01"),
    ("nul", "\x01"),
    ("nul", "\x00", "\x01"),
    ("nul", "a", "b"),
    ("odd", "\ud800"),
    ("odd", "\uffff\U0010ffff"),
]


def put(store: BaseStore, *namespaces: tuple[str, ...]) -> None:
    """Put one item into each."""
    for namespace in namespaces:
        store.put(namespace, "k", {"namespace": list(namespace)})


def found(store: BaseStore, prefix: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return the namespaces of the items under a prefix."""
    return {item.namespace for item in store.search(prefix, limit=1000)}


class NamespaceTests(StoreTests):
    """What is put in one namespace shows in no other."""

    @needs("has_sync")
    @pytest.mark.parametrize(("one", "other"), ALIKE, ids=str)
    def test_namespaces_that_look_alike_are_apart(
        self, store: BaseStore, one: tuple[str, ...], other: tuple[str, ...]
    ) -> None:
        """No part of a label, no wildcard of a database, no other case matches."""
        put(store, one, other)
        for namespace in (one, other):
            item = store.get(namespace, "k")
            assert item is not None
            assert item.value == {"namespace": list(namespace)}
            assert found(store, namespace) == {namespace}
            literal = [label for label in namespace if label != "*"]
            if len(literal) == len(namespace):
                assert store.list_namespaces(prefix=namespace) == [namespace]
                assert store.list_namespaces(suffix=namespace) == [namespace]
        store.delete(one, "k")
        assert found(store, ()) == {other}

    @needs("has_sync")
    def test_a_search_sees_all_under_its_prefix(self, store: BaseStore) -> None:
        """The namespace itself and those below it; () is everything."""
        put(store, *TREE)
        assert found(store, ()) == set(TREE)
        assert found(store, ("a", "b")) == set(TREE[:4])
        assert found(store, ("a", "b", "d")) == set(TREE[1:3])
        assert found(store, ("f",)) == {("f",)}
        assert found(store, ("b", "d")) == set()

    @needs("has_sync")
    @pytest.mark.parametrize("namespace", [("",), ("a", ""), ("a", 1), (None,)], ids=str)
    def test_labels_are_non_empty_strings(self, store: BaseStore, namespace: Any) -> None:
        """Of every method; LangGraph's InvalidNamespaceError is a ValueError."""
        for refused in (
            lambda: store.put(namespace, "k", {}),
            lambda: store.get(namespace, "k"),
            lambda: store.delete(namespace, "k"),
            lambda: store.search(namespace),
            lambda: store.list_namespaces(prefix=namespace),
            lambda: store.list_namespaces(suffix=namespace),
        ):
            with pytest.raises(ValueError, match=r"(?i)label"):
                refused()

    @needs("has_sync")
    def test_nothing_is_put_at_the_root_or_into_what_langgraph_keeps(
        self, store: BaseStore
    ) -> None:
        """The first label "langgraph" can be read, not written."""
        for namespace in ((), ("langgraph",), ("langgraph", "x")):
            with pytest.raises(ValueError, match=r"(?i)namespace"):
                store.put(namespace, "k", {})
        assert store.get(("langgraph",), "k") is None
        store.put(("x", "langgraph"), "k", {})

    @needs("has_sync", "has_any_label")
    def test_labels_may_hold_any_character(self, store: BaseStore) -> None:
        """E-mail addresses and file names, NUL, halves of surrogate pairs."""
        put(store, *UNUSUAL)
        for namespace in UNUSUAL:
            below = [one for one in UNUSUAL if one[: len(namespace)] == namespace]
            assert found(store, namespace) == set(below)
            assert store.list_namespaces(prefix=namespace) == sorted(below)
        assert found(store, ("docs",)) == {one for one in UNUSUAL if one[0] == "docs"}
        assert store.list_namespaces() == sorted(UNUSUAL)
        store.delete(("docs", "paper", "pdf"), "k")
        assert store.get(("docs", "paper.pdf"), "k") is not None

    @needs("has_sync")
    @pytest.mark.parametrize(
        ("prefix", "suffix", "max_depth", "expected"),
        [
            (None, None, None, sorted(TREE)),
            (("a", "b"), None, None, TREE[:4]),
            (None, ("f",), None, [("a", "b", "f"), ("a", "c", "f"), ("b", "f"), ("f",)]),
            (("a",), ("f",), None, [("a", "b", "f"), ("a", "c", "f")]),
            (("a", "*", "f"), None, None, [("a", "b", "f"), ("a", "c", "f")]),
            (("*", "c"), None, None, [("a", "c", "f")]),
            (None, ("d", "*"), None, TREE[1:3]),
            (("*",), None, None, sorted(TREE)),
            (("*", "*", "*"), ("*", "e"), None, [("a", "b", "d", "e")]),
            (("a", "b"), None, 3, [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")]),
            (None, ("f",), 1, [("a",), ("b",), ("f",)]),
            (("a", "b", "c", "x"), None, None, []),
            (("c",), None, None, []),
        ],
    )
    def test_namespaces_are_listed_by_prefix_suffix_and_depth(
        self,
        store: BaseStore,
        prefix: NamespacePath | None,
        suffix: NamespacePath | None,
        max_depth: int | None,
        expected: Sequence[tuple[str, ...]],
    ) -> None:
        """Sorted, each once; "*" stands for exactly one label."""
        put(store, *TREE)
        assert store.list_namespaces(prefix=prefix, suffix=suffix, max_depth=max_depth) == list(
            expected
        )

    @needs("has_sync")
    def test_the_list_comes_in_pages(self, store: BaseStore) -> None:
        """Cut after the depth is; by default 100 namespaces."""
        put(store, *TREE)
        listed = store.list_namespaces(max_depth=2)
        assert listed == [("a", "b"), ("a", "c"), ("b", "f"), ("f",)]
        pages = [store.list_namespaces(max_depth=2, limit=3, offset=at) for at in (0, 3, 6)]
        assert pages == [listed[:3], listed[3:], []]
        put(store, *(("many", f"{n:03}") for n in range(120)))
        assert len(store.list_namespaces()) == 100

    @needs("has_sync")
    def test_several_conditions_hold_together(self, store: BaseStore) -> None:
        """Two of the same type as well; an empty path asks for nothing."""
        put(store, *TREE)
        conditions = (
            MatchCondition("prefix", ("a",)),
            MatchCondition("prefix", ("*", "b")),
            MatchCondition("suffix", ()),
        )
        assert store.batch([ListNamespacesOp(conditions)]) == [list(TREE[:4])]

    @needs("has_sync")
    def test_a_namespace_is_there_while_it_holds_an_item(self, store: BaseStore) -> None:
        """Neither a read nor a deletion leaves an empty one behind."""
        put(store, ("a",), ("b",))
        store.get(("read",), "k")
        store.delete(("deleted",), "k")
        store.delete(("b",), "k")
        assert store.list_namespaces() == [("a",)]
