"""`ingrained memory`: one module for each thing that is done with a memory."""

from __future__ import annotations

from . import changing, looking
from .app import app

__all__ = ["app", "changing", "looking"]
