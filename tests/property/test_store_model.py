"""ChromaStore against InMemoryStore, step by step; and namespaces against one another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.store.base import (
    BaseStore,
    GetOp,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from ingrained.memory import ChromaStore
from ingrained.memory.langgraph.namespaces import decode, encode, key_range
from ingrained.memory.store_conformance import INDEX

ALL = 1000
RUNS = itertools.count()
"""Each example has a root namespace of its own, so that all can share a store."""

namespaces = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3).map(tuple)
texts = st.lists(st.sampled_from(["fox", "owl", "red", "other"]), min_size=1, max_size=3).map(
    " ".join
)
values = st.fixed_dictionaries(
    {"text": texts, "n": st.integers(0, 3), "in": st.fixed_dictionaries({"x": st.booleans()})}
)
filters = st.sampled_from(
    [
        None,
        {"n": 1},
        {"n": {"$gt": 0, "$lte": 2}},
        {"n": {"$ne": 1}},
        {"in": {"x": True}},
        {"in": {"x": {"$eq": False}}, "n": {"$lt": 3}},
    ]
)
keys = st.sampled_from(["k", "l"])
paths = st.lists(st.sampled_from(["a", "b", "*"]), max_size=2).map(tuple)
limits, offsets = st.sampled_from([2, ALL]), st.integers(0, 2)
ops = st.one_of(
    st.builds(
        lambda *put: PutOp(*put), namespaces, keys, values, st.sampled_from([None, False, ["n"]])
    ),
    st.builds(lambda *deleted: PutOp(*deleted, None), namespaces, keys),
    st.builds(lambda *got: GetOp(*got), namespaces, keys),
    st.builds(
        lambda *asked: SearchOp(*asked), namespaces, filters, limits, offsets, st.none() | texts
    ),
    st.builds(
        lambda prefix, suffix, depth: ListNamespacesOp(
            (MatchCondition("prefix", prefix), MatchCondition("suffix", suffix)), depth
        ),
        paths,
        paths,
        st.sampled_from([None, 1, 2, 3]),
    ),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaStore]:
    with ChromaStore.from_path(tmp_path_factory.mktemp("store"), index=INDEX) as store:
        yield store


def under(root: str, op: Op) -> Op:
    """The same operation below a root label."""
    if isinstance(op, SearchOp):
        return op._replace(namespace_prefix=(root, *op.namespace_prefix))
    if isinstance(op, ListNamespacesOp):
        prefix, suffix = op.match_conditions or ()
        rooted = MatchCondition("prefix", (root, *prefix.path))
        return op._replace(match_conditions=(rooted, suffix))
    return op._replace(namespace=(root, *op.namespace))


class Model:
    """InMemoryStore, kept from what the contract's test lists as its differences."""

    def __init__(self) -> None:
        self.store = InMemoryStore(index=INDEX)

    def batch(self, ops: list[Op]) -> list[Any]:
        results = [None if isinstance(op, PutOp) else self.read(op) for op in ops]
        for op in ops:
            if isinstance(op, PutOp):
                self.store.batch([PutOp(op.namespace, op.key, None)])
                self.store.batch([op])
        return results

    def read(self, op: Op) -> Any:
        if isinstance(op, SearchOp):
            found = self.store.batch([op._replace(limit=ALL, offset=0)])[0]
            return cast("list[SearchItem]", found)[op.offset :]
        if isinstance(op, ListNamespacesOp):
            full = {item.namespace for item in self.store.search((), limit=ALL)}
            kept = self.store.batch([op._replace(max_depth=None)])[0]
            cut = {
                name[: op.max_depth] for name in cast("list[tuple[str, ...]]", kept) if name in full
            }
            return sorted(cut)
        return self.store.batch([op])[0]


def score_of(item: SearchItem) -> float | None:
    return None if item.score is None else round(item.score, 4)


def same(op: Op, ours: Any, theirs: Any) -> bool:
    """Whether two results are one, up to the order of equals and the times."""
    if isinstance(op, SearchOp):
        everything = {(i.namespace, i.key): (i.value, score_of(i)) for i in theirs}
        assert [score_of(i) for i in ours] == [score_of(i) for i in theirs[: op.limit]]
        found = {(i.namespace, i.key): (i.value, score_of(i)) for i in ours}
        return len(found) == len(ours) and (
            op.offset > 0 or all(everything[name] == found[name] for name in found)
        )
    if isinstance(op, GetOp) and ours is not None and theirs is not None:
        return bool(
            (ours.namespace, ours.key, ours.value) == (theirs.namespace, theirs.key, theirs.value)
        )
    return bool(ours == theirs)


@settings(max_examples=25)
@given(batches=st.lists(st.lists(ops, min_size=1, max_size=6), min_size=1, max_size=6))
def test_any_sequence_of_batches_gives_what_the_store_in_memory_gives(
    store: ChromaStore, batches: list[list[Op]]
):
    root, model = f"run {next(RUNS)}", Model()
    for batch in batches:
        rooted = [under(root, op) for op in batch]
        for op, ours, theirs in zip(rooted, store.batch(rooted), model.batch(rooted), strict=True):
            assert same(op, ours, theirs), op


labels = st.text(st.sampled_from("aA.*%_?[]'\"/\\é\x00\x01\xff🦊\ud800"), min_size=1, max_size=3)
unusual = st.lists(labels, max_size=3).map(tuple)


@settings(max_examples=20)
@given(names=st.sets(unusual, min_size=2, max_size=6))
def test_nothing_crosses_namespaces(store: ChromaStore, names: set[tuple[str, ...]]):
    root = f"run {next(RUNS)}"
    homes = {(root, *name) for name in names}
    store.batch([PutOp(home, "k", {"text": "fox", "home": list(home)}) for home in homes])
    for home in homes:
        below = {other for other in homes if other[: len(home)] == home}
        item = store.get(home, "k")
        assert item is not None
        assert item.value["home"] == list(home)
        for query in (None, "fox"):
            assert seen(store, home, query) == below
        if "*" not in home:
            assert set(store.list_namespaces(prefix=home)) == below
    gone = min(homes)
    store.delete(gone, "k")
    assert seen(store, (root,), "fox") == homes - {gone}


def seen(store: BaseStore, prefix: tuple[str, ...], query: str | None) -> set[tuple[str, ...]]:
    return {item.namespace for item in store.search(prefix, query=query, limit=ALL)}


@given(namespace=unusual, other=unusual)
def test_a_key_can_be_read_back_and_lies_in_the_ranges_of_its_prefixes_only(
    namespace: tuple[str, ...], other: tuple[str, ...]
):
    assert decode(encode(namespace)) == namespace
    low, high = key_range(other)
    assert (low <= encode(namespace) < high) == (namespace[: len(other)] == other)
