"""A small file is replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingrained.disk import replace_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


def cut(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_file_is_replaced_and_nothing_else_is_left(folder: Path) -> None:
    file = folder / "a.json"
    replace_text(file, "old")
    replace_text(file, "näw")
    assert file.read_text(encoding="utf-8") == "näw"
    assert list(folder.iterdir()) == [file]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_cut_short_it_leaves_the_old_file_and_nothing_half_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = folder / "a.json"
    file.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(*{"fsync": (os, "fsync", cut), "replace": (Path, "replace", cut)}[step])
        with pytest.raises(KeyboardInterrupt):
            replace_text(file, "new")
    assert file.read_text() == "old"
    assert list(folder.iterdir()) == [file]


def test_what_cannot_be_encoded_leaves_the_old_file(folder: Path) -> None:
    file = folder / "a.json"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace_text(file, "\ud800")
    assert list(folder.iterdir()) == [file]
