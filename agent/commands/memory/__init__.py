"""`ingrained memory`: one module for each thing that is done with a memory."""

from __future__ import annotations

from . import changing, deriving, diffing, erasing, looking, mending, moving, past
from .app import app

__all__ = [
    "app",
    "changing",
    "deriving",
    "diffing",
    "erasing",
    "looking",
    "mending",
    "moving",
    "past",
]
