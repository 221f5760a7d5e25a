"""Whether a file is the pinned one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingrained.errors import HashMismatchError

from .catalogue import PinnedFile

CHUNK_BYTES = 1 << 20
"""How much of a file is read, written or hashed at a time."""


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_pinned(path: Path, pinned: PinnedFile) -> bool:
    """Say whether `path` is a file with the pinned size and hash."""
    if not path.is_file() or path.stat().st_size != pinned.size:
        return False
    return sha256_of(path) == pinned.sha256


def mismatch(pinned: PinnedFile, *, size: int, sha256: str | None) -> HashMismatchError:
    """Return the error for a file that is not the pinned one.

    Args:
        pinned: What was expected.
        size: Bytes that came, or that the source said would come.
        sha256: Hash of what came; None when the size alone gave it away.
    """
    got = f"SHA-256 {sha256}" if sha256 else "its SHA-256 was not worked out"
    return HashMismatchError(
        f"{pinned.name} is not the pinned file: expected SHA-256 {pinned.sha256} "
        f"({pinned.size} bytes), got {got} ({size} bytes)."
    )
