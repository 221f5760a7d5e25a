"""Deleting the threads of a checkpointer's file in which something was said that is to go.

What is looked into is what the checkpoints hold once they are decoded: their rows also have the
names of channels and nodes, and a short text such as "user" would be found in every one of them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

from ingrained.agent.library_rewriting import compact
from ingrained.agent.tombstones import is_short
from ingrained.graphs.erasure_plan import Said
from ingrained.graphs.session import CONVERSATIONS, Home
from ingrained.memory.needles import needles
from ingrained.memory.sieve import Sieve


class Traces:
    """Finds texts in decoded checkpoints: short ones as a whole string only, others in any.

    Args:
        texts: What to find.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        known = list(texts)
        self._said = Said.of(known)
        # Word by word misses what `prove` would find inside of a word.
        self._inside = Sieve(
            [needle for text in known if not is_short(text) for needle in needles(text)]
        )

    def stand_in(self, values: Any) -> bool:
        """Return whether one of the texts stands in any string of some nested values."""
        return any(map(self._stand_in_text, _strings(values)))

    def _stand_in_text(self, text: str) -> bool:
        lowered = text.encode("utf-8", "replace").lower()
        return self._said.holds(text) or next(self._inside.find(lowered), None) is not None


def drop_cut_run(home: Home, texts: Iterable[str]) -> bool:
    """Give up a study that was cut short with one of the texts in hand; return whether it was.

    What earlier studies left in the free pages of the file goes as well.
    """
    traces = Traces(texts)
    dropped = _drop(home.path / "checkpoints.sqlite", lambda one: traces.stand_in(_values(one)))
    if dropped:
        home.run_file.unlink(missing_ok=True)
    return bool(dropped)


def drop_conversations(
    home: Home,
    texts: Iterable[str],
    *,
    turns: Collection[str] = (),
    users: Collection[str] = (),
) -> int:
    """Delete the conversations in which something that goes was said, each as a whole.

    Args:
        home: Whose conversations.
        texts: Of one or two words: those that somebody said and nothing else in the same turn.
        turns: Ids of turns.
        users: Of these every conversation, also what is not in the memory yet.

    Returns:
        How many there were.
    """
    traces, ids = Traces(texts), set(turns)

    def doomed(one: CheckpointTuple) -> bool:
        values = _values(one)
        return (
            _user(_thread(one)) in users
            or not ids.isdisjoint(_strings(values))
            or traces.stand_in(values)
        )

    return _drop(home.path / CONVERSATIONS, doomed)


def has_talked(home: Home, user: str) -> bool:
    """Return whether there is a conversation of a user."""
    path = home.path / CONVERSATIONS
    if not path.is_file():
        return False
    with closing(sqlite3.connect(path)) as database:
        return any(_user(_thread(one)) == user for one in SqliteSaver(database).list(None))


def _drop(path: Path, doomed: Callable[[CheckpointTuple], bool]) -> int:
    """Delete the threads that have such a checkpoint, and what is left in free pages."""
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA secure_delete=ON")
        saver = SqliteSaver(database)
        threads = {_thread(one) for one in saver.list(None) if doomed(one)}
        for thread in threads:
            saver.delete_thread(thread)
        compact(database)
    return len(threads)


def _values(one: CheckpointTuple) -> list[Any]:
    """Return what a checkpoint holds, and what was written after it."""
    return [one.checkpoint["channel_values"], [value for *_, value in one.pending_writes or ()]]


def _thread(one: CheckpointTuple) -> str:
    return str(one.config["configurable"]["thread_id"])


def _user(thread: str) -> str:
    """Return who talks in a thread; see `graphs.chat.threads`."""
    return str(json.loads(thread)[0])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
