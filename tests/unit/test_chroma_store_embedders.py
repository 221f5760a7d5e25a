"""ChromaStore and the embedders it is given: the same one again, another one, one that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from langgraph.store.base import IndexConfig
from test_chroma_store import HOME, fill, keys

from ingrained.errors import InputError, StoreError
from ingrained.memory import ChromaStore
from ingrained.memory.store_conformance import INDEX
from ingrained.memory.store_conformance.base import embed


class Turned:
    """The contract's embedder with its axes in another order."""

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        return [vector[::-1] for vector in embed(texts)]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"dims": 7, "embed": Turned(), "fields": ["text"]}, "another vector"),
        ({"dims": 3, "embed": Turned(), "fields": ["text"]}, "have 7 numbers"),
        ({"embed": lambda texts: [[1.0, 2.0] for _ in texts]}, "gives 2 numbers"),
    ],
)
def test_another_embedder_is_refused_before_its_vectors_mix_with_the_old_ones(
    tmp_path: Path, other: IndexConfig, why: str
):
    fill(tmp_path, "fox")
    with (
        pytest.raises(StoreError, match=why) as refused,
        ChromaStore.from_path(tmp_path, index=other) as store,
    ):
        store.put(HOME, "owl", {"text": "owl"})
    assert "reindex=True" in refused.value.hint
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert keys(store, "fox owl") == ["fox"]


def test_reindex_embeds_everything_anew_as_it_was_put(tmp_path: Path):
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        store.put(HOME, "default", {"text": "fox", "title": "owl"})
        store.put(HOME, "off", {"text": "fox"}, index=False)
        store.put(HOME, "own", {"text": "owl", "own": "fox"}, index=["own"])
        before = store.get(HOME, "default")
    longer: IndexConfig = {
        "dims": 9,
        "embed": lambda texts: [[*vector, 0.0, 0.0] for vector in embed(texts)],
        "fields": ["title"],
    }
    with ChromaStore.from_path(tmp_path, index=longer, reindex=True) as store:
        assert keys(store, "fox") == ["own"]
        assert keys(store, "owl") == ["default"]
        assert store.get(HOME, "default") == before
    with ChromaStore.from_path(tmp_path, index=longer) as store:
        assert store.repaired == 0
        assert keys(store, "owl") == ["default"]


def test_a_reindex_that_fails_leaves_the_old_vectors(tmp_path: Path):
    fill(tmp_path, "fox")

    def broken(_: Sequence[str]) -> list[list[float]]:
        raise ConnectionError("no answer")

    with pytest.raises(ConnectionError):
        ChromaStore.from_path(tmp_path, index={**INDEX, "embed": broken}, reindex=True)
    with pytest.raises(InputError, match="embed with"):
        ChromaStore.from_path(tmp_path, reindex=True)
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        assert keys(store, "fox") == ["fox"]


async def async_embed(texts: Sequence[str]) -> list[list[float]]:
    await asyncio.sleep(0)
    return embed(texts)


def test_an_async_embedder_serves_both_sides_even_inside_a_running_loop(tmp_path: Path):
    async def program() -> list[str]:
        index: IndexConfig = {**INDEX, "embed": async_embed}
        async with ChromaStore.from_path(tmp_path, index=index) as store:
            await store.aput(HOME, "async", {"text": "fox"})
            store.put(HOME, "sync", {"text": "fox owl"})
            assert keys(store, "fox") == ["async", "sync"]
            return [item.key for item in await store.asearch((), query="owl", limit=1)]

    assert asyncio.run(asyncio.wait_for(program(), 20)) == ["sync"]


def test_an_embedder_may_be_named_as_langchain_names_it(tmp_path: Path):
    with pytest.raises((ValueError, ImportError), match="nowhere"):
        ChromaStore.from_path(tmp_path, index={"embed": "nowhere:model", "dims": 3})
    ChromaStore.from_path(tmp_path).close()


@pytest.mark.parametrize(
    "vectors",
    [[], [[1.0] * 6], [[float("nan")] * 7]],
    ids=["none", "too short", "not a number"],
)
def test_vectors_that_do_not_fit_are_refused_and_nothing_is_put(
    tmp_path: Path, vectors: list[list[float]]
):
    index: IndexConfig = {**INDEX, "embed": lambda texts: vectors * len(texts)}
    with ChromaStore.from_path(tmp_path, index=index) as store:
        with pytest.raises(ValueError, match="vector"):
            store.put(HOME, "k", {"text": "fox"})
        assert store.get(HOME, "k") is None


def test_a_text_of_zeros_is_like_nothing(tmp_path: Path):
    with ChromaStore.from_path(tmp_path, index=INDEX) as store:
        store.put(HOME, "symbols", {"text": "?!"})
        assert [item.score for item in store.search((), query="fox")] == [0.0]
