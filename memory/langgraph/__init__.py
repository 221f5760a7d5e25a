"""A store for LangGraph applications: SQLite holds the items, Chroma finds the near ones.

Importing this package loads LangGraph; Chroma is loaded when a store with an index is opened.
"""

from __future__ import annotations

from .store import ChromaStore

__all__ = ["ChromaStore"]
