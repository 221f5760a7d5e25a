"""Leak audit: does any closed-book prompt hold text of a document?"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ingrained.agent.answering import ClosedBook
from ingrained.agent.asking import Asker
from ingrained.agent.exam import Laid
from ingrained.agent.grading import words
from ingrained.agent.prompts import Messages, load
from ingrained.memory.records import sha256

from .running import writing

_CLOZE = "Which words are missing in “"
"""Begins a question of `agent.tasks.cloze`."""


def audit_laid(laid: Sequence[Laid], guard: ClosedBook) -> dict[str, Any]:
    """Count what was audited of an exam's closed-book prompts, and what leaks.

    A question of the exam may quote its document in its own words; that is told apart from a leak,
    which is text of a document around the question.

    Returns:
        `prompts`, `leaks` (ids of items), `quoting` (ids of items whose question itself quotes).
    """
    leaks, quoting = [], []
    for one in laid:
        text = "\n".join(content for _, content in one.prompt)
        if guard.leaks(text.replace(one.item.question, "\n")):
            leaks.append(one.item.id)
        if guard.leaks(one.item.question):
            quoting.append(one.item.id)
    return {"prompts": len(laid), "leaks": leaks, "quoting": quoting}


class StudyAudit:
    """Holds every closed-book prompt of a study against its documents, once each, in a file.

    They are told by their system message. A question may name its document by the title, which then
    counts as text of the document only together with other text of it. What is in the file already is not
    noted again: a run that was cut short asks some prompts twice, and is audited as one that was not.

    Args:
        texts: All the documents.
        titles: Of the documents.
        path: JSON lines: the prompt's SHA-256, whether it leaks, and one that does as it is; of a
            cloze question also how many words in a row it shows of a document.

    Raises:
        StoreError: the file cannot be read.
    """

    def __init__(self, texts: Iterable[str], path: Path, *, titles: Iterable[str] = ()) -> None:
        kept = list(texts)
        self._guard = ClosedBook(kept, titles=titles)
        self._joined = "\n".join(f" {' '.join(words(text))} " for text in kept)
        self._path = path
        self._lock = threading.Lock()
        self._heard = {row["sha256"] for row in _rows(path)}
        self._system = load("closed_book").turns[0][1]

    def hear(self, prompts: Sequence[Messages]) -> None:
        """Audit the prompts of one call, before they are asked.

        Raises:
            StoreError: the file cannot be written.
        """
        texts = [
            "\n".join(content for _, content in prompt)
            for prompt in prompts
            if prompt and prompt[0][1] == self._system
        ]
        with self._lock:
            new = {key: text for text in texts if (key := sha256(text)) not in self._heard}
            self._heard |= new.keys()
            self._note([{"sha256": key, **self._found(text)} for key, text in new.items()])

    def _found(self, text: str) -> dict[str, Any]:
        leak = {"leaks": True, "prompt": text} if self._guard.leaks(text) else {"leaks": False}
        _, cloze, shown = text.partition(_CLOZE)
        return {**leak, "shown": self._longest_run(shown.partition("”")[0])} if cloze else leak

    def _longest_run(self, text: str) -> int:
        """Return the most words in a row that a text has in common with a document."""
        got, longest = words(text), 0
        for start in range(len(got)):
            while (end := start + longest + 1) <= len(got) and self._holds(got[start:end]):
                longest += 1
        return longest

    def _holds(self, run: Sequence[str]) -> bool:
        return f" {' '.join(run)} " in self._joined

    def _note(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add lines to the file, and see them on the disk: the study's own steps are, too."""
        if not rows:
            return
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write("" if _ends_whole(self._path) else "\n")
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())


class AuditedAsker(Asker):
    """Asks as another does, and shares its meter; an audit hears each prompt before it is asked.

    So it hears those too whose reply is kept from before and that no model is asked.
    """

    def __init__(self, asker: Asker, audit: StudyAudit) -> None:
        vars(self).update(vars(asker))
        self._audit = audit

    def ask(self, prompts: Sequence[Messages], **manner: Any) -> list[str]:
        """Return one reply per prompt, in order; see `Asker.ask`."""
        self._audit.hear(prompts)
        return super().ask(prompts, **manner)

    def likelihoods(
        self, prompt: Messages, choices: Sequence[str], **manner: Any
    ) -> list[float] | None:
        """Return how likely each of some replies is; see `Asker.likelihoods`."""
        self._audit.hear([prompt])
        return super().likelihoods(prompt, choices, **manner)


def read_audit(path: Path) -> dict[str, Any]:
    """Return what was heard of a study.

    Returns:
        `prompts`: how many different closed-book prompts it asked; `leaks`: those that leak;
        `cloze`: how many of them are cloze questions, which show words of their document around
        the gap on purpose, and under `longest_run` the most words in a row that one shows.

    Raises:
        StoreError: the file cannot be read.
    """
    rows = _rows(path)
    shown = [row["shown"] for row in rows if "shown" in row]
    return {
        "prompts": len(rows),
        "leaks": [row["prompt"] for row in rows if row["leaks"]],
        "cloze": {"prompts": len(shown), "longest_run": max(shown, default=0)},
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    rows = []
    with writing(path):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        try:
            rows.append(dict(json.loads(line)))
        except ValueError:
            continue  # A kill can cut the line that was being written.
    return rows


def _ends_whole(path: Path) -> bool:
    """Return whether the last line of a file was written to its end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        return file.read() in (b"", b"\n")
