"""What is seen of a server: one line per event, or one JSON object per line for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.status import Status

from .console import clipped, duration, line, notices, results, spinner

Event = Mapping[str, Any]


class ServingView:
    """Shows events.

    Args:
        as_json: Write them to standard output as JSON lines, and show nothing else.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console: Console = notices()
        self._status: Status | None = None

    def __call__(self, event: Event) -> None:
        """Show one."""
        if self._as_json:
            results().out(json.dumps(event), highlight=False)
            return
        said, style = _TELLERS[str(event["event"])](event), _STYLES.get(str(event["event"]), "")
        self._console.print(line(said, style), soft_wrap=True)
        if event.get("hint"):
            self._console.print(line(event["hint"], "dim"), soft_wrap=True)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Turn a spinner in a terminal for as long as the block lasts; `log` changes its words."""
        if self._as_json:
            yield
            return
        with spinner(self._console, what) as self._status:
            try:
                yield
            finally:
                self._status = None

    def log(self, said: str) -> None:
        """Show what the server logs."""
        if self._status and said:
            self._status.update(line(f"vLLM: {clipped(said, 100)}", "dim"))


def _starting(e: Event) -> str:
    return f"Starting vLLM with {e['model']}; its log is {e['log']} …"


def _ready(e: Event) -> str:
    return (
        f"{e['model']} is served at {e['address']} by vLLM {e['version']}: "
        f"--model vllm:{e['model']}. Ctrl-C ends it."
    )


def _adapter(e: Event) -> str:
    return f"{e['version']} answers as {e['model']}, after {duration(e['seconds'])}: {e['canary']}"


def _refused(e: Event) -> str:
    stays = f"{e['serving']} answers on" if e["serving"] else "the base answers alone"
    return f"{e['version']} is not served: {e['reason']}. Until another is promoted, {stays}."


_TELLERS: Mapping[str, Callable[[Event], str]] = {
    "starting": _starting,
    "ready": _ready,
    "adapter": _adapter,
    "refused": _refused,
    "unloaded": lambda e: f"{e['model']} is no longer served.",
    "trouble": lambda e: f"{e['reason']} It is tried again.",
    "recovered": lambda _: "All is well again.",
    "stopped": lambda e: "vLLM has ended." if e["ended"] else "The server runs on.",
}
_STYLES = {"refused": "yellow", "trouble": "yellow", "adapter": "green", "unloaded": "dim"}
