"""Taking texts out of the files that tell of past runs: records of runs and exams, the chat's history."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingrained.disk import replace_text

from .tombstones import ERASED, Finder, phrases, whole_key

_FOLDERS = ("runs", "exams")
_ADAPTED = ("adapter", "both")
"""Cells of an exam that are answered with trained weights."""
CHAT_HISTORY = "chat_history"


@dataclass(frozen=True, kw_only=True)
class Redaction:
    """What has to go from records."""

    texts: Finder
    """Replaced by `ERASED` wherever they stand."""
    questions: Finder
    """Likewise."""
    memories: Collection[str]
    """Ids: what was shown as an example of them goes, and replies that they were laid out for."""
    documents: Collection[str] = ()
    """Ids: likewise."""
    answers: Finder = field(default_factory=lambda: phrases(()))
    """A reply that an adapter gave goes when it holds one of these: it may know it by heart."""
    whole: Collection[str] = ()
    """Keys of short texts (`whole_key`): they go where they are all that is said."""

    def of(self, value: Any) -> Any:
        """Return JSON data without what has to go."""
        if isinstance(value, str):
            whole = bool(self.whole) and whole_key(value) in self.whole
            return ERASED if whole else self.questions.redact(self.texts.redact(value))
        if isinstance(value, list):
            return [self.of(item) for item in value if not self._example(item)]
        if isinstance(value, dict):
            return {self.of(key): self.of(item) for key, item in self._row(value).items()}
        return value

    def _example(self, item: Any) -> bool:
        if not isinstance(item, dict) or "memory" not in item:
            return False
        return item["memory"] in self.memories or item.get("document") in self.documents

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a reply of an exam; one that was given with a memory in view may repeat it."""
        sources, reply = row.get("sources"), row.get("reply")
        if not isinstance(sources, list) or not isinstance(reply, str):
            return row
        left = [source for source in sources if source not in self.memories]
        by_heart = row.get("cell") in _ADAPTED and self.answers.holds(reply)
        in_view = not set(self.documents).isdisjoint(row.get("documents", ()))
        gone = left != sources or by_heart or in_view
        return {**row, "sources": left, "reply": ERASED if gone else reply}


def redact_records(home: Path, redaction: Redaction) -> tuple[str, ...]:
    """Rewrite what tells of past runs, each file in one step; return the names of those changed.

    What a killed process left half written beside them is deleted.

    Raises:
        OSError: a file cannot be read or written.
    """
    changed = [path.relative_to(home).as_posix() for path in _half_written(home)]
    for name in changed:
        (home / name).unlink()
    for path in _records(home):
        before = path.read_text(encoding="utf-8")
        after = _rewritten(path, before, redaction)
        if after != before:
            replace_text(path, after)
            changed.append(path.relative_to(home).as_posix())
    return tuple(changed)


def _records(home: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from sorted((home / folder).glob("*.json"))
    if (home / CHAT_HISTORY).is_file():
        yield home / CHAT_HISTORY


def _half_written(home: Path) -> list[Path]:
    """Return what `replace_text` had not finished when its process was killed."""
    return sorted(path for folder in ("", *_FOLDERS) for path in (home / folder).glob("*.*.new"))


def _rewritten(path: Path, text: str, redaction: Redaction) -> str:
    if path.suffix != ".json":
        return _history(text, redaction)
    try:
        data = json.loads(text)
    except ValueError:
        return str(redaction.of(text))
    redacted = redaction.of(data)
    return text if redacted == data else json.dumps(redacted, indent=1) + "\n"


def _history(text: str, redaction: Redaction) -> str:
    """Return the chat's history redacted, where each line of what was typed begins with a plus."""
    kept = ""
    for typed, lines in itertools.groupby(
        text.splitlines(keepends=True), lambda line: line.startswith("+")
    ):
        block = "".join(line[1:] if typed else line for line in lines)
        redacted = redaction.of(block.removesuffix("\n")) + "\n" * block.endswith("\n")
        kept += "".join(
            f"+{line}" if typed else line for line in redacted.splitlines(keepends=True)
        )
    return kept
