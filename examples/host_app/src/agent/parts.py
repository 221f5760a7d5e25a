"""What the nodes of the graph work with: opened once, by the first run that needs it."""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import ExitStack
from dataclasses import dataclass

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from ingrained import Settings
from ingrained.graphs import StudyContext, StudyPolicy, open_study


@dataclass(frozen=True)
class Parts:
    model: BaseChatModel
    """The host's, which talks to users and calls tools."""
    study: StudyContext
    """Ingrained's: the model that studies, the memory, the documents."""


class OpenedParts:
    """Parts as the environment names them, kept open to the end of the process.

    `HOST_MODEL` is a name of `init_chat_model`; the home and the documents are those of Ingrained's
    settings (`INGRAINED_HOME`, `INGRAINED_CORPUS`).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: Parts | None = None

    def __call__(self) -> Parts:
        with self._lock:
            self._parts = self._parts or self._open()
            return self._parts

    def _open(self) -> Parts:
        settings, resources = Settings(), ExitStack()
        atexit.register(resources.close)
        corpus = (settings.corpus,) if settings.corpus else ()
        model = init_chat_model(os.environ["HOST_MODEL"])
        return Parts(
            model=model,
            study=resources.enter_context(open_study(settings, corpus, StudyPolicy())),
        )
