"""The library: what was read and asked, kept through edits, restarts and damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.library import Library
from ingrained.agent.library_schema import SCHEMA_VERSION
from ingrained.agent.reading.documents import Document, Passage, Skipped
from ingrained.agent.reading.passages import split
from ingrained.errors import HomeVersionError, StoreError

PAGE = (
    "# Bridge\n\n## One\n\nIt is old.\n\n## Two\n\nIt is wide. It is red.\n\n## Three\n\nIt is old."
)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path / "library.sqlite")
    yield opened
    opened.close()


def put(library: Library, text: str, id_: str = "bridge.md") -> list[Passage]:
    document = Document.of(id=id_, title="Bridge", text=text, source=f"/corpus/{id_}")
    passages = split(document)
    library.put_document(document, passages)
    return passages


def question(passage: str, id_: str, **fields: Any) -> dict[str, Any]:
    given = {"round": 1, "sealed": False, "closed": False, "recalled": True}
    return {"id": id_, "passage": passage, "question": f"{id_}?", **given, **fields}


def test_what_was_read_is_there_after_a_restart(library: Library, tmp_path: Path) -> None:
    passages = put(library, PAGE)
    library.set_skipped([Skipped(path="old.bin", reason="binary")])
    library.set_skipped([Skipped(path="x.bin", reason="binary")])
    library.put_round({"round": 1})
    library.put_round({"round": 2})
    again = Library(tmp_path / "library.sqlite")

    assert again.passages([one.id for one in passages]) == passages
    assert again.document("bridge.md") == library.document("bridge.md")
    assert again.known()["bridge.md"][1] == "/corpus/bridge.md"
    assert again.skipped() == [{"path": "x.bin", "reason": "binary"}]
    assert again.rounds() == [{"round": 1}, {"round": 2}]


def test_an_examination_that_a_kill_repeats_counts_once(library: Library) -> None:
    library.put_round({"kept": 1}, sitting="1/None")
    library.put_round({"kept": 2}, sitting="1/None")
    library.put_round({"kept": 3}, sitting="1/v001")
    assert [row["kept"] for row in library.rounds()] == [2, 3]


def test_an_edit_keeps_the_state_of_the_passages_it_leaves_alone(library: Library) -> None:
    one, two, three = put(library, PAGE)
    library.mark_studied([one.id, two.id, three.id], 1)
    library.put_questions([question(one.id, "q1"), question(two.id, "q2")])
    edited = Document.of(id="bridge.md", title="Bridge", text=PAGE.replace("wide", "narrow"))

    assert library.put_document(edited, split(edited)) == 1
    assert library.versions() == {"bridge.md": edited.version}
    assert [item["id"] for item in library.questions()] == ["q1"]
    (unread,) = library.passages(library.unread())
    assert unread.text.startswith("It is narrow.")
    assert library.passages([two.id, three.id, one.id]) == [split(edited)[2], one]


def test_what_a_version_replaced_is_known_until_the_next(library: Library) -> None:
    put(library, PAGE)
    edited = Document.of(id="bridge.md", title="Bridge", text=PAGE.replace("wide", "narrow"))
    library.put_document(edited, split(edited), {"memory 1": (10, 19), "memory 2": None})
    assert library.replaced("bridge.md") == {"memory 1": (10, 19)}
    assert library.replaced("other.md") == {}
    put(library, PAGE)
    assert library.replaced("bridge.md") == {}


def test_a_dropped_document_takes_its_passages_and_questions_along(library: Library) -> None:
    one, *_ = put(library, PAGE)
    (other, *_) = put(library, PAGE, "other.md")
    library.put_questions([question(one.id, "q1"), question(other.id, "q2")])
    library.drop_document("bridge.md")
    library.drop_document("never.md")
    assert library.documents() == ["other.md"]
    assert {one.document for one in library.passages(library.unread())} == {"other.md"}
    assert [item["id"] for item in library.questions()] == ["q2"]


def test_passages_not_yet_studied_come_in_reading_order(library: Library) -> None:
    later = put(library, PAGE, "b.md")
    first = put(library, PAGE, "a.md")
    library.mark_studied([first[1].id], 1)
    assert library.unread() == [one.id for one in (first[0], first[2], *later)]


@pytest.mark.parametrize("index", [0, 2])
def test_a_quote_that_stands_twice_is_found_where_it_was_taken(
    library: Library, index: int
) -> None:
    taken = put(library, PAGE)[index]
    assert library.passage_around("bridge.md", "It is old.", taken.start) == taken


def test_a_quote_that_has_moved_is_found_where_it_stands_now(library: Library) -> None:
    one, two, _ = put(library, PAGE)
    assert library.passage_around("bridge.md", "It is red.", 0) == two
    assert library.passage_around("bridge.md", "It is old.", 10_000) == one


def test_a_quote_that_is_gone_is_not_found(library: Library) -> None:
    put(library, PAGE)
    put(library, "It is green.", "other.md")
    assert library.passage_around("bridge.md", "It is green.", 0) is None
    assert library.passage_around("bridge.md", "it is old.", 0) is None
    assert library.passage_around("none.md", "It is old.", 0) is None


def test_a_document_is_found_by_its_file_name_if_only_one_has_it(library: Library) -> None:
    for id_ in ("a/one.md", "a/two.md", "b/two.md", "two_.md", "c/100%.md", "c/100x.md"):
        put(library, PAGE, id_)

    assert [
        found.id if (found := library.named(name)) else None
        for name in ("one.md", "two.md", "a/two.md", "ne.md", "%.md", "tw__.md", "100%.md")
    ] == ["a/one.md", None, "a/two.md", None, None, None, "c/100%.md"]


def test_a_document_of_a_jsonl_file_is_found_by_its_own_id_if_only_one_has_it(
    library: Library,
) -> None:
    for id_ in (
        "documents.jsonl#refunds", "documents.jsonl#opening", "old/rows.jsonl#opening",
        "documents.jsonl#a1", "documents.jsonl#A1", "documents.jsonl#page#7", "issues/fix#12.md",
    ):  # fmt: skip
        put(library, PAGE, id_)

    assert [
        found.id if (found := library.named(name)) else None
        for name in ("refunds", "opening", "documents.jsonl#opening", "unds", "a1", "A1", "b2")
    ] == [
        "documents.jsonl#refunds", None, "documents.jsonl#opening", None,
        "documents.jsonl#a1", "documents.jsonl#A1", None,
    ]  # fmt: skip
    assert [library.named(name) for name in ("7", "12.md", "REFUNDS")] == [None, None, None]
    assert library.document("refunds") is None, "only a whole id is one"


def test_a_question_asked_again_replaces_the_old_one(library: Library) -> None:
    passage = put(library, PAGE)[0].id
    library.put_questions([question(passage, "q2", sealed=True), question(passage, "q1")])
    library.put_questions([question(passage, "q1", closed=True, recalled=None)])

    assert library.questions(sealed=True) == [question(passage, "q2", sealed=True)]
    assert library.questions(sealed=False) == [question(passage, "q1", closed=True, recalled=None)]
    assert library.seals() == {"q1": False, "q2": True}
    assert library.counts() == {
        "documents": 1, "passages": 3, "studied": 0, "questions": 2, "sealed": 1,
    }  # fmt: skip


def test_a_library_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    with pytest.raises(HomeVersionError, match=f"schema {SCHEMA_VERSION + 1}"):
        Library(path)


def test_a_library_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"file/library\.sqlite"):
        Library(tmp_path / "file" / "library.sqlite")


def test_a_library_of_the_first_version_is_taken_over(library: Library, tmp_path: Path) -> None:
    one, *_ = put(library, PAGE)
    library.mark_studied([one.id], 1)
    library.close()
    with sqlite3.connect(tmp_path / "library.sqlite") as database:
        database.executescript("ALTER TABLE documents DROP COLUMN source; PRAGMA user_version=1;")
    again = Library(tmp_path / "library.sqlite")

    assert again.known()["bridge.md"][1] == ""
    assert again.counts()["studied"] == 1
    put(again, PAGE)
    assert again.known()["bridge.md"][1] == "/corpus/bridge.md"


def test_looking_into_a_library_of_the_first_version_leaves_it_as_it_is(
    library: Library, tmp_path: Path
) -> None:
    put(library, PAGE)
    library.close()
    path = tmp_path / "library.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript("ALTER TABLE documents DROP COLUMN source; PRAGMA user_version=1;")
    database.close()
    before = path.read_bytes()
    looked = Library(path, read_only=True)

    assert looked.known()["bridge.md"][1] == ""
    looked.close()
    assert path.read_bytes() == before
