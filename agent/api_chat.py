"""A conversation as one Python object, on the graph and the files of `ingrained chat`."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

from ingrained.agent.api_holding import Holding
from ingrained.agent.cells import settled_cell
from ingrained.agent.citing import Answer
from ingrained.errors import IngrainedError
from ingrained.graphs.chat.access import OpenStore
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.state import Turn
from ingrained.graphs.session import Event, Home, adapter_at_hand

Listener = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Whose conversation, which one, and how it is answered; see `Ingrained.chat`."""

    thread: str
    user: str
    cell: str
    votes: int
    refine: bool
    portrait: bool
    on_event: Listener | None


class Chat:
    """One conversation of a home; `Ingrained.chat` opens it.

    Each turn is on the disk when it is answered, and what the user says is remembered. An adapter
    that is promoted meanwhile answers the next turn.
    """

    def __init__(self, held: Holding, manner: Manner) -> None:
        self._held = held
        self._manner = manner

    @property
    def thread(self) -> str:
        """The name of the conversation, to go on with."""
        return self._manner.thread

    def say(self, text: str) -> Answer:
        """Answer what the user says, in view of what was said before.

        Raises:
            InputError: there is nothing in the text.
            NotFoundError: the cell is `adapter`, and none is promoted any more.
            HomeBusyError: the conversation is being answered in another process, or a purge erases.
            StoreError: the agent was closed.
        """
        return self._answered(text, self._manner.on_event)

    def stream(self, text: str) -> ReplyStream:
        """Return the same answer as it is written, piece by piece; see `say` for what is raised.

        It begins to be written with the first piece that is asked for. An answer that takes several
        calls (`votes`, `refine`) comes in one piece.
        """
        return ReplyStream(lambda tell: self._answered(text, self._telling(tell)))

    def history(self) -> list[Turn]:
        """Return what was said, oldest first: dicts of `id`, `time`, `user` and `agent`."""
        with self._held.turn():
            return self._held.threads.turns(self._manner)

    def forget(self) -> None:
        """Drop the conversation, and take what the user said in it alone out of recall.

        What they asked to remember stays. To erase it from every file is `ingrained memory purge`.

        Raises:
            StoreError: the memory cannot be changed from here. Nothing was dropped.
            HomeBusyError: the conversation is being answered in another process, or a purge erases.
        """
        with self._held.turn():
            self._held.threads.forget(self._manner, OpenStore(self._held.store))

    def _answered(self, text: str, listener: Listener | None) -> Answer:
        with self._held.turn():
            told = self._held.threads.ask(text, self._context(listener))
        return Answer.from_dict(told)

    def _telling(self, tell: Listener) -> Listener:
        """Return what tells of events as the conversation does, and of each to somebody else first."""

        def both(event: Event) -> None:
            tell(event)
            if self._manner.on_event is not None:
                self._manner.on_event(event)

        return both

    def _context(self, listener: Listener | None) -> ChatContext:
        held, manner = self._held, self._manner
        asker = held.opened.asker
        adapter = adapter_at_hand(asker, Home(held.settings.home))
        cell, _ = settled_cell(manner.cell, adapter, held.adapters.unused)
        return ChatContext(
            asker=asker, memory=OpenStore(held.store), library=held.opened.library,
            adapter=adapter, cell=cell, user=manner.user, thread=manner.thread,
            votes=manner.votes, refine=manner.refine, portrait=manner.portrait, listener=listener,
        )  # fmt: skip


class ReplyStream:
    """One answer as it is written: iterate over its pieces, with `for` or `async for`, then take `answer`.

    It is written in a thread of its own, so that any thread may read it; of several readers each gets
    other pieces, and all come to the end. A wait for the next piece that is cancelled takes none. Who stops
    reading lets it come to its end; `close`, or the end of a `with` block, cuts it short, and nothing of the
    turn is kept.

    Args:
        answering: Gives the answer, telling of each event.
    """

    def __init__(self, answering: Callable[[Listener], Answer]) -> None:
        self._answering = answering
        self._places = deque([_place()])
        """Of the pieces that nobody took yet, and last the one that comes next; None is the end."""
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._writing: Future[Answer] | None = None

    @property
    def answer(self) -> Answer:
        """The whole answer; waits for the rest of it.

        Raises:
            IngrainedError: it was cut short, or what `Chat.say` raises.
        """
        return self._begun().result()

    def close(self) -> None:
        """Cut the answer short unless it is kept already, and wait for its end."""
        self._closed.set()
        if self._writing is not None:
            self._writing.exception()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while (place := self._awaited()) is not None:
            place.result()
            if (piece := self._taken(place)) is not None:
                return piece
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while (place := self._awaited()) is not None:
            await asyncio.wrap_future(place)
            if (piece := self._taken(place)) is not None:
                return piece
        raise StopAsyncIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()

    def _begun(self) -> Future[Answer]:
        with self._lock:
            if self._writing is None:
                self._refuse_closed()
                pool = ThreadPoolExecutor(max_workers=1)
                self._writing = pool.submit(self._written)
                pool.shutdown(wait=False)
            return self._writing

    def _written(self) -> Answer:
        try:
            return self._answering(self._hear)
        finally:
            self._put(None)

    def _put(self, piece: str | None) -> None:
        with self._lock:
            place = self._places[-1]
            if piece is not None:
                self._places.append(_place())
        place.set_result(piece)

    def _awaited(self) -> Future[str | None] | None:
        """Return the place of the next piece; None where none comes any more."""
        if self._closed.is_set():
            return None
        begun = self._begun()
        with self._lock:
            place = self._places[0]
        if place.done() and place.result() is None:
            begun.result()
            return None
        return place

    def _taken(self, place: Future[str | None]) -> str | None:
        """Take what has come to a place; None if another reader has, or it is the end."""
        with self._lock:
            piece = place.result()
            if piece is not None and self._places[0] is place:
                self._places.popleft()
                return piece
            return None

    def _hear(self, event: dict[str, Any]) -> None:
        """Hand on a piece; what is told after the answer is of a turn that is kept already."""
        if event["event"] in ("step", "piece", "answered"):
            self._refuse_closed()
        if event["event"] == "piece":
            self._put(event["text"])

    def _refuse_closed(self) -> None:
        if self._closed.is_set():
            raise IngrainedError("the answer was cut short", hint="Say it again.")


def _place() -> Future[str | None]:
    """Return where a piece will be, which a reader who waits no longer cannot cancel for the others."""
    place: Future[str | None] = Future()
    place.set_running_or_notify_cancel()
    return place
