"""What the user said as memories: dated, word for word, apart from what was studied.

The agent's part is in the conversation and not in the memory. What it made up is not to come back
as something that it knows; what it had from a memory it finds there again, as it is by then.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import get_args

from ingrained.agent.citing import Source, cited
from ingrained.agent.grading import abstained, contains, words
from ingrained.agent.recalling import Excerpt, shown
from ingrained.graphs.chat.context import OWN_K, ChatContext
from ingrained.graphs.chat.quoting import quotable
from ingrained.graphs.chat.state import ChatState, Turn
from ingrained.graphs.chat.telling import tells
from ingrained.graphs.chat.window import window
from ingrained.graphs.erasure_plan import TURN
from ingrained.memory.filters import Where
from ingrained.memory.lexical import terms
from ingrained.memory.records import Kind, Memory

TOLD = "told"
"""Tag of what says something, and does not only ask."""
OF_ALL = "days"
"""Tag of the summary of all days."""
KEPT_STRENGTH = 30.0
"""S, in days, of what the user asked to remember: as of a fact that passed its quiz. A turn has the
1 day of MemoryBank."""
MOST_SHOWN = 600
"""Characters that are shown of something said, which may be a whole document that was pasted in."""
_TELLING = 2
"""Words with a meaning of their own from which a reply tells what it rests on."""


def episode(turn: Turn, context: ChatContext) -> Memory:
    """Return what the user said in a turn as a memory."""
    return Memory(
        id="",
        text=turn["user"],
        kind="episode",
        namespace=context.own,
        title=f"Conversation on {day(turn['time'])}",
        created=turn["time"],
        tags=(_tag(turn), *((TOLD,) if tells(turn["user"]) else ())),
    )


def statement(text: str, context: ChatContext) -> Memory:
    """Return what the user asked to remember as a memory."""
    now = context.clock()
    return Memory(
        id="",
        text=text,
        namespace=context.own,
        title=f"The user said on {day(now)}",
        created=now,
        strength=KEPT_STRENGTH,
        tags=(TOLD,),
    )


def said_in(turns: Iterable[Turn], memories: Iterable[Memory]) -> list[str]:
    """Return the ids of the memories of some turns; what was said in another one as well is not of these."""
    tags = set(map(_tag, turns))
    return [
        one.id for one in memories
        if (said := {tag for tag in one.tags if tag.startswith(TURN)}) and said <= tags
    ]  # fmt: skip


def own_excerpts(
    context: ChatContext, state: ChatState, searched: str, *, told: bool
) -> list[Excerpt]:
    """Return what the user said that fits the question, as numbered lines of a prompt.

    A turn of this conversation is shown with the agent's answer. One that only asked says nothing
    that is not in the prompt while it is in the window, and nothing at all to the same question.

    Args:
        context: The conversation's.
        state: Its state.
        searched: What to search with.
        told: Only what says something, no questions.
    """
    store = context.memory.reading() if context.memory else None
    if store is None:
        return []
    seen = {_tag(turn) for turn in window(state)}
    where = Where(kinds=_recalled_kinds(context), tags=(TOLD,) if told else ())
    found = store.recall(searched, namespace=context.own, k=OWN_K + len(seen) + 2, where=where)
    fitting = [one for one in found if not _passed_over(one.memory, state["question"], seen)]
    turns = {_tag(turn): turn for turn in state.get("turns", [])}
    return [Excerpt(text=laid_out(one.memory, turns), memories=(one,)) for one in fitting[:OWN_K]]


def laid_out(memory: Memory, turns: Mapping[str, Turn]) -> str:
    """Return something the user said as one line of a prompt, a turn or a summary as dated and quoted."""
    if memory.kind == "summary":
        return shown(memory.title, f"“{quotable(clipped(memory.text))}”")
    if memory.kind != "episode":
        return shown(memory.title, clipped(memory.text))
    said = f"The user said: “{quotable(clipped(memory.text))}”"
    turn = next((turns[tag] for tag in memory.tags if tag in turns), None)
    if turn is not None and not abstained(turn["agent"]):
        said += f" The agent answered: “{quotable(clipped(turn['agent']))}”"
    return shown(memory.title, said)


def clipped(text: str) -> str:
    """Return as much of something said as is shown."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def of_use(sources: Iterable[Source], reply: str) -> list[str]:
    """Return the ids of memories that a reply names by number, or that say it word for word.

    One word, as "No", stands in many a memory that it does not rest on.
    """
    if abstained(reply):
        return []
    named, telling = cited(reply), len(terms(reply)) >= _TELLING
    useful = (
        one for one in sources if one.number in named or (telling and contains(one.quote, reply))
    )
    return list(dict.fromkeys(one.memory for one in useful))


def day(seconds: float) -> str:
    """Return a time's day, in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d")


def _recalled_kinds(context: ChatContext) -> tuple[Kind, ...]:
    """Return what is searched: the portrait has its own place in the prompt."""
    hidden = ("portrait",) if context.portrays else ("portrait", "summary")
    kinds: tuple[Kind, ...] = get_args(Kind)
    return tuple(kind for kind in kinds if kind not in hidden)


def _passed_over(memory: Memory, question: str, seen: set[str]) -> bool:
    """Return whether something found says nothing that is not in the prompt: the summary of all days has its own place."""
    return OF_ALL in memory.tags or _echoes(memory, question, seen)


def _echoes(memory: Memory, question: str, seen: set[str]) -> bool:
    if memory.kind != "episode" or TOLD in memory.tags:
        return False
    return words(memory.text) == words(question) or not seen.isdisjoint(memory.tags)


def _tag(turn: Turn) -> str:
    return f"{TURN}{turn['id']}"
