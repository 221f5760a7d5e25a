"""Studying one document on an agent's request: only what lies in a folder that the host opened."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from ingrained.errors import CorpusError, SettingsError
from ingrained.graphs.context import StudyContext
from ingrained.graphs.listing import quoted
from ingrained.graphs.session import RECURSION_LIMIT
from ingrained.graphs.study import build_study_graph

_NAMED = 20
"""Most files that an error names."""


class StudyDesk:
    """Runs the study graph over single files, one at a time.

    Args:
        context: What to study with. Its own namespace is what learns: which passages were studied is
            on record for the whole home.
        folder: Where the files are.

    Raises:
        SettingsError: there is no such folder.
    """

    def __init__(self, context: StudyContext, folder: Path) -> None:
        if not folder.is_dir():
            raise SettingsError(f"{str(folder)!r} is not a folder", hint="Give an existing one.")
        self._context = context
        self._folder = folder.resolve()
        # Its own memory is what a study resumes by: the host's checkpoints need not hold it.
        self._graph = build_study_graph().compile(checkpointer=False)

    @classmethod
    def of(cls, context: StudyContext | None, folder: Path | None) -> Self | None:
        """Return a desk if both are given, None if neither is.

        Raises:
            SettingsError: one of them is missing, or there is no such folder.
        """
        if context is None and folder is None:
            return None
        if context is None or folder is None:
            raise SettingsError(
                "documents are studied from a `folder` with a `study` context: one of them is missing"
            )
        return cls(context, folder)

    def study_document(self, path: str) -> str:
        """Study one document of the library thoroughly, so that it can be recalled. It takes minutes.

        Args:
            path: Path of the file within the library.
        """
        file = self._file(path)
        context = dataclasses.replace(self._context, corpus=(file,), attended=False)
        with context.studying:
            state = self._graph.invoke(
                {"round": 0}, {"recursion_limit": RECURSION_LIMIT}, context=context
            )
        return f"Studied {quoted(path)}: {state.get('kept', 0)} new notes of it are in memory."

    def _file(self, path: str) -> Path:
        """Return a file of the folder, links followed.

        Raises:
            CorpusError: it lies outside, or there is none.
        """
        file = self._within(path)
        if file is None:
            named = ", ".join(map(quoted, itertools.islice(self._names(), _NAMED)))
            raise CorpusError(
                f"There is no document {quoted(path)} that may be studied.",
                hint=f"There are: {named}." if named else "There are none.",
            )
        return file

    def _within(self, path: str | Path) -> Path | None:
        try:
            file = (self._folder / path).resolve()
            return file if file.is_relative_to(self._folder) and file.is_file() else None
        except (OSError, ValueError, RuntimeError):  # too long, a null character, a circle of links
            return None

    def _names(self) -> Iterator[str]:
        files = filter(self._within, sorted(self._folder.rglob("*")))
        return (file.relative_to(self._folder).as_posix() for file in files)
