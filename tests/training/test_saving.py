"""Tensors on a disk without room for them."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ingrained.trainer.saving import save_tensors


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse larger files, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_does_not_fit_is_an_error_of_the_system_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "v001" / "adapter.safetensors"
    path.parent.mkdir()
    save_tensors({"a": torch.ones(3)}, path, metadata={"format": "pt"})
    with largest_file(1000), pytest.raises(OSError, match="File too large") as refused:
        save_tensors({"a": torch.zeros(10_000)}, path, metadata={"format": "pt"})

    assert (refused.value.errno, refused.value.filename) == (errno.EFBIG, str(path))
    assert load_file(path)["a"].tolist() == [1.0, 1.0, 1.0]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
