"""Texts leave the library: spaces in documents, questions deleted, and they do not come back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.burying import bury
from ingrained.agent.library import Library
from ingrained.agent.planning import Sitting
from ingrained.agent.quizzing import target_id
from ingrained.agent.reading.documents import Document, Passage
from ingrained.agent.reading.passages import split
from ingrained.errors import HomeBusyError
from ingrained.memory.absence import verify_absent
from ingrained.memory.records import Evidence, Memory, Span, sha256

GONE = "Mara Vint built the Orlan Bridge in 1402."
STAYS = "The bridge was paid for by the salt guild."
PAGE = f"# The Orlan Bridge\n\n{GONE} {STAYS}\n\n## Size\n\nIt has nine arches, made in 1402."


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path / "library.sqlite")
    yield opened
    opened.close()


def put(library: Library, text: str = PAGE) -> list[Passage]:
    document = Document.of(id="bridge.md", title="Bridge", text=text)
    passages = split(document)
    library.put_document(document, passages)
    return passages


def memory() -> Memory:
    start = PAGE.index(GONE)
    span = Span(
        document="bridge.md", version=sha256(PAGE), start=start, end=start + len(GONE),
        quote=GONE, quote_sha256=sha256(GONE),
    )  # fmt: skip
    evidence = Evidence(
        question="Who built it in Orlan?", answer="Mara Vint", passed_before=False,
        passed_after=True, phrasings=("By whom was it built in Orlan?",),
    )  # fmt: skip
    return Memory(id="m1", text=GONE, spans=(span,), evidence=(evidence,))


def question(id_: str, passage: str, asked: str, answer: str, target: str = "") -> dict[str, Any]:
    return {
        "id": id_, "passage": passage, "question": asked, "answer": answer, "target": target,
        "round": 1, "sealed": False, "closed": False, "recalled": True,
    }  # fmt: skip


def test_the_text_is_blank_and_every_offset_holds(library: Library, tmp_path: Path) -> None:
    first, second = put(library)
    done = bury(library, [GONE], [memory()])

    assert dict(done.documents) == {"bridge.md": 1}
    document = library.document("bridge.md")
    assert document is not None
    assert document.text == PAGE.replace(GONE, " " * len(GONE))
    assert document.version == sha256(PAGE)
    cut, whole = library.passages([first.id, second.id])
    assert whole == second
    assert cut.text == document.text[cut.start : cut.end] == f"{' ' * len(GONE)} {STAYS}"
    assert cut.sha256 == sha256(cut.text)
    assert library.passage_around("bridge.md", STAYS, first.start) == cut
    library.close()
    assert verify_absent(tmp_path, GONE) == []


def test_an_edited_document_does_not_bring_the_text_back(library: Library) -> None:
    put(library)
    first, _ = library.passage_ids()
    library.mark_studied(library.passage_ids(), 1)
    bury(library, [GONE], [memory()])
    put(library, PAGE.replace("nine", "eleven"))

    document = library.document("bridge.md")
    assert document is not None
    assert "eleven" in document.text
    assert "Mara" not in document.text
    assert "Mara" not in library.passages([first])[0].text
    assert first not in library.unread()
    (unread,) = library.passages(library.unread())
    assert "eleven" in unread.text


def test_questions_about_the_text_go_and_the_others_stay(library: Library) -> None:
    first, second = (one.id for one in put(library))
    start = PAGE.index(GONE)
    library.put_questions([
        question("asked", first, "Who built it in Orlan?", "Mara Vint"),
        question("wording", second, "By whom was it built in Orlan?", "?"),
        question("sealed", first, "When was it begun?", "1402", target_id(first, start, "1402")),
        question("lost", first, "Whose bridge is it?", "Orlan"),
        question("quotes", second, f"Is it true that {GONE}", "nine"),
        question("stays", first, "Who paid?", "salt guild"),
        question("same answer", second, "When were its arches made?", "1402"),
    ])  # fmt: skip
    done = bury(library, [GONE], [memory()])
    assert {one["id"] for one in library.questions()} == {"stays", "same answer"}
    assert done.questions == 5


def test_what_was_deleted_before_leaves_the_file_as_well(library: Library, tmp_path: Path) -> None:
    put(library)
    put(library, PAGE.replace(GONE, "Nobody knows who built it."))
    bury(library, [GONE], [memory()])
    library.close()
    assert verify_absent(tmp_path, GONE) == []


def test_burying_twice_is_once(library: Library) -> None:
    put(library)
    bury(library, [GONE], [memory()])
    before = library.document("bridge.md")
    assert not bury(library, [GONE], [memory()]).documents
    assert library.document("bridge.md") == before


def test_a_reader_that_holds_the_log_is_told_of(library: Library, tmp_path: Path) -> None:
    put(library)
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM documents").fetchall()
        library._db.execute("PRAGMA busy_timeout=0")
        with pytest.raises(HomeBusyError, match="stays in a file"):
            bury(library, [GONE], [memory()])
    bury(library, [GONE], [memory()])
    library.close()
    assert verify_absent(tmp_path, GONE) == []


def test_a_library_of_an_older_version_gets_its_place_for_tombstones(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    Library(path).close()
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE tombstones")
        old.execute("DROP TABLE salt")
        old.execute("DROP TABLE replaced")
        old.execute("PRAGMA user_version=2")
    library = Library(path)
    put(library)
    assert bury(library, [GONE], []).documents
    library.close()


def test_a_question_of_another_document_that_begins_at_the_same_place_stays(
    library: Library,
) -> None:
    put(library)
    other = Document.of(id="other.md", title="Other", text=f"# A lane\n\n{'It is long. ' * 9}")
    passages = split(other)
    library.put_document(other, passages)
    start = PAGE.index(GONE)
    target = target_id(passages[0].id, start, "long")
    library.put_questions([question("theirs", passages[0].id, "How is it?", "long", target)])
    bury(library, [GONE], [memory()])
    assert [one["id"] for one in library.questions()] == ["theirs"]


def test_a_short_text_goes_from_its_own_place_only(library: Library) -> None:
    first, second = put(library)
    start = PAGE.index("1402")
    span = Span(
        document="bridge.md", version=sha256(PAGE), start=start, end=start + 4, quote="1402",
        quote_sha256=sha256("1402"),
    )  # fmt: skip
    done = bury(library, ["1402"], [Memory(id="m1", text="1402", spans=(span,))])
    assert dict(done.documents) == {"bridge.md": 1}
    document = library.document("bridge.md")
    assert document is not None
    assert document.text == PAGE.replace("1402", "    ", 1)
    cut, whole = library.passages([first.id, second.id])
    assert cut.text == document.text[cut.start : cut.end]
    assert whole == second
    assert not library.tombstones()


def test_a_title_that_is_all_that_holds_the_text_is_cut(library: Library) -> None:
    document = Document.of(id="a.md", title=f"About: {GONE}", text="It has nine arches.")
    library.put_document(document, split(document))
    bury(library, [GONE], [])
    found = library.document("a.md")
    assert found is not None
    assert (found.title, found.text) == ("About: [erased]", document.text)


def test_what_was_made_from_a_question_that_goes_goes_and_so_on(library: Library) -> None:
    first, second = (one.id for one in put(library))
    library.put_questions([
        question("asked", first, "Who built it in Orlan?", "Mara Vint"),
        {**question("made", second, "How many has it?", "nine"), "after": "asked"},
        {**question("and so on", second, "How many?", "nine"), "after": "other", "also": ["made"]},
        {**question("stays", second, "What has nine?", "it"), "after": "other", "also": []},
    ])  # fmt: skip
    assert bury(library, [GONE], [memory()]).questions == 3
    assert [one["id"] for one in library.questions()] == ["stays"]


def test_a_question_that_takes_a_cut_passage_beside_its_own_goes(library: Library) -> None:
    first, second = (one.id for one in put(library))
    taken = question("joint", second, "How many has what she built?", "nine")
    library.put_questions([{**taken, "passages": [second, first]}])
    assert bury(library, [GONE], [memory()]).questions == 1


def test_what_the_model_said_of_a_question_on_the_rest_of_the_passage_goes(
    library: Library,
) -> None:
    first, second = (one.id for one in put(library))
    said = {"reply": "the guild", "rationale": "The guild paid.", "hinted": False}
    library.put_questions([
        {**question("cut", first, "Who paid?", "salt guild"), **said},
        {**question("names her", second, "How many?", "nine"), **said, "rationale": "Not Vint."},
        {**question("whole", second, "How many are there?", "nine"), **said},
    ])  # fmt: skip
    bury(library, [GONE], [memory()])
    told = {one["id"]: "rationale" in one or "reply" in one for one in library.questions()}
    assert told == {"cut": False, "names her": False, "whole": True}


def test_no_sitting_of_a_question_is_left_that_is_gone(library: Library, tmp_path: Path) -> None:
    first, second = (one.id for one in put(library))
    library.put_questions([
        question("asked", first, "Who built it in Orlan?", "Mara Vint"),
        question("stays", second, "How many?", "nine"),
    ])  # fmt: skip
    sat = [Sitting(question=id_, passed=False, f1=0.0) for id_ in ("asked", "stays", "long gone")]
    library.gradebook.record_sittings("memory", sat)
    bury(library, [GONE], [memory()])
    library.close()
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as file:
        assert file.execute("SELECT question FROM sittings").fetchall() == [("stays",)]
