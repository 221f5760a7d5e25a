"""Records of finished runs and sat exams: JSON files in the home.

HOME/runs/0001.json    one per study that ended, numbered in order
HOME/exams/NAME.json   the last sitting of each exam
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ingrained.disk import replace_text
from ingrained.errors import StoreError

Record = dict[str, Any]
_UNFIT = re.compile(r"[^\w.-]+")


def save_run(home: Path, record: Record) -> Path:
    """Write a run's record under the next number; the number is put into it."""
    taken = [int(path.stem) for path in _run_files(home)]
    number = max(taken, default=0) + 1
    return _write(home / "runs" / f"{number:04d}.json", {"number": number, **record})


def runs(home: Path) -> list[Record]:
    """Return the records of all runs, oldest first."""
    return [_read(path) for path in _run_files(home)]


def last_run(home: Path) -> Record | None:
    """Return the record of the last run, if any came to its end."""
    files = _run_files(home)
    return _read(files[-1]) if files else None


def save_exam(home: Path, report: Record) -> Path:
    """Keep an exam's report as the last sitting of that exam."""
    name = _UNFIT.sub("_", Path(str(report["exam"])).stem).strip(".") or "exam"
    return _write(home / "exams" / f"{name}.json", report)


def exams(home: Path) -> list[Record]:
    """Return the last sitting of each exam, newest first."""
    found = [_read(path) for path in sorted((home / "exams").glob("*.json"))]
    return sorted(found, key=lambda report: str(report["date"]), reverse=True)


def check_target(path: Path) -> None:
    """Find out before long work that a file cannot be written in the end.

    Raises:
        StoreError: the path is a folder.
    """
    if path.is_dir():
        raise StoreError(f"cannot write {str(path)!r}: it is a folder", hint="Name a file in it.")


def write_text(path: Path, text: str) -> Path:
    """Write a file whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text)
    except OSError as error:
        raise StoreError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            hint="Check the folder's permissions and its disk's free space.",
        ) from error
    return path


def _write(path: Path, record: Record) -> Path:
    return write_text(path, json.dumps(record, indent=1) + "\n")


def _run_files(home: Path) -> list[Path]:
    found = [path for path in (home / "runs").glob("*.json") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _read(path: Path) -> Record:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"the record {str(path)!r} cannot be read: {error}",
            hint="Move the file away: it is only shown in the report.",
        ) from error
