"""A conversation with the agent, as a LangGraph graph: recall, answer, check, keep."""

from __future__ import annotations

from .access import Access, HomeMemory, OpenStore
from .context import ChatContext
from .graph import build_chat_graph
from .threads import Threads, open_threads

__all__ = [
    "Access",
    "ChatContext",
    "HomeMemory",
    "OpenStore",
    "Threads",
    "build_chat_graph",
    "open_threads",
]
