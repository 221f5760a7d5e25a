"""Memories as a model is shown them: one numbered line each, quoted, with the source.

What a document says is data. It stands in quotation marks that it cannot close (JSON escapes them)
and on a line that it cannot end, so it cannot pass for another note, or for what stands around it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence

from ingrained.agent.prompts import load
from ingrained.agent.recalling import shown
from ingrained.graphs.identity import Namespace
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore

_LETTERS_PER_TOKEN = 4

CountTokens = Callable[[str], int]


def recalled(
    store: MemoryStore, query: str, namespaces: Sequence[Namespace], k: int
) -> list[Memory]:
    """Return at most `k` memories for a query out of several namespaces, best first.

    The score of a memory is its place within its own namespace. Among equals the namespace that is
    named first goes first.
    """
    found = [
        one
        for each in dict.fromkeys(namespaces)
        for one in store.recall(query, namespace=each, k=k)
    ]
    return [one.memory for one in sorted(found, key=lambda one: -one.score)[:k]]


def listed(memories: Iterable[Memory]) -> str:
    """Return memories as numbered lines."""
    return "\n".join(line(number, memory) for number, memory in enumerate(memories, 1))


def asked(memories: Iterable[Memory]) -> str:
    """Return the first question that each memory was tried on, with its answer, as numbered lines."""
    return "\n".join(
        f"[{number}] {quoted(memory.evidence[0].question)} answer: "
        f"{quoted(memory.evidence[0].answer)} (memory {memory.id}, {source(memory)})"
        for number, memory in enumerate(memories, 1)
    )


def line(number: int, memory: Memory) -> str:
    """Return one memory as a line: number, quotation, id, source."""
    text = quoted(shown(memory.title, memory.text))
    return f"[{number}] {text} (memory {memory.id}, {source(memory)})"


def source(memory: Memory) -> str:
    """Say where a memory comes from: the first place in a document, or when it was told."""
    if memory.spans:
        span = memory.spans[0]
        return f"from {quoted(span.document)}, characters {span.start} to {span.end}"
    if memory.derived_from:
        return f"drawn from {len(memory.derived_from)} other memories"
    return f"told on {time.strftime('%Y-%m-%d', time.gmtime(memory.created))}"


def quoted(text: str) -> str:
    """Return a text as one line in quotation marks that nothing in it ends.

    Half of a surrogate pair becomes a question mark: no provider's client could send it.
    """
    sendable = text.encode("utf-8", "replace").decode()
    return json.dumps(" ".join(sendable.split()), ensure_ascii=False)


def beside_prompt(memories: Sequence[Memory], max_tokens: int, count_tokens: CountTokens) -> str:
    """Return what is added to a system message: as many of the memories as have room, best first.

    Args:
        memories: Best first; one that has no room is passed over.
        max_tokens: Of the whole text, with what explains the notes.
        count_tokens: Counts the tokens of a text.

    Returns:
        The text, or an empty one if no note has room.
    """
    chosen: list[Memory] = []
    for memory in memories:
        if count_tokens(_explained([*chosen, memory])) <= max_tokens:
            chosen.append(memory)
    return _explained(chosen) if chosen else ""


def about_tokens(text: str) -> int:
    """Return about how many tokens a text has; four characters are taken for one."""
    return math.ceil(len(text) / _LETTERS_PER_TOKEN)


def _explained(memories: Sequence[Memory]) -> str:
    ((_, text),) = load("recalled").render(notes=listed(memories))
    return text
