"""The agent's loops as LangGraph graphs, and what another application plugs into its own.

Importing this package loads nothing; each name is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chat import ChatContext, build_chat_graph
    from .compiling import compile_chat_graph, compile_consolidation_graph, compile_study_graph
    from .consolidate import build_consolidation_graph
    from .context import StudyContext, StudyPolicy
    from .middleware import IngrainedMiddleware
    from .running import RunContext
    from .session import open_study
    from .study import build_study_graph
    from .tools import memory_tools

__all__ = [
    "ChatContext",
    "IngrainedMiddleware",
    "RunContext",
    "StudyContext",
    "StudyPolicy",
    "build_chat_graph",
    "build_consolidation_graph",
    "build_study_graph",
    "compile_chat_graph",
    "compile_consolidation_graph",
    "compile_study_graph",
    "memory_tools",
    "open_study",
]

_MODULES = {
    "ChatContext": "chat",
    "IngrainedMiddleware": "middleware",
    "RunContext": "running",
    "StudyContext": "context",
    "StudyPolicy": "context",
    "build_chat_graph": "chat",
    "build_consolidation_graph": "consolidate",
    "build_study_graph": "study",
    "compile_chat_graph": "compiling",
    "compile_consolidation_graph": "compiling",
    "compile_study_graph": "compiling",
    "memory_tools": "tools",
    "open_study": "session",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
