"""What the tests of serving act on: homes with adapters, servers, `ingrained serve` as a process."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.gate import Decision, Scores
from ingrained.trainer.manifest import Manifest

BASE = "tiny-base"
SCORES = Scores(closed=0.1, memory=0.8, n=20)
PATIENCE = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """A home whose adapters differ in how likely they find everything (`fake_vllm`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.registry = AdapterRegistry(path)

    def train(
        self, likely: float = -0.5, *, rank: int = 8, base: str = BASE, strength: float = 1.0,
        memories: tuple[str, ...] = (),
    ) -> str:  # fmt: skip
        """Make an adapter that the gate lets pass, and return its version."""
        version = self.registry.stage()
        folder = self.registry.path(version)
        config = {"r": rank, "lora_alpha": rank, "peft_type": "LORA"}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        (folder / "adapter_model.safetensors").write_text(str(likely))
        recipe = {"rank": rank}
        made = Manifest(version=version, base_model=base, recipe=recipe, memory_ids=memories)
        self.registry.commit(version, made)
        self.judge(version, strength=strength)
        return version

    def judge(self, version: str, *, strength: float) -> None:
        """Let the gate find a strength, as a trial does."""
        self.registry.conclude(
            version, before=SCORES, after=SCORES, strength_alone=strength,
            decision=Decision(accept=True, reasons=("it rose",)),
        )  # fmt: skip

    def promote(self, likely: float = -0.5, **made: Any) -> str:
        """Make one and use it."""
        version = self.train(likely, **made)
        self.registry.promote(version)
        return version


class FakeServer:
    """A `vllm serve` that somebody else started."""

    def __init__(self, vllm: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._words = [
            str(vllm), "serve", BASE, f"--served-model-name={BASE}", "--host=127.0.0.1",
            f"--port={port}", "--max-lora-rank=32", "--enable-lora",
        ]  # fmt: skip

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(self._words, start_new_session=True)
        port = int(self.address.rpartition(":")[2])
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return self
            time.sleep(0.05)
        raise TimeoutError(self.address)

    def __exit__(self, *_: object) -> None:
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._child.poll() is None


class Command:
    """`ingrained serve --json` as a process, and its events as they come."""

    def __init__(
        self, *options: str, wrong: dict[str, Any] | None = None, patience: float = PATIENCE,
        **variables: str,
    ) -> None:  # fmt: skip
        self._patience = patience
        environment = {**os.environ, "FAKE_VLLM": json.dumps(wrong or {}), **variables}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "ingrained", "serve", "--json", "--every", "0.05", *options],
            env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=_with_signals,
        )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self.end()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def next(self, kind: str) -> dict[str, Any]:
        """Return the next event, which has to be of this kind."""
        line = self._lines.get(timeout=self._patience)
        assert line is not None, "it has ended"
        event: dict[str, Any] = json.loads(line)
        assert event["event"] == kind, event
        return event

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self._child.send_signal(number)
        return self._child.wait(self._patience)


def _with_signals() -> None:
    """Undo that a shell has what it starts in the background ignore Ctrl-C, and `nohup` the end of the terminal."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def all_end(pids: list[int]) -> bool:
    """Whether none of these processes runs, or will in a moment: a signal takes effect a little later."""
    for _ in range(100):
        if not any(map(alive, pids)):
            return True
        time.sleep(0.02)
    return False


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
