"""LangGraph's store contract: kept by ChromaStore, and by LangGraph's own stores up to what is listed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langgraph.store.base import BaseStore, IndexConfig, TTLConfig
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from ingrained.memory import ChromaStore
from ingrained.memory.store_conformance import BaseStoreContract

OpenStore = Callable[..., BaseStore]


class TestChromaStore(BaseStoreContract):
    has_any_label: ClassVar[bool] = True
    ahead = 0.0

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Iterator[OpenStore]:
        with ExitStack() as stack:

            def open_store(
                index: IndexConfig | None = None, ttl: TTLConfig | None = None
            ) -> ChromaStore:
                store = ChromaStore.from_path(
                    tmp_path / "store", index=index, ttl=ttl, clock=lambda: time.time() + self.ahead
                )
                return stack.enter_context(store)

            yield open_store

    def pass_time(self, store: BaseStore, seconds: float) -> None:
        self.ahead += seconds


ANY_OBJECT = "keeps the object that was put, whatever it is, and gives out the same one"
LOOSE = "converts before it compares: '10' is more than 9, true equals 1"
OLD_VECTORS = "keeps the vectors of the value that was there before"
NO_UNSCORED = "finds only items with vectors"


class TestInMemoryStore(BaseStoreContract):
    has_ttl: ClassVar[bool] = False
    differences: ClassVar[Mapping[str, str]] = {
        "test_a_value_is_kept_as_it_was_when_put": ANY_OBJECT,
        "test_an_item_that_was_got_is_the_readers_own": ANY_OBJECT,
        "test_what_json_cannot_hold_is_refused": ANY_OBJECT,
        "test_a_batch_happens_as_a_whole_or_not_at_all": ANY_OBJECT,
        "test_an_update_keeps_the_time_of_creation": "an update is a new item",
        "test_a_namespace_is_there_while_it_holds_an_item": "lists what was read or emptied, too",
        "test_what_is_missing_is_neither_more_nor_less": "TypeError",
        "test_strings_have_an_order": "ValueError",
        "test_numbers_and_strings_have_no_order": LOOSE,
        "test_true_is_not_one": LOOSE,
        "test_a_put_without_index_takes_the_old_vector_away": OLD_VECTORS,
        "test_a_put_with_fewer_texts_takes_the_others_away": OLD_VECTORS,
        "test_pages_go_on_from_scored_to_unscored": "takes no account of the offset",
        "test_items_with_the_same_text_go_into_one_batch": "ValueError",
    }

    @pytest.fixture
    def open_store(self) -> OpenStore:
        return lambda index=None, ttl=None: InMemoryStore(index=index)


class TestSqliteStore(BaseStoreContract):
    has_async: ClassVar[bool] = False
    # The vectors are in an extension, which not every build of Python can load.
    has_semantic_search: ClassVar[bool] = hasattr(sqlite3.Connection, "enable_load_extension")
    differences: ClassVar[Mapping[str, str]] = {
        "test_times_are_of_now_and_know_their_zone": "naive datetimes",
        "test_an_update_keeps_the_time_of_creation": "an update is a new item, in whole seconds",
        "test_an_unknown_operation_is_refused": "passes over it",
        "test_a_filter_reaches_into_nested_values": "ValueError",
        "test_what_is_missing_is_null": "what is missing does not differ from anything",
        "test_numbers_and_strings_have_no_order": LOOSE,
        "test_true_is_not_one": LOOSE,
        "test_any_key_can_be_filtered_by": "takes a.b for a path, other characters for an error",
        "test_what_is_not_embedded_is_found_last_and_has_no_score": NO_UNSCORED,
        "test_pages_go_on_from_scored_to_unscored": NO_UNSCORED,
        "test_the_nearest_of_its_texts_counts_for_an_item": "looks at twice `limit` vectors only",
        "test_a_put_without_index_takes_the_old_vector_away": OLD_VECTORS,
        "test_a_put_with_fewer_texts_takes_the_others_away": OLD_VECTORS,
        "test_a_deleted_items_vector_goes_with_it": OLD_VECTORS,
        "test_reading_prolongs_a_life": "only with refresh_on_read=True in its configuration",
        "test_a_call_overrules_the_configuration": "the configuration overrules the call",
        "test_what_has_expired_is_not_shown_when_told_so": "does not know omit_expired",
    }

    @pytest.fixture
    def open_store(self) -> Iterator[OpenStore]:
        with ExitStack() as stack:

            def open_store(
                index: IndexConfig | None = None, ttl: TTLConfig | None = None
            ) -> SqliteStore:
                # It does not read "fields".
                own: Any = {**index, "text_fields": index.get("fields")} if index else None
                opened = SqliteStore.from_conn_string(":memory:", index=own, ttl=ttl)
                store = stack.enter_context(opened)
                store.setup()
                return store

            yield open_store

    def pass_time(self, store: BaseStore, seconds: float) -> None:
        assert isinstance(store, SqliteStore)
        store.conn.execute(
            "UPDATE store SET expires_at = datetime(expires_at, ?)", (f"-{seconds} seconds",)
        )


def test_a_difference_has_to_be_about_a_test_of_the_contract():
    with pytest.raises(TypeError, match="test_nothing"):
        type("TestMine", (BaseStoreContract,), {"differences": {"test_nothing": "a slip"}})
