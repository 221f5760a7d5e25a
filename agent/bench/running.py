"""The work folder of a benchmark: every finished part is a file of its own, so that a run goes on.

WORK/cells/NAME-KEY.json         a sitting that rests on no study
WORK/seed0/KEY/                  a study's home, with study.json once it is done, audit.jsonl
WORK/seed0/KEY/cells/NAME-KEY.json
WORK/documents/KEY/              what is studied

A key is a hash of all that the part depends on (documents, exam, weights, code, prompts, policy,
settings of the memory), so a part is done again when one of them changes, and is found again when it is
changed back. What is written is noted beside it, so that no study takes it for a source.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ingrained import __version__
from ingrained.agent.reading.corpus import BY_BENCH, written_by_bench
from ingrained.agent.weights.catalogue import CATALOGUE
from ingrained.agent.weights.progress import Progress
from ingrained.agent.weights.resolve import resolve_local
from ingrained.agent.weights.verify import sha256_of
from ingrained.disk import replace_text, way_out
from ingrained.errors import StoreError
from ingrained.memory.records import sha256
from ingrained.settings import Settings

_KEY_CHARS = 12
_OF_A_MODEL = frozenset({".safetensors", ".bin", ".json", ".txt", ".model", ".jinja"})


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


ANSWERING_CODE = (
    "agent/answering.py", "agent/asking.py", "agent/bench/plain_rag.py", "agent/bench/sitting.py",
    "agent/exam.py", "agent/grading.py", "agent/grounding.py", "agent/models/", "agent/reading/",
    "agent/recalling.py",
)  # fmt: skip
"""What the replies of a cell without a study come from, and their scores."""
_ASIDE = ("agent/bench/", "agent/commands/", "agent/report/", "agent/ui/")
"""What shows and tells, and changes no reply."""


def code(*, studying: bool) -> str:
    """Return a hash of the project's own sources: what other code made is no part of a result.

    Args:
        studying: Whether a study is behind it too, so that all counts but what shows and tells.
    """
    sources = _sources(resources.files("ingrained"), ("agent", "graphs", "memory", "trainer"))
    return key_of(
        sources={
            name: sha256(text)
            for name, text in sources
            if name.startswith(ANSWERING_CODE) or (studying and not name.startswith(_ASIDE))
        }
    )


def _sources(
    folder: Traversable, names: Iterable[str], above: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield path and text of the modules below some of a folder's entries."""
    for name in names:
        entry, path = folder / name, above + name
        if entry.is_dir():
            yield from _sources(entry, sorted(one.name for one in entry.iterdir()), f"{path}/")
        elif name.endswith(".py"):
            yield path, entry.read_text(encoding="utf-8")


def policy_facts(policy: Any) -> dict[str, Any]:
    """Return a study policy as plain data."""
    facts = dataclasses.asdict(policy)
    return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in facts.items()}


def weights_of(name: str, settings: Settings, progress: Progress | None = None) -> str:
    """Return a hash of the weights that a name stands for, with what they are read with.

    A catalogue model is known by its pinned files and need not be there; any other is fetched if
    need be, and read as a whole.

    Returns:
        The hash; nothing for a model behind an API, which only its name tells.

    Raises:
        UnknownModelError: the name stands for nothing.
        FetchError: the weights could not be fetched.
    """
    if name in CATALOGUE:
        return key_of(files={file.name: file.sha256 for file in CATALOGUE[name].files})
    folder = resolve_local(name, settings, progress)
    if folder is None:
        return ""
    # An embedder's folder has parts in folders of their own; others hold what is not of the model.
    found = folder.rglob("*") if (folder / "modules.json").is_file() else folder.iterdir()
    files = sorted(one for one in found if one.suffix in _OF_A_MODEL and one.is_file())
    return key_of(files={one.relative_to(folder).as_posix(): sha256_of(one) for one in files})


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
    def name(self) -> str:
        """The home's path in the work folder."""
        return f"{self.home.parent.name}/{self.home.name}"

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


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell of a file or folder that cannot be used.

    Raises:
        StoreError: the disk is full or fails, or the permissions do not allow it.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot use {str(path)!r}: {error.strerror or error}",
            hint=way_out(error) or "Check its permissions, or name another with --work or --out.",
        ) from error


def prepare(folder: Path) -> Path:
    """Make a folder.

    Raises:
        StoreError: it cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def claim(folder: Path, *names: str) -> Path:
    """Make a folder and note what a benchmark writes there: no study is to read that.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    known = written_by_bench(prepare(folder))
    save_part(folder / BY_BENCH, {"names": sorted(known.union(names))})
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
    with writing(path):
        replace_text(path, json.dumps(part) + "\n")
