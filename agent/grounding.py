"""Answering in a cell, and asking again when an adapter's answer is not from the notes.

Beside notes an adapter makes replies short, and now and then makes one up. A short reply that
stands nowhere in the notes was not read from them, so the base model, which copies whole sentences,
is asked instead. On the development corpus that mends 3 of 116 answers and spoils none (LOG.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .asking import Asker
from .grading import abstained, contains, words
from .prompts import Messages

SHORT = 4
"""Words of a reply up to which it has to stand in the notes word for word; longer ones reword."""


def grounded(reply: str, notes: Sequence[str]) -> bool:
    """Return whether a reply may have been read from the notes: a short one stands in one of them."""
    if len(words(reply)) > SHORT or abstained(reply):
        return True
    return any(contains(note, reply) for note in notes)


def ask_in(
    cell: str,
    asker: Asker,
    prompts: Sequence[Messages],
    notes: Sequence[Sequence[str]],
    *,
    adapter: str | None,
    phase: str,
    max_tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> list[str]:
    """Return one reply per prompt, in order.

    Args:
        cell: One of `agent.exam.CELLS`.
        asker: The model.
        prompts: The questions with what the cell lays before the model.
        notes: For each prompt, the notes in it.
        adapter: A loaded adapter, for `adapter` and `both`.
        phase: Where the cost is booked.
        max_tokens: Longest reply.
        temperature: 0 for greedy replies; above it, equal prompts are sampled apart.
        seed: Of the sampling.
    """
    used = [asker.adapter_in(cell, adapter, notes=bool(note)) for note in notes]
    manner: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    replies = asker.ask_each(prompts, used, phase=phase, **manner)
    doubtful = [
        number
        for number, (reply, note) in enumerate(zip(replies, notes, strict=True))
        if used[number] and note and not grounded(reply, note)
    ]
    again = asker.ask([prompts[n] for n in doubtful], phase=phase, **manner)
    for number, reply in zip(doubtful, again, strict=True):
        replies[number] = reply
    return replies
