"""The contract: items that live for a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from langgraph.store.base import BaseStore

from .base import StoreTests, needs

HOME = ("cache",)
LIFE = 0.05
"""Minutes."""
PART = 2.0
"""Seconds: less than a life, and twice that more than one."""
LIVES = 2 * PART + 2.0
"""Seconds in which every unread item of one life ends, even by a clock of whole seconds."""


def sweep(store: BaseStore) -> int:
    """Delete what has expired."""
    return cast("int", cast("Any", store).sweep_ttl())


def left(store: BaseStore) -> set[str]:
    """Sweep; return the keys of what is left, without prolonging its life."""
    sweep(store)
    return {item.key for item in store.search((), refresh_ttl=False)}


class ExpiryTests(StoreTests):
    """`ttl`, in minutes after the last read or write."""

    @needs("has_sync")
    def test_a_store_that_cannot_let_items_expire_says_so(self, store: BaseStore) -> None:
        """Rather than keep for ever what was to be forgotten."""
        assert store.supports_ttl == self.has_ttl
        if not self.has_ttl:
            with pytest.raises(NotImplementedError):
                store.put(HOME, "k", {}, ttl=1)
        store.put(HOME, "k", {}, ttl=None)
        assert store.get(HOME, "k") is not None

    @needs("has_sync", "has_ttl")
    def test_a_sweep_deletes_what_has_expired(self, open_store: Callable[..., BaseStore]) -> None:
        """And tells how much that was."""
        store = open_store(ttl={})
        store.put(HOME, "mortal", {}, ttl=LIFE)
        store.put(HOME, "long", {}, ttl=60)
        store.put(HOME, "immortal", {})
        assert sweep(store) == 0
        self.pass_time(store, LIVES)
        assert sweep(store) == 1
        assert store.get(HOME, "mortal") is None
        assert left(store) == {"long", "immortal"}

    @needs("has_sync", "has_ttl")
    def test_the_default_of_the_store_can_be_overruled(
        self, open_store: Callable[..., BaseStore]
    ) -> None:
        """ttl=None is for ever."""
        store = open_store(ttl={"default_ttl": LIFE})
        store.put(HOME, "default", {})
        store.put(HOME, "longer", {}, ttl=60)
        store.put(HOME, "for ever", {}, ttl=None)
        self.pass_time(store, LIVES)
        assert left(store) == {"longer", "for ever"}

    @needs("has_sync", "has_ttl")
    def test_reading_prolongs_a_life(self, open_store: Callable[..., BaseStore]) -> None:
        """Of what was got, and of what a search returned; that is the default."""
        store = open_store(ttl={})
        for key in ("got", "searched", "left alone"):
            store.put(HOME, key, {"key": key}, ttl=LIFE)
        self.pass_time(store, PART)
        assert store.get(HOME, "got") is not None
        assert len(store.search(HOME, filter={"key": "searched"})) == 1
        self.pass_time(store, PART)
        assert left(store) == {"got", "searched"}
        self.pass_time(store, LIVES)
        assert left(store) == set()

    @needs("has_sync", "has_ttl")
    def test_reading_prolongs_no_life_when_told_so(
        self, open_store: Callable[..., BaseStore]
    ) -> None:
        """By the call, or by the store's configuration."""
        store = open_store(ttl={"refresh_on_read": True})
        store.put(HOME, "k", {}, ttl=LIFE)
        self.pass_time(store, PART)
        assert store.get(HOME, "k", refresh_ttl=False) is not None
        assert store.search(HOME, refresh_ttl=False) != []
        self.pass_time(store, LIVES - PART)
        assert left(store) == set()

    @needs("has_sync", "has_ttl")
    def test_a_call_overrules_the_configuration(self, open_store: Callable[..., BaseStore]) -> None:
        """`refresh_on_read` is a default."""
        store = open_store(ttl={"refresh_on_read": False})
        for key in ("got", "got with refresh"):
            store.put(HOME, key, {}, ttl=LIFE)
        self.pass_time(store, PART)
        store.get(HOME, "got")
        store.get(HOME, "got with refresh", refresh_ttl=True)
        self.pass_time(store, PART)
        assert left(store) == {"got with refresh"}

    @needs("has_sync", "has_ttl")
    def test_a_read_is_not_a_change(self, open_store: Callable[..., BaseStore]) -> None:
        """It leaves `updated_at` as it is."""
        store = open_store(ttl={"default_ttl": 60})
        store.put(HOME, "k", {})
        before = cast("Any", store.get(HOME, "k")).updated_at
        self.pass_time(store, 1.1)
        assert cast("Any", store.get(HOME, "k")).updated_at == before

    @needs("has_sync", "has_ttl")
    def test_a_second_put_sets_a_new_life(self, open_store: Callable[..., BaseStore]) -> None:
        """None, if it is put without one."""
        store = open_store(ttl={})
        store.put(HOME, "freed", {}, ttl=LIFE)
        store.put(HOME, "freed", {})
        store.put(HOME, "doomed", {})
        store.put(HOME, "doomed", {}, ttl=LIFE)
        self.pass_time(store, LIVES)
        assert left(store) == {"freed"}

    @needs("has_sync", "has_ttl")
    def test_what_has_expired_is_not_shown_when_told_so(
        self, open_store: Callable[..., BaseStore]
    ) -> None:
        """`omit_expired`: not even before it is swept, and no read revives it."""
        store = open_store(ttl={"omit_expired": True})
        store.put(HOME, "k", {}, ttl=LIFE)
        assert store.get(HOME, "k", refresh_ttl=False) is not None
        self.pass_time(store, LIVES)
        assert store.get(HOME, "k") is None
        assert store.search(HOME) == []
        assert store.list_namespaces() == []
        assert sweep(store) == 1
