"""Ingrained: an agent that studies a corpus until it is part of the model.

Importing this package loads nothing; each name is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent.api import Ingrained
    from .agent.api_chat import Chat, ReplyStream
    from .agent.citing import Answer
    from .agent.outcomes import GateDecision, StudyReport
    from .errors import IngrainedError
    from .settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Chat",
    "GateDecision",
    "Ingrained",
    "IngrainedError",
    "ReplyStream",
    "Settings",
    "StudyReport",
    "__version__",
]

_MODULES = {
    "Answer": "agent.citing",
    "Chat": "agent.api_chat",
    "GateDecision": "agent.outcomes",
    "Ingrained": "agent.api",
    "IngrainedError": "errors",
    "ReplyStream": "agent.api_chat",
    "Settings": "settings",
    "StudyReport": "agent.outcomes",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
