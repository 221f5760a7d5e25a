"""An import into a store that knows some of it: what was taken points to what is here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ingrained.memory import Memory, MemoryStore
from ingrained.memory.conformance import note
from ingrained.memory.testing import HashEmbedder
from ingrained.memory.transfer import Wishes, bring_in, export, open_source

MONDAY = "The kiln is fired on Monday."
FRIDAY = "The kiln is fired on Friday."
BLUE = "The glaze is blue."
RED = "The rim is red."
INSIGHT = "Blue goes with red."
BY = {"who": "test", "why": "test"}


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """An export: Friday took Monday's place, and an insight rests on two facts."""
    with MemoryStore.open(tmp_path / "from", HashEmbedder()) as store:
        inserted = store.insert([note(text) for text in (MONDAY, FRIDAY, BLUE, RED)], **BY)
        monday, friday, blue, red = (one.id for one in inserted)
        store.supersede(monday, friday, **BY)
        made = Memory(id="", text=INSIGHT, kind="insight", derived_from=(blue, red))
        store.insert([made], **BY)
        export(store, store.list(status=None), tmp_path / "x.jsonl", "jsonl")
    return tmp_path / "x.jsonl"


def imported(store: MemoryStore, path: Path) -> dict[str, Memory]:
    """Import and return all memories by text."""
    bring_in(store, open_source(path, form=None, now=0.0), Wishes(), **BY)
    return {memory.text: memory for memory in store.list(status=None)}


@pytest.fixture
def store(tmp_path: Path):
    with MemoryStore.open(tmp_path / "to", HashEmbedder()) as store:
        yield store


def test_into_an_empty_store_everything_is_as_it_was(store: MemoryStore, exported: Path) -> None:
    found = imported(store, exported)
    assert found[MONDAY].superseded_by == found[FRIDAY].id
    assert found[FRIDAY].supersedes == (found[MONDAY].id,)
    assert found[INSIGHT].status == "active"
    events = len(store.events())
    assert imported(store, exported) == found
    assert len(store.events()) == events


def test_what_is_known_here_learns_whose_place_it_took(store: MemoryStore, exported: Path) -> None:
    store.insert([note(FRIDAY)], **BY)
    found = imported(store, exported)
    assert found[FRIDAY].supersedes == (found[MONDAY].id,)
    assert found[MONDAY].superseded_by == found[FRIDAY].id


def test_what_holds_here_is_not_put_out_of_recall(store: MemoryStore, exported: Path) -> None:
    store.insert([note(MONDAY)], **BY)
    found = imported(store, exported)
    assert (found[MONDAY].status, found[MONDAY].superseded_by) == ("active", "")
    assert found[FRIDAY].supersedes == ()


def test_an_insight_cites_its_sources_by_their_ids_here(store: MemoryStore, exported: Path) -> None:
    (other,) = store.insert([note("Something else.")], **BY)
    store.update(dataclasses.replace(store.get(other.id), text=BLUE), **BY)
    found = imported(store, exported)
    assert other.id in found[INSIGHT].derived_from
    store.forget([other.id], **BY)
    assert store.get(found[INSIGHT].id).status == "stale"


def test_what_was_here_before_keeps_its_own_places(store: MemoryStore, exported: Path) -> None:
    friday, sunday = store.insert([note(FRIDAY), note("The kiln is fired on Sunday.")], **BY)
    store.supersede(sunday.id, friday.id, **BY)
    rows = exported.read_text(encoding="utf-8").splitlines(keepends=True)
    exported.write_text("".join(row for row in rows if FRIDAY not in row), encoding="utf-8")
    found = imported(store, exported)
    assert found[FRIDAY].supersedes == (sunday.id, found[MONDAY].id)


def test_what_did_not_come_along_is_not_named(store: MemoryStore, exported: Path) -> None:
    rows = exported.read_text(encoding="utf-8").splitlines(keepends=True)
    exported.write_text("".join(row for row in rows if FRIDAY not in row), encoding="utf-8")
    found = imported(store, exported)
    assert (found[MONDAY].status, found[MONDAY].superseded_by) == ("superseded", "")
