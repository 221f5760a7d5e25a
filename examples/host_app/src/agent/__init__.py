"""The host's own package: it is called `agent`, and `ingrained.agent` is another."""

from .graph import graph

__all__ = ["graph"]
