"""A home that has studied two facts, and conversations in it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_talk import FERRY, MILL, NOON, Talk

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.chat import ChatContext, OpenStore, open_threads
from ingrained.graphs.session import Home
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Iterator[MemoryStore]:
    with MemoryStore.open(home.path, HashEmbedder(), clock=lambda: NOON) as store:
        store.insert(
            [Memory(id="", text=text, strength=30.0) for text in (MILL, FERRY)],
            who="study",
            why="a test",
        )
        yield store


@pytest.fixture
def talk(home: Home, store: MemoryStore) -> Iterator[Callable[..., Talk]]:
    """Open a conversation; with the same name, the same one again."""
    clock = itertools.count(NOON)

    def open_talk(script: Any = lambda _: "Ada Kern", **options: Any) -> Talk:
        model = options["asker"].model if "asker" in options else ScriptedModel(script=script)
        given = {
            "asker": Asker(model),
            "memory": OpenStore(store),
            "clock": lambda: next(clock),
            **options,
        }
        return Talk(threads, ChatContext(**given), model)

    with open_threads(home) as threads:
        yield open_talk
