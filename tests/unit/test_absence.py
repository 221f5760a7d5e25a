"""A search of every byte: what form a text may hide in, and what is told of it."""

from __future__ import annotations

import gzip
import html
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ingrained.errors import InputError
from ingrained.memory import absence
from ingrained.memory.absence import search, verify_absent

TEXT = "Zoë paid 40 «ducats»\nfor the \"Heron\", O'Dell's boat."


def test_a_home_without_the_text(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Zoë paid 40 guilders.", encoding="utf-8")
    done = search(tmp_path, [TEXT])
    assert done.absent
    assert (done.files, done.bytes, done.unread) == (1, 22, ())


@pytest.mark.parametrize(
    "written",
    [
        TEXT.encode(),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        json.dumps({"text": TEXT}).encode(),
        json.dumps({"text": TEXT}).replace("\\u00eb", "\\u00EB").encode(),
        json.dumps({"text": TEXT}, ensure_ascii=False).encode(),
        json.dumps(json.dumps({"text": TEXT})).encode(),
        html.escape(TEXT).encode(),
        TEXT.replace("'", "&#39;").replace('"', "&#34;").encode(),
        TEXT.replace("Heron", "HERON").encode(),
        TEXT.upper().encode(),
        TEXT.replace(" ", "\n   ").encode(),
        TEXT.replace("Zoë", "Zoe\N{COMBINING DIAERESIS}").encode(),
    ],
)
def test_the_text_is_found_in_any_form(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.bin").write_bytes(b"\xff\x00before " + written + b" after\x00")
    (hit,) = verify_absent(tmp_path, TEXT)
    first = next(at for at, byte in enumerate(written) if byte in b"zZ")
    big_end = written.startswith(b"\0")
    assert (hit.file, hit.offset) == ("deep/file.bin", 9 + first - big_end)


def test_the_context_of_a_hit_is_short_and_can_be_shown(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x1b[31m" + b"a" * 1000 + b" secret word " + b"b" * 1000)
    (hit,) = verify_absent(tmp_path, "secret word")
    assert hit.context == "a" * 23 + " secret word " + "b" * 12
    assert hit.offset == 1006


def test_a_hit_across_two_chunks_is_found_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(absence, "_CHUNK", 16)
    for before in range(20):
        (tmp_path / "file").write_bytes(b"x" * before + b" Ada  Kern " + b"y" * 70)
        (hit,) = verify_absent(tmp_path, "ada kern")
        assert hit.offset == before + 1


def test_many_texts_are_looked_for_together(tmp_path: Path) -> None:
    gone = [
        f"{word} number {n} went away" for n in range(30) for word in ("Mill", "O", "Lighthouse")
    ]
    left = [f"{word} number {n} is here" for n in range(30) for word in ("Mill", "O", "Lighthouse")]
    (tmp_path / "notes").write_text("\n".join(left).upper())
    found = search(tmp_path, [*gone, *left[:10]]).hits
    assert {hit.offset for hit in found} == {
        "\n".join(left).index(text + "\n") for text in left[:10]
    }
    assert search(tmp_path, gone).absent


def test_what_is_there_often_is_named_a_few_times(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"goat " * 1000)
    assert len(verify_absent(tmp_path, "goat")) == 20


def test_a_deleted_row_is_found_in_the_free_pages(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "some.sqlite")) as database:
        database.execute("PRAGMA secure_delete=OFF")
        database.execute("CREATE TABLE notes (body TEXT)")
        database.execute("INSERT INTO notes VALUES ('The heron sleeps on the roof.')")
        database.commit()
        database.execute("DELETE FROM notes")
        database.commit()
    (hit,) = verify_absent(tmp_path, "the heron sleeps")
    assert hit.offset is not None

    with closing(sqlite3.connect(tmp_path / "some.sqlite")) as database:
        database.execute("VACUUM")
    assert verify_absent(tmp_path, "the heron sleeps") == []


def test_what_only_the_log_of_a_database_holds_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "some.sqlite")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA secure_delete=OFF")
        database.execute("CREATE TABLE notes (body TEXT)")
        database.execute("INSERT INTO notes VALUES ('The heron sleeps on the roof.')")
        database.commit()
        assert {hit.file for hit in verify_absent(tmp_path, "heron sleeps")} >= {"some.sqlite-wal"}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_text_that_a_page_cuts_in_two_is_found(tmp_path: Path, deleted: bool) -> None:
    text = "the heron on the roof of the mill was called Pip by the children"
    with closing(sqlite3.connect(tmp_path / "some.sqlite")) as database:
        database.execute("PRAGMA secure_delete=OFF")
        database.execute("CREATE TABLE notes (body TEXT)")
        # Somewhere among these lengths the end of a page falls into the text.
        for after in range(3000, 10_000, 29):
            database.execute("DELETE FROM notes")
            database.execute("INSERT INTO notes VALUES (?)", ("x" * 6000 + text + "y" * after,))
            database.commit()
            whole = (tmp_path / "some.sqlite").read_bytes()
            if text.encode() not in whole:
                break
        else:
            pytest.fail("no page cut the text")
        if deleted:
            database.execute("DELETE FROM notes")
            database.commit()
    assert verify_absent(tmp_path, text)


def test_compressed_files_links_and_what_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"secret word"))
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + b"\0" * 20)
    outside = tmp_path.parent / "outside.txt"
    outside.write_text("secret word")
    (tmp_path / "link").symlink_to(outside)
    done = search(tmp_path, ["secret word"])
    assert done.absent
    assert done.unread == (
        "a.gz: gzip, searched as it is and not unpacked",
        "b.parquet: Parquet, searched as it is and not unpacked",
        "link: a link",
    )


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("secret word")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    assert search(tmp_path, ["secret word"]).unread == ("file: Permission denied",)


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_cannot_be_searched_for(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        verify_absent(tmp_path, text)
