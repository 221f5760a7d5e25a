"""One vLLM as a child process, in a group of its own, so that all it started ends with it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ingrained.agent.models.vllm_server import VllmServer
from ingrained.errors import InputError, ModelError

from .failures import failure, tail

_LOOK = 0.25
"""Seconds between two looks at whether it is ready, or has ended."""


class VllmProcess:
    """A vLLM that was started here.

    Args:
        words: The command.
        variables: Its whole environment.
        log: Where it writes to; what an earlier one wrote is overwritten.
    """

    def __init__(self, words: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("wb") as file:
            self._child = subprocess.Popen(
                list(words), env=dict(variables), stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._child.pid

    def check(self) -> None:
        """Find out that it runs.

        Raises:
            ModelError: it has ended; the message says why.
        """
        code = self._child.poll()
        if code is not None:
            raise failure(code, self.log)

    def last_line(self) -> str:
        """Return what it logged last."""
        return next(iter(reversed(tail(self.log))), "")

    def stop(self, grace: float) -> None:
        """End it and all that it started: asked first, forced after so many seconds.

        A Ctrl-C in the meantime forces it at once.
        """
        try:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=grace)
        finally:
            # Also when the first process went by itself: those that it started may have stayed.
            self._signal(signal.SIGKILL)
            self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextlib.contextmanager
def running(
    words: Sequence[str], variables: Mapping[str, str], log: Path, *, grace: float
) -> Iterator[VllmProcess]:
    """Start vLLM, and end it with the block, however that ends."""
    process = VllmProcess(words, variables, log)
    try:
        yield process
    finally:
        process.stop(grace)


def wait_until_ready(
    process: VllmProcess, server: VllmServer, seconds: float, tell: Callable[[str], None]
) -> None:
    """Wait until it answers; `tell` is told what it logs meanwhile.

    Raises:
        ModelError: it ended, or does not answer after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not server.health():
        process.check()
        if time.monotonic() > deadline:
            raise ModelError(
                f"vLLM did not answer within {seconds:.0f} seconds. It said last:\n  "
                f"{process.last_line()}",
                hint=f"Give it longer with --wait. Its log is {str(process.log)!r}.",
            )
        tell(process.last_line())
        time.sleep(_LOOK)
    # Another server may have answered on the port that this one lost to it.
    process.check()


def check_port(host: str, port: int) -> None:
    """Find out that nothing listens there.

    Raises:
        InputError: something does, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as tried:
        # As vLLM does: a connection that was closed a moment ago does not count.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            raise InputError(
                f"Nothing can be served at {host}, port {port}: {error.strerror}.",
                hint="Choose another --port. If it is a vLLM server that listens there, use it with "
                f"--connect http://{host}:{port}.",
            ) from error
