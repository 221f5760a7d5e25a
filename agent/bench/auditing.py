"""Leak audit: does any closed-book prompt hold text of a document?"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage

from ingrained.agent.answering import ClosedBook
from ingrained.agent.exam import Laid
from ingrained.agent.prompts import load


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


class StudyAudit(BaseCallbackHandler):
    """Hears every prompt of a study and notes the closed-book ones in a file, a line each.

    They are told by their system message. The file is added to, so that a run that was cut short
    and goes on is audited as one.

    Args:
        guard: Knows all the documents.
        path: The JSON lines: whether the prompt leaks, and one that does as it is.
    """

    raise_error = True

    def __init__(self, guard: ClosedBook, path: Path) -> None:
        self._guard = guard
        self._path = path
        self._lock = threading.Lock()
        self._system = load("closed_book").turns[0][1]

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 the base class names it
        messages: list[list[BaseMessage]],
        **_: Any,
    ) -> None:
        """Audit the prompts of one call."""
        closed = [one for one in messages if one and one[0].content == self._system]
        texts = ["\n".join(str(part.content) for part in one) for one in closed]
        self._note(texts)

    def _note(self, texts: Iterable[str]) -> None:
        rows = [
            {"leaks": True, "prompt": text} if self._guard.leaks(text) else {"leaks": False}
            for text in texts
        ]
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def read_audit(path: Path) -> dict[str, Any]:
    """Return how many closed-book prompts a study asked, and the ones that leak."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue  # A kill can cut the line that was being written.
    return {"prompts": len(rows), "leaks": [row["prompt"] for row in rows if row["leaks"]]}
