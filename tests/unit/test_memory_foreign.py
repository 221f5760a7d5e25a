"""Memories of other makers: mem0, LangGraph and LangMem, and plain JSON lines."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from ingrained.errors import InputError
from ingrained.memory import MemoryStore
from ingrained.memory.in_memory import InMemoryIndex
from ingrained.memory.testing import HashEmbedder
from ingrained.memory.transfer import Row, Skipped, Wishes, bring_in, open_source
from ingrained.memory.transfer.lines import LONGEST_LINE

DAY = 86_400.0
MEM0 = {
    "id": "0a1b",
    "memory": "Ada prefers tea.",
    "hash": "5d41402abc4b2a76b9719d911017c592",
    "created_at": "2026-03-01T12:00:00+00:00",
    "updated_at": "2026-03-02T12:00:00+00:00",
    "user_id": "ada",
    "actor_id": "ada",
    "role": "user",
    "metadata": {"topic": "drinks", "sure": True, "deep": {"a": 1}},
}


def read(path: Path, data: object, *, form: str | None = None, now: float = 0.0) -> list[Any]:
    """What is read of a file with this text, or with this value on each line."""
    if not isinstance(data, str):
        lines = data if isinstance(data, list) else [data]
        data = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_text(data, encoding="utf-8")
    return list(open_source(path, form=form, now=now).items())


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "in.json"


@pytest.mark.parametrize("indent", [None, 2])
def test_mem0_get_all(file, indent):
    (row,) = read(file, json.dumps({"results": [MEM0]}, indent=indent))
    assert row.memory.text == "Ada prefers tea."
    assert row.memory.namespace == ("user", "ada")
    assert row.memory.created == 1_772_366_400.0
    assert row.memory.tags == ("topic=drinks", "sure=true", "actor_id=ada", "role=user")
    assert row.left_out == ("metadata.deep",)


def test_mem0_pages_of_the_hosted_client(file):
    pages = [{"count": 2, "next": None, "results": [MEM0]} for _ in range(2)]
    assert [row.memory.text for row in read(file, pages)] == ["Ada prefers tea."] * 2


def test_mem0_entities_become_the_namespace(file):
    two = {"memory": "A.", "user_id": "ada", "agent_id": "cook", "run_id": "7"}
    first, second = read(file, {"results": [two, {"memory": "B."}]})
    assert first.memory.namespace == ("user", "ada", "agent", "cook", "run", "7")
    assert second.memory.namespace == ("default",)


def test_mem0_memories_that_have_expired_are_skipped(file):
    row = {"memory": "A.", "expiration_date": "1970-01-02"}
    (valid,) = read(file, {"results": [row]}, now=2 * DAY - 1)
    assert valid.memory.valid_to == 2 * DAY
    (gone,) = read(file, {"results": [row]}, now=2 * DAY)
    assert gone == Skipped(place="in.json:1, item 1", reason="it has expired")


def test_a_mem0_memory_that_expires_with_the_calendar_never_does(file):
    (row,) = read(file, [{"memory": "Ada likes tea.", "expiration_date": "9999-12-31"}])
    assert row.memory.valid_to is None


def mem0_history(path: Path, events: list[tuple[object, ...]]) -> None:
    """A database with the table of mem0ai 2.2."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE history (id TEXT PRIMARY KEY, memory_id TEXT, old_memory TEXT, "
            "new_memory TEXT, event TEXT, created_at DATETIME, updated_at DATETIME, "
            "is_deleted INTEGER, actor_id TEXT, role TEXT)"
        )
        database.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", events)
    database.close()


def test_mem0_history_gives_the_last_word_on_every_memory(file):
    day = "1970-01-02T00:00:00+00:00"
    mem0_history(
        file,
        [
            ("1", "a", None, "Ada likes tea.", "ADD", day, day, 0, None, None),
            ("2", "b", None, "Bo is here.", "ADD", day, day, 0, None, None),
            ("3", "a", "Ada likes tea.", "Ada likes coffee.", "UPDATE", day, day, 0, "ada", "user"),
            ("4", "b", "Bo is here.", None, "DELETE", day, day, 1, None, None),
            ("5", "c", None, None, "ADD", day, day, 0, None, None),
        ],
    )
    first, second = open_source(file, now=0.0).items()
    assert (first.memory.text, first.memory.created) == ("Ada likes coffee.", DAY)
    assert first.memory.tags == ("actor_id=ada", "role=user")
    assert second.reason == '"new_memory" is not text'


def test_another_database_is_no_history(file):
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE notes (text TEXT)")
    database.close()
    with pytest.raises(InputError, match="no history database of mem0"):
        list(open_source(file, now=0.0).items())


