"""The work folder of a benchmark: every finished part is a file of its own, so that a run goes on.

WORK/cells/NAME-KEY.json         a sitting that rests on no study
WORK/seed0/KEY/                  a study's home, with study.json once it is done, audit.jsonl
WORK/seed0/KEY/cells/NAME-KEY.json

A key is a hash of all that the part depends on (documents, exam, model, prompts, policy), so a part
is done again when one of them changes, and is found again when it is changed back.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ingrained import __version__
from ingrained.disk import replace_text, way_out
from ingrained.errors import StoreError
from ingrained.memory.records import sha256

_KEY_CHARS = 12


def key_of(**parts: Any) -> str:
    """Return a short hash of plain data, sets and paths included."""
    return sha256(json.dumps(parts, sort_keys=True, default=_plain))[:_KEY_CHARS]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


ANSWERING = ("closed_book.md", "open_book.md", "with_memory.md")
"""Prompts that a cell without a study depends on."""


def wording(only: Collection[str] | None = None) -> str:
    """Return a hash of the version and of prompts: replies are comparable only under the same.

    Args:
        only: Files of these prompts; all when omitted.
    """
    folder = resources.files("ingrained.agent.prompts")
    texts = {
        one.name: one.read_text(encoding="utf-8")
        for one in folder.iterdir()
        if one.name.endswith(".md") and (only is None or one.name in only)
    }
    return key_of(version=__version__, prompts=texts)


def policy_facts(policy: Any) -> dict[str, Any]:
    """Return a study policy as plain data."""
    facts = dataclasses.asdict(policy)
    return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in facts.items()}


@dataclass(frozen=True, kw_only=True)
class StudyFolder:
    """Where one study of a benchmark lives.

    Args:
        home: The agent's home.
        documents: Folder of what it studies.
    """

    home: Path
    documents: Path

    @property
    def record(self) -> Path:
        """Says that the study is done, and what it cost."""
        return self.home / "study.json"

    @property
    def audit(self) -> Path:
        """What was heard of its closed-book prompts."""
        return self.home / "audit.jsonl"

    @property
    def cells(self) -> Path:
        """Its sittings."""
        return self.home / "cells"


def study_folder(work: Path, group: str, key: str, documents_key: str) -> StudyFolder:
    """Return the folder of a study; `group` is `seed0` and the like, or `placebo`."""
    return StudyFolder(home=work / group / key, documents=work / "documents" / documents_key)


def prepare(folder: Path) -> Path:
    """Make a folder.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot use the folder {str(folder)!r}: {error.strerror or error}",
            hint=way_out(error) or "Give another folder with --work or --out.",
        ) from error
    return folder


def load_part(path: Path) -> dict[str, Any] | None:
    """Return a finished part; None if it is not there, or damaged, so that it is done again."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def save_part(path: Path, part: Mapping[str, Any]) -> None:
    """Keep a finished part, whole or not at all.

    Raises:
        StoreError: the disk is full or fails, or the folder cannot be written.
    """
    prepare(path.parent)
    try:
        replace_text(path, json.dumps(part) + "\n")
    except OSError as error:
        raise StoreError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            hint=way_out(error) or "Check the folder's permissions.",
        ) from error
