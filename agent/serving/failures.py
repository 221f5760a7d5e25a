"""What vLLM's log says of its end, and what to do about it."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from pathlib import Path

from ingrained.errors import ModelError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PROCESS = re.compile(r"^\((?:APIServer|EngineCore|Worker)[^)]*\)\s*")
_PLACE = re.compile(r"^(?:INFO|WARNING|ERROR|DEBUG) \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\]\s*")
_NAMED_ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt)\b")
_LINES = 5
_READ = 65_536
"""Bytes of a log's end that are read."""

_MEMORY = (
    "out of memory", "not enough memory", "cannot allocate memory", "no available memory",
    "desired gpu memory utilization", "desired cpu memory utilization", "kv cache is needed",
    "requested memory for kv", "memoryerror",
)  # fmt: skip
_UNREADABLE = (
    "are not supported for now", "does not recognize this architecture", "safetensorerror",
    "invalid repository id", "is not a valid model", "no module or parameter named", "unrecognized model",
)  # fmt: skip
_PORT = ("address already in use",)

_MORE_MEMORY = "Give vLLM more with --memory-share, take less with --max-len, or end what else uses the memory."
_OTHER_MODEL = "vLLM cannot serve this model: take another with --model."
_OTHER_PORT = "Choose another --port."


def tail(log: Path) -> list[str]:
    """Return the last lines of a log that say something, without colours and the names of processes."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _READ))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [said for line in re.split(r"[\r\n]+", text) if (said := _said(line))]


def failure(code: int, log: Path) -> ModelError:
    """Return the error for a vLLM that ended by itself.

    Args:
        code: What it exited with; negative for a signal, as in `subprocess`.
        log: Where it wrote to.
    """
    lines = tail(log)
    text = "\n".join(lines).lower()
    why, hint = "", f"Its log is {str(log)!r}."
    if any(part in text for part in _MEMORY) or code == -signal.SIGKILL:
        why, hint = "it has too little memory", f"{_MORE_MEMORY} {hint}"
    elif any(part in text for part in _PORT):
        why, hint = "the port is in use", f"{_OTHER_PORT} {hint}"
    elif any(part in text for part in _UNREADABLE):
        why, hint = "it cannot read the model", f"{_OTHER_MODEL} {hint}"
    said = "\n  ".join(_telling(lines))
    told = f"vLLM ended ({_ended(code)}){f': {why}' if why else ''}."
    return ModelError(f"{told} It said last:\n  {said}" if said else told, hint=hint)


def _telling(lines: Sequence[str]) -> list[str]:
    """Return the lines that name an error, each once, or else the last ones."""
    named = [line for line in lines if _NAMED_ERROR.match(line)]
    return list(dict.fromkeys(named))[-_LINES:] or list(lines[-_LINES:])


def _ended(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _said(line: str) -> str:
    plain = _PROCESS.sub("", _COLOUR.sub("", line).strip())
    return _PLACE.sub("", plain).strip()
