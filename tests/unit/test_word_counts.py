"""How many memories hold a word: kept while nothing changes, never out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingrained.memory import MemoryStore
from ingrained.memory.conformance import note
from ingrained.memory.ledger import Ledger
from ingrained.memory.testing import HashEmbedder


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[MemoryStore, Ledger, list[str]]]:
    """A store, another process's view of its ledger, and the statements that the view runs."""
    statements: list[str] = []
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        store.insert([note("Kestrels nest in the tower.")], who="test", why="test")
        view = Ledger(tmp_path / "memory" / "ledger.sqlite", read_only=True)
        view._db.set_trace_callback(statements.append)
        yield store, view, statements
        view.close()


def test_a_word_is_counted_once_while_nothing_changes(
    asked: tuple[MemoryStore, Ledger, list[str]],
) -> None:
    _, view, statements = asked
    assert view.frequencies(["kestrel", "owl"]) == {"kestrel": 1, "owl": 0}
    assert view.frequencies(["owl", "kestrels"]) == {"owl": 0, "kestrels": 1}
    assert len([one for one in statements if "vocabulary" in one]) == 1


def test_what_another_process_inserts_is_counted(
    asked: tuple[MemoryStore, Ledger, list[str]],
) -> None:
    store, view, _ = asked
    assert view.frequencies(["kestrel"]) == {"kestrel": 1}
    store.insert([note("A kestrel hunts by day.")], who="test", why="test")
    assert view.frequencies(["kestrel"]) == {"kestrel": 2}


def test_what_a_store_inserts_and_forgets_itself_is_counted(
    asked: tuple[MemoryStore, Ledger, list[str]],
) -> None:
    store, _, _ = asked
    own = store._ledger
    assert own.frequencies(["kestrel"]) == {"kestrel": 1}
    (added,) = store.insert([note("A kestrel hunts by day.")], who="test", why="test")
    assert own.frequencies(["kestrel"]) == {"kestrel": 2}
    store.forget([added.id], who="test", why="test")
    assert own.frequencies(["kestrel"]) == {"kestrel": 1}
