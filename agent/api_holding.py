"""What an agent in Python holds open: the memory, the library, the model, the conversations."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from ingrained.agent.asking import Asker
from ingrained.agent.commands.opening import existing_home
from ingrained.agent.commands.recording import with_recipe
from ingrained.agent.models.factory import load_chat_model
from ingrained.agent.models.served import base_folder
from ingrained.agent.reranking import open_reranker
from ingrained.errors import StoreError
from ingrained.graphs.chat.threads import Threads, open_threads
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.session import (
    Home,
    check_trainable,
    open_embedder,
    prepared,
    store_options,
    with_adapters,
)
from ingrained.memory.embedding import Embedder
from ingrained.memory.store import MemoryStore
from ingrained.settings import Settings
from ingrained.tracing import Spans, open_spans
from ingrained.trainer.adapters import AdapterRegistry


class Holding:
    """Opens each thing when it is first needed, and closes all of them together.

    Args:
        settings: What is to be opened.
        model: In place of the model that is named there.
        embedder: In place of the embedder that is named there.
        read_only: Change nothing in the memory.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        model: BaseChatModel | None,
        embedder: Embedder | None,
        read_only: bool,
    ) -> None:
        self.settings = settings
        self._model = model
        self._embedder = embedder
        self._read_only = read_only
        self._lock = threading.RLock()
        self._resources = ExitStack()
        self._closed = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one call at a time use what is open.

        Raises:
            StoreError: all was closed.
        """
        with self._lock:
            if self._closed:
                raise StoreError("this agent was closed", hint="Make a new `Ingrained`.")
            with self._spans.active() if self._spans else nullcontext():
                yield

    @cached_property
    def _spans(self) -> Spans | None:
        """What sends spans, where the settings want it."""
        spans = open_spans(self.settings.traces)
        if spans is not None:
            self._resources.callback(spans.close)
        return spans

    def close(self) -> None:
        """Close what was opened; a second call does nothing."""
        with self._lock:
            self._closed = True
            self._resources.close()

    @property
    def adapters(self) -> AdapterRegistry:
        """What was trained."""
        return AdapterRegistry(self.settings.home)

    @cached_property
    def store(self) -> MemoryStore:
        """The memory."""
        settings = self.settings
        home = existing_home(settings) if self._read_only else Home(settings.home)
        options = store_options(settings, open_reranker(settings, chat=self._model))
        embedder = self._embedder or open_embedder(settings)
        return self._resources.enter_context(
            MemoryStore.open(home.path, embedder, read_only=self._read_only, options=options)
        )

    @cached_property
    def opened(self) -> StudyContext:
        """The memory with all that a study works with."""
        settings, store, home = self.settings, self.store, Home(self.settings.home)
        library = home.library(read_only=self._read_only and home.library_file.is_file())
        self._resources.callback(library.close)
        return StudyContext(
            asker=Asker(self._model or load_chat_model(settings.model, settings)),
            store=store,
            library=library,
            registry=self.adapters,
            base_path=None if self._model else base_folder(settings.model, settings),
        )

    @cached_property
    def threads(self) -> Threads:
        """What was said in the home."""
        return self._resources.enter_context(open_threads(existing_home(self.settings)))

    def asker(self) -> Asker:
        """Return the model with the adapter at hand that is promoted now."""
        return with_adapters(self.opened.asker, Home(self.settings.home))

    @contextmanager
    def run(
        self,
        policy: StudyPolicy,
        recipe: Mapping[str, Any],
        corpus: tuple[Path, ...] = (),
        *,
        replies: bool = False,
    ) -> Iterator[StudyContext]:
        """Open what a study or a consolidation works with.

        Args:
            policy: How it goes about it.
            recipe: What to change in the recipe of the training.
            corpus: What to read.
            replies: Whether to keep what a model that is named says until it is done.

        Raises:
            StoreError: the memory is not to be changed.
            ModelError: an adapter is wanted and the model cannot be trained.
        """
        if self._read_only:
            raise StoreError("this agent is open for reading only", hint="Leave out `read_only`.")
        check_trainable(self.settings, policy, self._model)
        opened = dataclasses.replace(self.opened, corpus=corpus, policy=policy)
        own_replies = replies and self.settings.replies and self._model is None
        home = Home(self.settings.home)
        with prepared(home, with_recipe(opened, recipe), own_replies=own_replies) as context:
            yield context
