"""What a person sees in a terminal: consoles, progress, tables. No logic of its own."""

from __future__ import annotations
