"""What the nodes of a conversation work with: live objects, never checkpointed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingrained.agent.asking import Asker
from ingrained.agent.cells import check_cell
from ingrained.agent.deliberating import check_votes
from ingrained.agent.library import Library
from ingrained.agent.recalling import RECALL_K, Recaller, likely_by
from ingrained.errors import SettingsError
from ingrained.graphs.chat.access import Access
from ingrained.memory.records import DEFAULT_NAMESPACE

WINDOW_TOKENS = 1000
"""The last turns are laid before the model up to so many tokens: some forty short turns."""
OWN_K = 2
"""Most memories of the conversation itself laid before the model for a question."""


def own(user: str) -> tuple[str, ...]:
    """Return the namespace of what a user said."""
    return ("user", user)


@dataclass(frozen=True, kw_only=True)
class ChatContext:
    """A conversation's live objects.

    Raises:
        SettingsError: the window has no room, there is no such cell, there are no votes, or the user
            has no name.
        NotFoundError: the cell is `adapter` and there is none.
    """

    asker: Asker
    question: str = ""
    """What the user says in this turn. A checkpointer stores a graph's input, and this may be a secret
    that the screen withholds."""
    memory: Access | None = None
    """None for an agent that neither recalls nor remembers."""
    library: Library | None = None
    """Where the passages around the memories are; without it they are shown alone."""
    adapter: str | None = None
    """Name of the adapter in use, loaded already."""
    cell: str = "memory"
    """What to answer with: base, memory, adapter or both."""
    user: str = "me"
    """Who talks; what they say is remembered apart from what is studied."""
    thread: str = "conversation"
    """What the conversation is called where it is cited."""
    namespace: tuple[str, ...] = DEFAULT_NAMESPACE
    """Where what was studied is."""
    k: int = RECALL_K
    """Most excerpts of what was studied for a question."""
    votes: int = 1
    """How many replies vote on an answer; 1 asks once."""
    refine: bool = False
    """Whether the model looks over its reply, and replies anew where its feedback asks for it."""
    window_tokens: int = WINDOW_TOKENS
    portrait: bool = True
    """Whether the days that are over are summed up, and a portrait of the user is made of them and shown."""
    clock: Callable[[], float] = time.time
    """Gives POSIX seconds."""
    listener: Callable[[dict[str, Any]], None] | None = None
    """Told of each event as it happens, beside the graph's custom stream."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.window_tokens < 1:
            raise SettingsError(f"window_tokens must be at least 1, got {self.window_tokens}")
        if not self.user.strip():
            raise SettingsError("the user is empty", hint="Give a name of letters.")
        check_cell(self.cell, self.adapter)
        check_votes(self.votes)

    @property
    def deliberates(self) -> bool:
        """Whether a reply is not known before several calls are done, so that none is streamed."""
        return self.votes > 1 or self.refine

    @property
    def recalls(self) -> bool:
        """Whether the cell uses the memory."""
        return self.cell in ("memory", "both")

    @property
    def portrays(self) -> bool:
        """Whether there is anything of the days that are over to be made or shown."""
        return self.portrait and self.recalls and self.memory is not None

    @property
    def own(self) -> tuple[str, ...]:
        """The namespace of what the user said."""
        return own(self.user)

    def recaller(self) -> Recaller | None:
        """Return what lays the studied memories before the model; None where there are none."""
        store = self.memory.reading() if self.memory and self.recalls else None
        if store is None:
            return None
        return Recaller(
            store, self.library, k=self.k, namespace=self.namespace,
            likely=likely_by(self.asker, phase="ask"),
        )  # fmt: skip

    def tokens(self, text: str) -> int:
        """Count tokens; four characters are taken for one where the model does not tell."""
        count = getattr(self.asker.model, "count_tokens", None)
        return int(count(text)) if count else -(-len(text) // 4)
