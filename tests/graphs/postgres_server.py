"""A Postgres server of a test's own: in a folder of its own, reached by a socket there and by no port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian puts each version's programs, which are on nobody's PATH."""


def programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`, the newest if there are several; None without one."""
    on_path = shutil.which("initdb")
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda one: float(one.parents[1].name))
    places = [Path(on_path).resolve()] if on_path else found
    return places[-1].parent if places and (places[-1].parent / "postgres").is_file() else None


@dataclass(frozen=True)
class Server:
    """A server that can be stopped and started again; its data stay.

    Args:
        programs: The folder of its programs.
        folder: Of its data and its socket, with a short name: that of a socket has a limit.
    """

    programs: Path
    folder: Path

    @property
    def address(self) -> str:
        """What to connect to."""
        return f"host={self.folder} dbname=postgres user=postgres"

    def create(self) -> None:
        """Make its folder of data, as somebody else where root runs the tests: it refuses root."""
        if user := _user():
            shutil.chown(self.folder, user)
        data = ["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
        command = [self.programs / "initdb", *data, "--no-sync"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, **self._manner()
        )
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Start it and yield its address; it is stopped in any case, with what it was told kept."""
        command = [self.programs / "postgres", "-D", "data", "-k", self.folder, "-h", "", "-F"]
        log = self.folder / "server.log"
        with log.open("a") as told:
            server = subprocess.Popen(command, stdout=told, stderr=told, **self._manner())
        try:
            self._wait(server, log)
            yield self.address
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def _wait(self, server: subprocess.Popen[bytes], log: Path) -> None:
        for _ in range(200):
            assert server.poll() is None, log.read_text()
            ready = [self.programs / "pg_isready", "-q", "-h", self.folder]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    def _manner(self) -> dict[str, Any]:
        as_whom = {"user": user, "group": pwd.getpwnam(user).pw_gid} if (user := _user()) else {}
        return {"cwd": self.folder, "extra_groups": [] if as_whom else None, **as_whom}


def _user() -> str | None:
    return "nobody" if os.geteuid() == 0 else None


@contextlib.contextmanager
def new_server(folder: Path) -> Iterator[Server]:
    """Yield a new server, not started, whose data are gone in the end."""
    with tempfile.TemporaryDirectory(prefix="pg") as own:
        server = Server(folder, Path(own))
        server.create()
        yield server
