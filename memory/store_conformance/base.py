"""What the parts of the contract share: the store's abilities, its fixtures, an embedder."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

import pytest
from langgraph.store.base import BaseStore, IndexConfig

AXES = ("fox", "whale", "owl", "red", "blue", "night")
"""The words that the contract's embedder knows."""

_Test = TypeVar("_Test", bound=Callable[..., None])


def embed(texts: Sequence[str]) -> list[list[float]]:
    """Count, for each text, each word of `AXES`, and all other words together."""
    return [_counts(text) for text in texts]


def _counts(text: str) -> list[float]:
    words = re.findall(r"\w+", text.lower())
    known = [float(words.count(axis)) for axis in AXES]
    return [*known, len(words) - sum(known)]


INDEX: IndexConfig = {"dims": len(AXES) + 1, "embed": embed, "fields": ["text"]}
"""What the contract opens stores with when it searches for texts."""


def needs(*abilities: str) -> Callable[[_Test], _Test]:
    """Skip a test for stores without these abilities."""

    def mark(test: _Test) -> _Test:
        vars(test)["needs"] = abilities
        return test

    return mark


class StoreTests:
    """What a subclass says about its store.

    Attributes:
        has_sync: `batch` works.
        has_async: `abatch` works, in the event loop of whoever calls.
        has_semantic_search: It takes an `index`.
        has_ttl: It takes a `ttl`, and has `sweep_ttl() -> int`.
        has_any_label: Labels of namespaces may hold dots and NUL.
        differences: Test name → why the store fails it.
    """

    has_sync: ClassVar[bool] = True
    has_async: ClassVar[bool] = True
    has_semantic_search: ClassVar[bool] = True
    has_ttl: ClassVar[bool] = True
    has_any_label: ClassVar[bool] = False
    differences: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        unknown = sorted(name for name in cls.differences if not hasattr(cls, name))
        if unknown:
            raise TypeError(f"`differences` of {cls.__name__} names no test of it: {unknown}")

    @pytest.fixture
    def open_store(self) -> Callable[..., BaseStore]:
        """Return a function that makes the store under test; to be overridden."""
        raise NotImplementedError("give the fixture `open_store`")

    def pass_time(self, store: BaseStore, seconds: float) -> None:  # noqa: ARG002
        """Let time pass for the store; override it where its clock can be set."""
        time.sleep(seconds)

    @pytest.fixture
    def store(self, open_store: Callable[..., BaseStore]) -> BaseStore:
        """An empty store without index and ttl."""
        return open_store()

    @pytest.fixture
    def indexed(self, open_store: Callable[..., BaseStore]) -> BaseStore:
        """An empty store that embeds the field "text"."""
        return open_store(index=INDEX)

    @pytest.fixture(autouse=True)
    def _only_what_the_store_can(self, request: pytest.FixtureRequest) -> None:
        missing = [
            name for name in vars(request.function).get("needs", ()) if not getattr(self, name)
        ]
        if missing:
            pytest.skip(f"this store has no {missing[0].removeprefix('has_')}")
        if why := self.differences.get(request.node.originalname):
            request.node.add_marker(pytest.mark.xfail(reason=why, strict=True))