def langgraph_dump(*puts: tuple[tuple[str, ...], str, dict]) -> list[dict]:
    """A real store's items, as `Item.dict()` writes them."""
    store = InMemoryStore()
    for namespace, key, value in puts:
        store.put(namespace, key, value)
    return [item.dict() for item in store.search((), limit=100)]


A_UUID = "1528553b-0900-4363-8dc2-c6b72844096e"


@pytest.mark.parametrize(
    ("value", "text", "tags", "left_out"),
    [
        ({"kind": "Memory", "content": {"content": "Ada likes tea."}}, "Ada likes tea.", ("schema=Memory",), ()),
        ({"content": "Ada likes tea."}, "Ada likes tea.", (), ()),
        ({"content": {"name": "Ada", "age": 61}}, "name: Ada\nage: 61", (), ()),
        (
            {"kind": "Triple", "content": {"subject": "Ada", "predicate": "likes", "object": "tea"}},
            "subject: Ada\npredicate: likes\nobject: tea", ("schema=Triple",), (),
        ),
        ({"text": "Ada likes tea.", "rating": 5}, "Ada likes tea.", ("rating=5",), ()),
        ({"memory": "Will likes ai", "raw": {"a": [{}]}}, "Will likes ai", (), ("value.raw",)),
        ({"city": "Berlin", "visits": [2001, 2004]}, "city: Berlin\nvisits: 2001\nvisits: 2004", (), ()),
    ],
)  # fmt: skip
def test_values_of_langgraph_stores_and_langmem(file, value, text, tags, left_out):
    dump = langgraph_dump((("memories", "ada"), A_UUID, value))
    (row,) = read(file, dump)
    assert (row.memory.text, row.memory.tags, row.left_out) == (text, tags, left_out)
    assert row.memory.namespace == ("memories", "ada")
    assert row.memory.created > 1.7e9
    assert row.memory.title == ""


def test_a_key_that_someone_chose_becomes_the_title(file):
    (row,) = read(file, langgraph_dump((("a",), "preferences", {"text": "Tea."})))
    assert row.memory.title == "preferences"


def test_the_reply_of_the_langgraph_sdk(file):
    dump = langgraph_dump((("a",), A_UUID, {"text": "Tea."}))
    (row,) = read(file, json.dumps({"items": dump}, indent=1))
    assert row.memory.text == "Tea."


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": "tea"}, '"value" is no object'),
        ({"value": {}}, '"value" is empty'),
        ({"value": {"a": {"b": {}}}}, '"value" is empty'),
        ({"namespace": [7]}, '"namespace" is not text'),
        ({"namespace": {"a": 1}}, '"namespace" is no list of texts'),
        ({"created_at": "yesterday"}, '"created_at" is no ISO 8601 time'),
        ({"key": 7}, '"key" is not text'),
    ],
)
def test_items_that_are_none_are_skipped_with_the_reason(file, change, reason):
    (item,) = langgraph_dump((("a",), A_UUID, {"text": "Tea."}))
    skipped, kept = read(file, [item | change, item])
    assert skipped == Skipped(place="in.json:1", reason=reason)
    assert kept.memory.text == "Tea."


def test_plain_lines_with_everything(file):
    row = {
        "text": "The mill was built in 1702.", "kind": "insight", "title": "The mill",
        "tags": ["mill", "1702"], "created": "1970-01-02", "document": "mill.md",
        "namespace": ["team", "a/b"], "trust": 0.4, "id": 7, "colour": "red",
    }  # fmt: skip
    (read_row,) = read(file, row)
    memory = read_row.memory
    assert (memory.text, memory.kind, memory.title) == (row["text"], "insight", "The mill")
    assert (memory.tags, memory.created, memory.trust) == (("mill", "1702"), DAY, 0.4)
    assert (memory.namespace, memory.spans[0].document) == (("team", "a/b"), "mill.md")
    assert read_row.left_out == ("colour",)


