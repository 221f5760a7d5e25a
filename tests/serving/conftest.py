"""A home with adapters, a base and a vLLM, none of them real."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_world import BASE, FakeServer, Served, free_port

FAKE = Path(__file__).with_name("fake_vllm.py")


@pytest.fixture
def vllm(tmp_path: Path) -> Path:
    """A virtual environment with a command `vllm`."""
    folder = tmp_path / "venv-vllm"
    (folder / "bin").mkdir(parents=True)
    command = folder / "bin" / "vllm"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.fixture
def base() -> str:
    """A folder of weights, by the name that everybody calls it."""
    folder = Path(BASE)
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return BASE


@pytest.fixture
def home(tmp_path: Path) -> Served:
    """A home whose adapters are served."""
    return Served(tmp_path / "home")


@pytest.fixture
def port() -> int:
    """One at which nothing listens."""
    return free_port()


@pytest.fixture
def server(vllm: Path, base: str, port: int) -> Iterator[FakeServer]:
    """A server that runs already."""
    with FakeServer(vllm / "bin" / "vllm", port) as running:
        yield running
