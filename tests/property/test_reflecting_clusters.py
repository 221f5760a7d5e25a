"""Facts are grouped by meaning, the same way every time, and never across namespaces."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ingrained.memory.records import Memory
from ingrained.memory.reflecting import LEAST, MOST, clusters
from ingrained.memory.testing import HashEmbedder

WORDS = "heron mill barley wheel ferry goat chalk pilot jar lichen".split()


@st.composite
def stores(draw: st.DrawFn) -> list[Memory]:
    rows = draw(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(WORDS), min_size=2, max_size=4).map(" ".join),
                st.sampled_from(["fact", "fact", "fact", "insight"]),
                st.sampled_from(["active", "active", "active", "forgotten"]),
                st.sampled_from([("default",), ("default",), ("ana@b.de",)]),
            ),
            max_size=40,
        )
    )
    return [
        Memory(id=f"m{i:02d}", text=f"{text} {i}", kind=kind, status=status, namespace=namespace)
        for i, (text, kind, status, namespace) in enumerate(rows)
    ]


def grouped(memories: list[Memory]) -> list[list[Memory]]:
    return clusters(memories, HashEmbedder().embed([one.text for one in memories]))


@settings(max_examples=60)
@given(stores())
def test_every_cluster_is_of_active_facts_of_one_namespace_and_no_fact_is_in_two(
    memories: list[Memory],
) -> None:
    found = grouped(memories)
    members = [one for cluster in found for one in cluster]
    assert len({one.id for one in members}) == len(members)
    assert all((one.kind, one.status) == ("fact", "active") for one in members)
    assert all(len({one.namespace for one in cluster}) == 1 for cluster in found)
    assert all(LEAST <= len(cluster) <= MOST for cluster in found)


@settings(max_examples=40)
@given(stores(), st.integers(0, 99))
def test_the_order_of_the_memories_does_not_matter(memories: list[Memory], seed: int) -> None:
    shuffled = random.Random(seed).sample(memories, len(memories))
    assert grouped(shuffled) == grouped(memories)


@settings(max_examples=40)
@given(stores())
def test_other_kinds_statuses_and_namespaces_do_not_change_the_clusters(
    memories: list[Memory],
) -> None:
    mine = [
        one
        for one in memories
        if (one.kind, one.status, one.namespace) == ("fact", "active", ("default",))
    ]
    of_default = [c for c in grouped(memories) if c[0].namespace == ("default",)]
    assert of_default == grouped(mine)


def test_what_is_about_one_thing_is_together_and_what_stands_apart_is_in_none() -> None:
    texts = [
        "The mill grinds barley.", "The mill grinds barley on Friday.", "The mill grinds rye barley.",
        "Goats cross by ferry.", "Forty goats cross by ferry.", "The goats cross by night ferry.",
        "Lichen is violet.",
    ]  # fmt: skip
    memories = [Memory(id=f"m{i}", text=text) for i, text in enumerate(texts)]
    assert [[one.id for one in c] for c in grouped(memories)] == [
        ["m0", "m1", "m2"], ["m3", "m4", "m5"],
    ]  # fmt: skip


def test_a_big_group_is_cut_into_its_nearest_parts() -> None:
    texts = [
        f"The mill of {town} grinds barley {n}" for town in ("Lorne", "Teskow") for n in range(6)
    ]
    memories = [Memory(id=f"m{i:02d}", text=text) for i, text in enumerate(texts)]
    found = grouped(memories)
    assert all(len(cluster) <= MOST for cluster in found)
    assert all(len({one.text.split()[3] for one in cluster}) == 1 for cluster in found)


def test_a_fact_that_another_one_holds_word_for_word_is_not_counted_twice() -> None:
    short = "The mill grinds barley."
    texts = [short, f"{short} It is old.", "The mill grinds rye barley."]
    memories = [Memory(id=f"m{i}", text=text) for i, text in enumerate(texts)]
    assert grouped(memories) == []
    other = dataclasses.replace(memories[0], id="m3", text="The mill grinds barley at night.")
    assert [[one.id for one in c] for c in grouped([*memories, other])] == [["m1", "m2", "m3"]]
