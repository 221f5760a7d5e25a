"""Which known documents are not there any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.agent.reading.corpus import read_corpus
from ingrained.agent.reading.vanishing import vanished

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


@pytest.mark.parametrize("content", [b"\0\1\2", b"", b"The page two.md."])
def test_what_cannot_be_read_or_equals_another_is_still_there(folder, known, content):
    (folder / "one.md").write_bytes(content)
    assert gone(folder, known) == []


def test_documents_of_other_folders_are_not_looked_at(folder, known, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "page.md").write_text("Another corpus.")
    (folder / "one.md").unlink()
    assert gone(other, known) == []
    assert gone(folder / "deep", known) == []


def test_without_a_source_nothing_is_known_of_a_document(folder):
    assert gone(folder, {"old.md": ("version", "")}) == []