def test_plain_lines_with_a_text_alone(file):
    (row,) = read(file, "\ufeff" + '\n\n{"text": "Cafe\\u0301 \\ud800!"}\n\n')
    assert row.memory.text == "Café ?!"
    assert (row.memory.namespace, row.memory.created, row.memory.spans) == (("default",), 0.0, ())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": " \n"}, '"text" is empty'),
        ({"text": ["a"]}, '"text" is not text'),
        ({"text": "a\x00b"}, '"text" has control characters'),
        ({"text": "\x1b[31mred"}, '"text" has control characters'),
        ({"text": "a" * 100_001}, '"text" has more than 100,000 characters'),
        ({"text": "a", "kind": "rumour"}, '"kind" is none of fact'),
        ({"text": "a", "kind": ["fact"]}, '"kind" is none of fact'),
        ({"text": "a", "title": 7}, '"title" is not text'),
        ({"text": "a", "title": "t" * 501}, '"title" has more than 500 characters'),
        ({"text": "a", "tags": {"b": 1}}, '"tags" is no list of texts'),
        ({"text": "a", "tags": ["b"] * 101}, '"tags" has more than 100 entries'),
        ({"text": "a", "trust": 1.01}, '"trust" is out of range'),
        ({"text": "a", "trust": True}, '"trust" is no number'),
        ({"text": "a", "trust": 10**400}, '"trust" is out of range'),
        ({"text": "a", "created": 1e300}, '"created" is out of range'),
        ({"text": "a", "created": -(10**400)}, '"created" is out of range'),
        ({"text": "a", "created": -2e11}, '"created" is out of range'),
        ({"text": "a", "created": 253_402_300_800}, '"created" is out of range'),
        ({"text": "a", "created": "9999-12-31T23:59:59-12:00"}, '"created" is out of range'),
        ({"text": "a", "created": "0001-01-01T00:00:00+12:00"}, '"created" is out of range'),
        ({"text": "a", "created": []}, '"created" is no number'),
        ({"text": "a", "namespace": ["a", ""]}, '"namespace" is empty'),
        ({"text": "a", "document": 7}, '"document" is not text'),
        ([], ""),
        (["a"], "not a JSON object"),
        (7, "not a JSON object"),
    ],
)
def test_plain_lines_that_are_none_are_skipped_with_the_reason(file, row, reason):
    items = read(file, [row, {"text": "kept"}], form="plain")
    assert items[-1].memory.text == "kept"
    assert [item.reason.startswith(reason) for item in items[:-1]] == [True] * bool(reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("NaN", "not JSON"),
        ('{"text": "a", "trust": Infinity}', "not JSON"),
        ("9" * 5000, "not JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_lines_that_are_no_json_are_skipped_with_the_reason(file, line, reason):
    skipped, kept = read(file, f'{line}\n{{"text": "kept"}}\n')
    assert skipped == Skipped(place="in.json:1", reason=reason)
    assert kept.memory.text == "kept"


def test_a_line_of_another_encoding_is_skipped(file):
    file.write_bytes('{"text": "Café"}\n'.encode("latin-1") + b'{"text": "kept"}\n')
    skipped, kept = open_source(file, form="plain", now=0.0).items()
    assert (skipped.reason, kept.memory.text) == ("not UTF-8", "kept")


def test_a_line_without_an_end_is_not_held_in_memory(file, monkeypatch):
    monkeypatch.setattr("ingrained.memory.transfer.lines.LONGEST_LINE", 100)
    monkeypatch.setattr("ingrained.memory.transfer.lines.LARGEST_DOCUMENT", 100)
    long = json.dumps({"text": "a" * 1000})
    skipped, kept = read(file, f'{long}\n{{"text": "kept"}}')
    assert skipped == Skipped(place="in.json:1", reason="a line of more than 100 bytes")
    assert kept.memory.text == "kept"
    assert LONGEST_LINE > 2**20


@pytest.mark.parametrize(
    ("row", "form"),
    [
        ({"memory": "A.", "metadata": None}, "mem0"),
        ({"namespace": [], "key": "k", "value": {"text": "A."}}, "langgraph"),
        ({"text": "A.", "namespace": "n"}, "plain"),
    ],
)
def test_the_form_is_told_by_the_rows(file, row, form):
    read(file, ["junk", row], form=form)
    assert open_source(file, now=0.0).form == form


@pytest.mark.parametrize("text", ["", "\n\n", "Dear diary,\n", '{"a": 1}\n', "[]", "\x00\x01"])
def test_a_file_whose_form_cannot_be_told_is_refused(file, text):
    file.write_text(text)
    with pytest.raises(InputError, match="cannot tell what") as told:
        open_source(file, now=0.0)
    assert "--format" in told.value.hint


def test_a_file_that_is_not_there_is_told(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="no such file"):
            open_source(path, now=0.0)


def test_importing_twice_changes_nothing(file, tmp_path):
    read(file, [MEM0, MEM0 | {"memory": "Ada has two cats."}], form="mem0")
    source = open_source(file, now=0.0)
    with MemoryStore.open(tmp_path / "home", HashEmbedder(), index=InMemoryIndex()) as store:
        first = bring_in(store, source, Wishes(), who="import", why="imported from in.json")
        known = store.list()
        again = bring_in(store, source, Wishes(), who="import", why="imported from in.json")
        assert (first.outcomes, again.outcomes) == ({"added": 2}, {"unchanged": 2})
        assert store.list() == known
        (event,) = store.history(known[0].id)
        assert (event.who, event.why) == ("import", "imported from in.json")
        assert store.recall("two cats", namespace=("user", "ada"))[0].memory.trust == 0.5


def test_rows_are_read_anew_with_every_look(file):
    read(file, {"text": "A."})
    source = open_source(file, now=0.0)
    assert [isinstance(row, Row) for row in (*source.items(), *source.items())] == [True, True]
