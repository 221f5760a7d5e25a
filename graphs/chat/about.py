"""What is laid before the model of the user beside what was recalled: the portrait and the summary of the days."""

from __future__ import annotations

import dataclasses

from ingrained.agent.reading.sentences import sentences
from ingrained.agent.recalling import Excerpt, shown
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.days import PORTRAIT
from ingrained.graphs.chat.episodes import OF_ALL
from ingrained.graphs.chat.quoting import quotable
from ingrained.memory.filters import Where
from ingrained.memory.records import Memory
from ingrained.memory.results import Recalled

SHARE = 5
"""Of so many parts of the window one may be taken up by this."""


def about_user(context: ChatContext) -> list[Excerpt]:
    """Return the portrait and the summary of the days, each as one dated and quoted line.

    Whole sentences from the first on, as long as there is room. What was forgotten or has faded is not
    shown.
    """
    store = context.memory.reading() if context.memory and context.portrays else None
    if store is None:
        return []
    room, found = context.window_tokens // SHARE, list[Excerpt]()
    for tag in (PORTRAIT, OF_ALL):
        for memory in store.list(namespace=context.own, where=_where(tag))[-1:]:
            fitting = _fitting(memory, room, context)
            if store.faded(memory) or not fitting.text:
                continue
            kept = store.retention(memory)
            one = Recalled(
                memory=fitting, score=kept, dense=0.0, lexical=0.0, retention=kept, rank=1
            )
            found.append(Excerpt(text=_line(fitting), memories=(one,)))
            room -= context.tokens(found[-1].text)
    return found


def _fitting(memory: Memory, room: int, context: ChatContext) -> Memory:
    """Return a memory with as many of its sentences as there is room for."""
    ends = [0, *(end for _, end in sentences(memory.text))]
    cut = (dataclasses.replace(memory, text=memory.text[:end]) for end in reversed(ends))
    return next(one for one in cut if not one.text or context.tokens(_line(one)) <= room)


def _where(tag: str) -> Where:
    return Where(kinds=("summary", "portrait"), tags=(tag,))


def _line(memory: Memory) -> str:
    return shown(memory.title, f"“{quotable(memory.text)}”")
