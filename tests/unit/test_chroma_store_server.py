"""A ChromaStore whose vectors are kept by a Chroma server, a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_chroma_server import address  # noqa: F401  (a fixture: the address of a server)

from ingrained.errors import InputError, StoreError
from ingrained.memory import ChromaStore
from ingrained.memory.langgraph import searching
from ingrained.memory.store_conformance import INDEX

HOME = ("users", "ada@example.org")


def test_the_vectors_may_live_on_a_server_that_several_stores_share(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    chroma = request.getfixturevalue("address")
    monkeypatch.setattr(searching, "SMALL", 0)
    for name in ("one", "two"):
        with ChromaStore.from_path(tmp_path / name, index=INDEX, chroma=chroma) as store:
            store.put(HOME, name, {"text": "fox"})
            store.put(HOME, "gone", {"text": "fox fox"})
            store.delete(HOME, "gone")
    for name in ("one", "two"):
        with ChromaStore.from_path(tmp_path / name, index=INDEX, chroma=chroma) as store:
            assert store.repaired == 0
            assert [item.key for item in store.search((), query="fox")] == [name]
        assert not (tmp_path / name / "chroma").exists()


def test_a_server_that_is_not_there_is_named(tmp_path: Path):
    nobody = "http://127.0.0.1:9"
    with pytest.raises(StoreError, match=nobody) as refused:
        ChromaStore.from_path(tmp_path, index=INDEX, chroma=nobody)
    assert "Nothing is lost" in refused.value.hint
    with pytest.raises(InputError, match="no-address"):
        ChromaStore.from_path(tmp_path, index=INDEX, chroma="no-address")
    ChromaStore.from_path(tmp_path).close()
