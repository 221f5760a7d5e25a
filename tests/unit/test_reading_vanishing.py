"""Which known documents are not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.agent.reading.corpus import read_corpus
from ingrained.agent.reading.vanishing import vanished
from ingrained.errors import CorpusError

ROWS = '{"id": "a", "text": "Row a."}\n{"id": "b", "text": "Row b."}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "corpus"
    (made / "deep").mkdir(parents=True)
    for name in ("one.md", "two.md", "deep/three.md"):
        (made / name).write_text(f"The page {name}.")
    (made / "rows.jsonl").write_text(ROWS)
    return made


@pytest.fixture
def known(folder: Path) -> dict[str, tuple[str, str]]:
    return {one.id: (one.version, one.source) for one in read_corpus([folder]).documents}


def gone(folder: Path, known: dict[str, tuple[str, str]]) -> list[str]:
    return vanished(read_corpus([folder], known=known), [folder], known)


def test_all_that_is_there_is_there(folder, known):
    assert len(known) == 5
    assert gone(folder, known) == []


def test_deleted_files_and_folders(folder, known):
    (folder / "one.md").unlink()
    (folder / "deep" / "three.md").unlink()
    (folder / "deep").rmdir()
    assert gone(folder, known) == ["deep/three.md", "one.md"]


def test_a_row_that_was_taken_out(folder, known):
    (folder / "rows.jsonl").write_text(ROWS.splitlines()[1])
    assert gone(folder, known) == ["rows.jsonl#a"]


def test_rows_of_a_damaged_file_are_not_taken_for_deleted(folder, known):
    (folder / "rows.jsonl").write_text(ROWS.replace("Row a", 'Row a"'))
    assert gone(folder, known) == []


def test_the_rows_of_a_deleted_file(folder, known):
    (folder / "rows.jsonl").unlink()
    assert gone(folder, known) == ["rows.jsonl#a", "rows.jsonl#b"]


@pytest.mark.parametrize("content", [b"\0\1\2", b"The page two.md."])
def test_what_cannot_be_read_or_equals_another_is_still_there(folder, known, content):
    (folder / "one.md").write_bytes(content)
    assert gone(folder, known) == []


@pytest.mark.parametrize("content", [b"", b" \n\t", b"---\ntitle: One\n---\n"])
def test_an_emptied_file_is_there_as_a_document_without_text(folder, known, content):
    (folder / "one.md").write_bytes(content)
    (folder / "two.md").write_bytes(content)
    corpus = read_corpus([folder], known=known)
    found = {one.id: one for one in corpus.documents}
    assert [found[name].text for name in ("one.md", "two.md")] == ["", ""]
    assert found["one.md"].source == (folder / "one.md").as_posix()
    assert found["one.md"].version == found["two.md"].version != known["one.md"][0]
    assert vanished(corpus, [folder], known) == []
    again = {one.id: (one.version, one.source) for one in corpus.documents}
    assert read_corpus([folder], known=again).documents == corpus.documents


def test_an_empty_file_that_never_had_a_text_is_no_document(folder, known):
    (folder / "new.md").write_bytes(b"")
    assert "new.md" not in {one.id for one in read_corpus([folder], known=known).documents}


def test_an_emptied_file_of_rows_has_lost_them(folder, known):
    (folder / "rows.jsonl").write_bytes(b"\n")
    assert gone(folder, known) == ["rows.jsonl#a", "rows.jsonl#b"]


def test_a_folder_of_which_nothing_is_left_is_an_error_only_if_nothing_was_known(
    folder, known, tmp_path
):
    for path in (*folder.glob("*.*"), folder / "deep" / "three.md"):
        path.unlink()
    assert gone(folder, known) == sorted(known)
    other = {"page.md": ("version", (tmp_path / "other" / "page.md").as_posix())}
    for strangers in ({}, other):
        with pytest.raises(CorpusError, match="Nothing readable"):
            read_corpus([folder], known=strangers)


def test_documents_of_other_folders_are_not_looked_at(folder, known, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "page.md").write_text("Another corpus.")
    (folder / "one.md").unlink()
    assert gone(other, known) == []
    assert gone(folder / "deep", known) == []


def test_without_a_source_nothing_is_known_of_a_document(folder):
    assert gone(folder, {"old.md": ("version", "")}) == []
