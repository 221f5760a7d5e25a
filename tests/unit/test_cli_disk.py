"""A disk that is full or fails, a file that is locked: told with a way out, and nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_student import Student, doors, write_page

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

GOES_ON = "Then run the same command again: it goes on, and nothing that was learnt is lost."


def memories(home: Path) -> list[Memory]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return store.list()


class Disk:
    """Opens databases on a disk that can be filled up, and waits for no lock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._connect = sqlite3.connect
        self.open: dict[str, sqlite3.Connection] = {}
        monkeypatch.setattr(sqlite3, "connect", self.connect)

    def connect(self, path: Any, **options: Any) -> sqlite3.Connection:
        database = self._connect(path, **{**options, "timeout": 0})
        database.execute("PRAGMA page_size = 512")
        self.open[Path(str(path).partition("?")[0]).name] = database
        return database

    def fill(self, name: str) -> None:
        """Let a database grow no more: SQLite then says what it says when the disk is full."""
        self.open[name].execute("PRAGMA max_page_count = 1")

    def lock(self, name: str, home: Path) -> sqlite3.Connection:
        """Let another program write to a database."""
        other = self._connect(home / name, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        return other


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def interrupted_by(trouble: Callable[[], object]) -> Doors:
    """A student to whom something happens when the third question is wanted."""
    student, asked = Student(), []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) == 3:
            trouble()
        return student(prompt)

    return Doors(model=ScriptedModel(script=reply), embedder=HashEmbedder())


@pytest.fixture
def undisturbed(tmp_path: Path) -> set[str]:
    """What a study keeps when nothing happens to it."""
    command = ["study", str(write_page(tmp_path)), "--home", str(tmp_path / "other")]
    assert run(command, doors()) == 0
    return {memory.text for memory in memories(tmp_path / "other")}


@pytest.mark.parametrize("name", ["library.sqlite", "ledger.sqlite", "checkpoints.sqlite"])
def test_a_disk_that_fills_up_stops_a_study_which_goes_on_when_there_is_space(
    disk, undisturbed, capsys, tmp_path, name
):
    home = tmp_path / "home"
    command = ["study", str(tmp_path / "corpus"), "--home", str(home)]
    behind = interrupted_by(lambda: disk.fill(name))
    capsys.readouterr()
    assert run([*command, "--json"], behind) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "StoreError"
    assert "database or disk is full" in told["error"]
    assert told["hint"].startswith("Free some space")
    assert told["hint"].endswith(GOES_ON)

    assert run(command, behind) == 0
    assert "resumed where an earlier run was cut short" in capsys.readouterr().err
    kept = memories(home)
    assert sorted(memory.text for memory in kept) == sorted(undisturbed)
    assert all(memory.count == 1 for memory in kept)


def test_a_locked_file_stops_a_study_which_goes_on_when_it_is_free(
    disk, undisturbed, capsys, tmp_path
):
    home, others = tmp_path / "home", []
    command = ["study", str(tmp_path / "corpus"), "--home", str(home)]
    behind = interrupted_by(lambda: others.append(disk.lock("library.sqlite", home)))
    assert run(command, behind) == 4
    err = capsys.readouterr().err
    assert "Error: a database of the home cannot be used: database is locked" in err
    assert f"Another program holds the file: wait until it lets go. {GOES_ON}" in err
    others[0].close()

    assert run(command, behind) == 0
    assert {memory.text for memory in memories(home)} == undisturbed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_full_disk_is_named_where_no_database_is_written(capsys, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "home.json").write_text('{"version": 1}')
    (home / f"run.json.{os.getpid()}.new").symlink_to("/dev/full")
    command = ["study", str(write_page(tmp_path)), "--home", str(home)]
    assert run(command, doors()) == 4
    err = capsys.readouterr().err
    assert "the disk cannot be used: No space left on device" in err
    assert GOES_ON in err


def test_a_library_that_cannot_be_opened_for_lack_of_space_is_not_called_damaged(
    disk, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "ingrained.agent.library_schema._SCHEMA",
        ("PRAGMA max_page_count = 1", "CREATE TABLE passages (id)"),
    )
    command = ["study", str(write_page(tmp_path)), "--home", str(tmp_path / "home")]
    assert run(command, doors()) == 4
    assert "Free some space" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        (errno.EDQUOT, "Free some space"),
        (errno.EIO, "Check the disk"),
        (errno.EFBIG, "the limits on the size of files"),
    ],
)
def test_what_a_system_says_of_a_disk_is_told_with_the_file(code, way_out, capsys, monkeypatch):
    def failing(*args: Any, **options: Any) -> None:
        raise OSError(code, os.strerror(code), "some/file")

    monkeypatch.setattr("ingrained.agent.weights.list_models", failing)
    assert run(["models", "list"]) == 4
    err = capsys.readouterr().err
    assert f"the disk cannot be used at 'some/file': {os.strerror(code)}" in err
    assert way_out in err


@pytest.mark.parametrize(
    "fault", [FileNotFoundError(2, "no such file"), sqlite3.ProgrammingError("closed")]
)
def test_a_fault_of_the_program_is_not_blamed_on_the_disk(fault, monkeypatch):
    def broken(*args: Any, **options: Any) -> None:
        raise fault

    monkeypatch.setattr("ingrained.agent.weights.list_models", broken)
    with pytest.raises(type(fault)):
        run(["models", "list"])
