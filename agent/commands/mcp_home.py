"""The parts of one home, as the calls to `ingrained mcp` need them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ingrained.errors import HomeBusyError, NotFoundError

from .ask import conversation
from .opening import Doors, existing_home, open_memory

if TYPE_CHECKING:
    from ingrained.agent.chatting import Conversation
    from ingrained.agent.citing import Answer
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.memory.embedding import Embedder
    from ingrained.memory.store import MemoryStore
    from ingrained.settings import Settings


class ServedHome:
    """Opens each part when the first call needs it. Calls may come by any thread, one at a time.

    The memory is read beside any writer. It is held for one change and then let go of, so that a study can begin while this is served.

    Args:
        settings: They name the home and the models.
        behind: Stand-ins for the models.
        progress: Told of what is fetched.

    Raises:
        StoreError: There is no home.
    """

    def __init__(
        self, settings: Settings, behind: Doors, progress: DownloadBar | None = None
    ) -> None:
        self._settings = settings
        self._behind = behind
        self._progress = progress
        self._home = existing_home(settings)
        self._resources = ExitStack()
        self._embedder: Embedder | None = None
        self._reader: MemoryStore | None = None
        self._conversation: Conversation | None = None
        self._talk = self._resources.enter_context(ExitStack())
        self._adapter: str | None = None

    def close(self) -> None:
        """Close what was opened."""
        self._resources.close()

    def reader(self) -> MemoryStore | None:
        """Return the memory to read; None while nothing was ever remembered."""
        if self._reader is None and self._home.ledger_file.is_file():
            self._reader = self._resources.enter_context(
                open_memory(self._settings, self._doors(), progress=self._progress)
            )
        return self._reader

    @contextmanager
    def writer(self) -> Iterator[MemoryStore]:
        """Open the memory to change it, for one call.

        Raises:
            HomeBusyError: Another process is writing to it.
        """
        from ingrained.graphs.session import store_options
        from ingrained.memory.store import MemoryStore

        with ExitStack() as stack:
            try:
                store = stack.enter_context(
                    MemoryStore.open(
                        self._home.path,
                        self._open_embedder(),
                        options=store_options(self._settings),
                    )
                )
            except HomeBusyError as error:
                raise HomeBusyError(
                    f"{error} Nothing was changed.",
                    hint="A study may be running. Recall works beside it; change memory when it is done.",
                ) from error
            yield store

    def ask(self, question: str) -> Answer:
        """Answer with the agent's model, which the first question loads.

        It is loaded anew when another adapter is in use than for the question before.

        Raises:
            NotFoundError: There is nothing to answer from.
        """
        active = self._home.registry().active()
        if self._conversation is None or active != self._adapter:
            self._conversation = None
            self._talk.close()
            self._conversation, self._adapter = self._open_conversation(), active
        return self._conversation.answer(question)

    def _open_conversation(self) -> Conversation:
        if self.reader() is None:
            raise NotFoundError(
                "This agent has learnt nothing yet.",
                hint="Let it study first: `ingrained study PATH`.",
            )
        return self._talk.enter_context(conversation(self._settings, self._doors(), "both"))

    def _doors(self) -> Doors:
        """Return the stand-ins with the embedder, which is loaded once for all that is opened."""
        return Doors(model=self._behind.model, embedder=self._open_embedder())

    def _open_embedder(self) -> Embedder:
        from ingrained.graphs.session import open_embedder

        if self._embedder is None:
            self._embedder = self._behind.embedder or open_embedder(self._settings, self._progress)
        return self._embedder
