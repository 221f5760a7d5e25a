"""`langgraph dev`, started for a test where it is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

needs_server = pytest.mark.skipif(
    importlib.util.find_spec("langgraph_api") is None,
    reason="langgraph-api is not installed: pip install 'langgraph-cli[inmem]'",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def dev_server() -> Iterator[str]:
    """Run `langgraph dev` in the working folder and yield its address; it is stopped in any case."""
    quiet = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGGRAPH_NO_VERSION_CHECK": "true"}
    port = free_port()
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    logged = Path("server.log")
    with logged.open("w") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env={**os.environ, **quiet}, stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_for(f"http://127.0.0.1:{port}", server, logged)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/ok").status_code == 200:
                return
        time.sleep(0.5)
    raise AssertionError(log.read_text())
