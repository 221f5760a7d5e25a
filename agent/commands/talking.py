"""Opens what `ingrained chat` talks with."""

from __future__ import annotations

import datetime
import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from ingrained.errors import InputError

from .opening import Doors, existing_home, loading, open_model
from .sleeping import Sleep

if TYPE_CHECKING:
    from ingrained.agent.asking import Asker
    from ingrained.agent.conversing import Dialogue
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.graphs.chat.access import HomeMemory
    from ingrained.graphs.chat.threads import Threads
    from ingrained.graphs.session import Home
    from ingrained.memory.embedding import Embedder
    from ingrained.settings import Settings


@contextmanager
def dialogue(
    settings: Settings,
    behind: Doors,
    cell: str,
    *,
    user: str,
    thread: str | None,
    new: bool,
    votes: int,
    refine: bool,
    portrait: bool,
) -> Iterator[tuple[Dialogue, str]]:
    """Open a conversation, checking the cell and the votes before anything is loaded.

    Yields:
        The conversation, and what there is to note about its cell.

    Raises:
        InputError: the names do not go together, or are empty.
        SettingsError: no such cell, or no votes.
    """
    from ingrained.agent.cells import settled_cell
    from ingrained.agent.conversing import Dialogue
    from ingrained.agent.deliberating import check_votes
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.graphs.chat.context import ChatContext
    from ingrained.graphs.chat.threads import open_threads

    check_names(user, thread, new=new)
    check_votes(votes)
    home = existing_home(settings)
    registry = home.registry()
    settled_cell(cell, registry.active(), registry.unused)
    with ExitStack() as stack:
        bar = stack.enter_context(DownloadBar())
        memory = stack.enter_context(closing(_memory_of(home, settings, behind, bar)))
        memory.reading()
        library = None
        if home.library_file.is_file():
            library = stack.enter_context(closing(home.library(read_only=True)))
        asker = open_model(home, settings, behind, bar)
        adapter = _adapter_in_use(asker, home)
        settled, note = settled_cell(cell, adapter, registry.unused)
        threads = stack.enter_context(open_threads(home))
        context = ChatContext(
            asker=asker,
            memory=memory,
            library=library,
            adapter=adapter,
            cell=settled,
            user=user,
            thread=thread or thread_name(threads, user, new=new),
            votes=votes,
            refine=refine,
            portrait=portrait,
        )
        yield (
            Dialogue(
                threads,
                context,
                wanted=cell,
                adapter=lambda: _adapter_in_use(asker, home),
                unused=registry.unused,
                sleep=Sleep(
                    home=home, settings=settings, behind=behind, asker=asker, memory=memory
                ),
            ),
            note,
        )


def check_names(user: str, thread: str | None, *, new: bool) -> None:
    """Refuse names that do not go together, or are empty.

    Raises:
        InputError: they are such.
    """
    if new and thread is not None:
        raise InputError(
            "--new and --thread do not go together",
            hint="Give a name that is not used yet with --thread, or --new alone.",
        )
    if not user.strip() or (thread is not None and not thread.strip()):
        raise InputError("the name is empty", hint="Give --user and --thread names of letters.")


def _adapter_in_use(asker: Asker, home: Home) -> str | None:
    """Return the adapter that is in use now, loaded, and free those that are not any more."""
    from ingrained.graphs.session import adapter_at_hand

    active = adapter_at_hand(asker, home)
    for name in asker.adapters:
        if name != active:
            asker.unload_adapter(name)
    return active


def _memory_of(home: Home, settings: Settings, behind: Doors, bar: DownloadBar) -> HomeMemory:
    from ingrained.agent.reranking import open_reranker
    from ingrained.graphs.chat.access import HomeMemory
    from ingrained.graphs.session import open_embedder, store_options

    def load() -> Embedder:
        with loading(settings.embedder, behind, bar):
            return behind.embedder or open_embedder(settings, bar)

    return HomeMemory(
        home,
        load,
        reading=lambda: store_options(settings, open_reranker(settings, bar, chat=behind.model)),
        writing=store_options(settings),
    )


def thread_name(threads: Threads, user: str, *, new: bool = False) -> str:
    """Return the name of the last conversation, or one that is not used yet."""
    if not new and (last := threads.last(user)) is not None:
        return last
    now = datetime.datetime.fromtimestamp(time.time(), datetime.UTC).strftime("%Y-%m-%d-%H%M%S")
    names = itertools.chain([now], (f"{now}-{number}" for number in itertools.count(2)))
    return next(name for name in names if threads.claim(user, name))
