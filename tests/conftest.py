"""What every test gets: its own folder, its own settings, no network, no telemetry.

Real weights come through the fixtures `smollm_path`, `minilm_path` and `qwen_path`. They are
fetched on first use into the cache that the person running the tests uses anyway
(`INGRAINED_CACHE`), by another process: this one has no network.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from platformdirs import user_cache_path

_OUTSIDE = dict(os.environ)
_CACHE = Path(os.environ.get("INGRAINED_CACHE") or user_cache_path("ingrained")).resolve()

# Read by the libraries when they are imported, hence before any fixture can run.
os.environ.update(
    ANONYMIZED_TELEMETRY="False",
    DO_NOT_TRACK="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
    LANGCHAIN_TRACING_V2="false",
    LANGGRAPH_STRICT_MSGPACK="true",
    LANGSMITH_TRACING="false",
    TOKENIZERS_PARALLELISM="false",
)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.load_profile("repeatable")


class NetworkInTestError(RuntimeError):
    """A test tried to reach another machine.

    Not an OSError: code that shrugs off network faults must not swallow it.
    """


def _check_local(family: int, address: object) -> None:
    if family == getattr(socket, "AF_UNIX", None):
        return
    host = address[0] if isinstance(address, tuple) else address
    if host not in ("127.0.0.1", "::1", "localhost", b"localhost", "", None):
        raise NetworkInTestError(f"a test tried to connect to {host!r}; use a double instead")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Let sockets reach this machine only."""
    connect, connect_ex, resolve = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def local_connect(self: socket.socket, address: Any) -> None:
        _check_local(self.family, address)
        connect(self, address)

    def local_connect_ex(self: socket.socket, address: Any) -> int:
        _check_local(self.family, address)
        return connect_ex(self, address)

    def local_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        _check_local(socket.AF_INET, host)
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_connect)
        patch.setattr(socket.socket, "connect_ex", local_connect_ex)
        patch.setattr(socket, "getaddrinfo", local_resolve)
        yield


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty working folder, home and cache, and no setting from outside."""
    for name in [name for name in os.environ if name.startswith("INGRAINED_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INGRAINED_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INGRAINED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("INGRAINED_OFFLINE", "true")
    working = tmp_path / "work"
    working.mkdir()
    monkeypatch.chdir(working)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_cache() -> Path:
    """The cache of whoever runs the tests, with the real weights in it."""
    return _CACHE


def _fetched(name: str) -> Path:
    from ingrained.agent.weights.fetch import ensure
    from ingrained.errors import FetchError

    try:
        return ensure(name, _CACHE, offline=True)
    except FetchError:
        fetch = (
            "import sys; from pathlib import Path; from ingrained.agent.weights.fetch import ensure;"
            "ensure(sys.argv[1], Path(sys.argv[2]), offline=False)"
        )
        command = [sys.executable, "-c", fetch, name, str(_CACHE)]
        subprocess.run(command, env=_OUTSIDE, check=True)
        return ensure(name, _CACHE, offline=True)


@pytest.fixture(scope="session")
def smollm_path() -> Path:
    """A folder with SmolLM2-135M-Instruct."""
    return _fetched("smollm2-135m")


@pytest.fixture(scope="session")
def minilm_path() -> Path:
    """A folder with the all-MiniLM-L6-v2 embedder."""
    return _fetched("all-minilm-l6-v2")


@pytest.fixture(scope="session")
def qwen_path() -> Path:
    """A folder with Qwen2.5-Coder-0.5B-Instruct, the default model."""
    return _fetched("qwen2.5-coder-0.5b")
