"""Ingrained: an agent that studies a corpus until it is part of the model."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
