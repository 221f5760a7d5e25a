"""The state of a conversation: plain data only, so that any checkpointer can store it.

What is used up within one turn (the question, what was recalled, the reply) is in channels that no
checkpointer stores: a turn that is cut short leaves nothing of itself, and no text of a document is
kept but in replies. The question comes in the context, since a graph's input is stored before
anything can look at it.
"""

from __future__ import annotations

from typing import Annotated, Any

from langgraph.channels import UntrackedValue
from typing_extensions import TypedDict


class Turn(TypedDict):
    """What the user said, and what the agent answered, word for word."""

    id: str
    time: float
    """POSIX seconds at which it was answered."""
    user: str
    agent: str


class ChatState(TypedDict, total=False):
    """What travels between the nodes."""

    turns: list[Turn]
    """The whole conversation, oldest first."""
    summary: str
    """Of the turns that are no longer laid before the model."""
    summarised: int
    """How many turns, from the first, the summary is of; the others are the window."""
    remembered: int
    """How many turns, from the first, are in the memory."""
    question: Annotated[str, UntrackedValue]
    """The context's, as long as the turn lasts."""
    about: Annotated[list[str], UntrackedValue]
    """What is known of the user, as it stands in the prompt; its numbers go on after the excerpts'."""
    excerpts: Annotated[list[str], UntrackedValue]
    """What was recalled, as it stands in the prompt, in the order of its numbers."""
    sources: Annotated[list[dict[str, Any]], UntrackedValue]
    """All memories found in the excerpts and behind `about`, as `agent.citing.Source`; those of the answer are
    chosen of them."""
    reply: Annotated[str, UntrackedValue]
    """As the model gave it."""
    considered: Annotated[dict[str, Any], UntrackedValue]
    """How the reply came about where it took several calls; see `agent.deliberating.Considered`."""
    answer: Annotated[dict[str, Any], UntrackedValue]
    """The checked reply with its sources; see `agent.citing.Answer`."""
    kept: Annotated[bool, UntrackedValue]
    """Whether this turn was kept, and not withheld."""


class ChatInput(TypedDict, total=False):
    """What a host passes in for each turn: nothing, the question is in the context."""


class ChatOutput(TypedDict, total=False):
    """What a host gets back."""

    answer: Annotated[dict[str, Any], UntrackedValue]
