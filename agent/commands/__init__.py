"""The commands, one group per file; each reads its arguments, calls the rest, shows the result."""

from __future__ import annotations
