"""The cells of a benchmark: what the same questions are answered with."""

from __future__ import annotations

CELLS = ("base", "open", "full", "rag", "memory", "adapter", "both")
"""Of `agent.exam`, with `full` (all documents in the prompt) and `rag` (plain retrieval)."""
UNTRAINED = ("base", "open", "full", "rag", "memory")
LEARNT = ("memory", "adapter", "both")
"""Cells that rest on a study, so that each seed has its own; the others are greedy: one sitting."""
TRAINED = ("adapter", "both")
"""Cells that take an adapter."""
PLACEBO = "placebo"
"""The cell `memory` after a study of placebo documents."""

COMPARISONS = (
    ("memory", "base"),
    ("memory", "rag"),
    ("memory", "full"),
    ("memory", "open"),
    ("adapter", "base"),
    ("both", "memory"),
    ("both", "adapter"),
    ("rag", "base"),
    ("open", "base"),
    (PLACEBO, "base"),
)
"""The pairs that are tested, fixed before anything is sat."""


def counts_in(cell: str, document: str) -> bool:
    """Return whether a question counts in a cell.

    Args:
        cell: One of `CELLS`.
        document: The one with the answer; empty where there is no such. `open` shows that document:
            without it the model would be asked closed-book, and the cell be no ceiling.
    """
    return cell != "open" or bool(document)
