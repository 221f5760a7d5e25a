"""The conversations of a home, each a thread of LangGraph's SQLite checkpointer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver

from ingrained.graphs.chat.access import Access
from ingrained.graphs.chat.context import ChatContext, own
from ingrained.graphs.chat.episodes import said_in
from ingrained.graphs.chat.graph import build_chat_graph
from ingrained.graphs.chat.locking import claim, turn_lock
from ingrained.graphs.chat.nodes import WHO
from ingrained.graphs.chat.state import ChatState, Turn
from ingrained.graphs.session import CONVERSATIONS, Home
from ingrained.memory.lexical import clean


class Named(Protocol):
    """What tells one conversation from the others; a context does."""

    @property
    def user(self) -> str:
        """Who talks."""
        ...

    @property
    def thread(self) -> str:
        """What it is called."""
        ...


class Threads:
    """What was said in a home, by user and name of the conversation.

    Args:
        saver: Where it is kept.
        home: The folder of the home, in which turns are kept apart.
    """

    def __init__(self, saver: SqliteSaver, home: Path) -> None:
        self._saver = saver
        self._home = home
        self._graph: Any = build_chat_graph().compile(checkpointer=saver)

    def last(self, user: str) -> str | None:
        """Return the name of the conversation that a user had last; None if there was none."""
        return next(iter(self.names(user)), None)

    def names(self, user: str) -> list[str]:
        """Return the names of a user's conversations, the one that was had last first."""
        kept = (one.config["configurable"]["thread_id"] for one in self._saver.list(None))
        known = dict.fromkeys(map(tuple, map(json.loads, kept)))
        return [name for who, name in known if who == user]

    def claim(self, user: str, name: str) -> bool:
        """Return whether a name was never a conversation's of a user; nobody else gets it then."""
        return name not in self.names(user) and claim(self._home, _thread(user, name))

    def turns(self, talk: Named) -> list[Turn]:
        """Return all turns of a conversation, oldest first."""
        state: ChatState = self._graph.get_state(_config(talk)).values
        return list(state.get("turns", []))

    def ask(self, question: str, context: ChatContext) -> dict[str, Any]:
        """Run one turn of the context's conversation; return the answer as plain data.

        Each node's result is on the disk before the next one starts. A turn that is interrupted
        before it was kept leaves nothing. The nodes run in the calling thread, so that Ctrl-C
        reaches the one at work; `context.listener` is told of each piece of the reply.

        Raises:
            HomeBusyError: the conversation is being answered in another process, or a purge erases.
            InputError: there is nothing in the question.
        """
        config = _config(context)
        with turn_lock(self._home, config["configurable"]["thread_id"]):
            try:
                done = self._graph.invoke(
                    {},
                    config,
                    context=dataclasses.replace(context, question=clean(question)),
                    durability="sync",
                )
            finally:
                self._drop_past(config)
        return dict(done["answer"])

    def forget(self, talk: Named, memory: Access) -> None:
        """Drop a conversation, and take out of recall what the user said in it and in no other.

        Raises:
            HomeBusyError: it is being answered in another process, or a purge erases.
            StoreError: the memory cannot be written to now; nothing was dropped.
        """
        thread = _thread(talk.user, talk.thread)
        with turn_lock(self._home, thread):
            turns = self.turns(talk)
            with memory.writing() as store:
                said = said_in(turns, store.list(namespace=own(talk.user)))
                store.forget(said, who=WHO, why=f"the user forgot the conversation {talk.thread}")
            self._saver.delete_thread(thread)

    def _drop_past(self, config: RunnableConfig) -> None:
        """Keep the last checkpoint only: each has the whole conversation."""
        latest = self._saver.get_tuple(config)
        if latest is None:
            return
        found = latest.config["configurable"]
        with self._saver.cursor() as cursor:
            for table in ("checkpoints", "writes"):
                cursor.execute(
                    f"DELETE FROM {table} WHERE thread_id=? AND checkpoint_id<>?",
                    (found["thread_id"], found["checkpoint_id"]),
                )


@contextmanager
def open_threads(home: Home) -> Iterator[Threads]:
    """Open the conversations of a home."""
    with SqliteSaver.from_conn_string(str(home.path / CONVERSATIONS)) as saver:
        yield Threads(saver, home.path)


def _config(talk: Named) -> RunnableConfig:
    return {"configurable": {"thread_id": _thread(talk.user, talk.thread)}}


def _thread(user: str, name: str) -> str:
    return json.dumps([user, name])
