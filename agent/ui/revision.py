"""What a new version of a document does to memories, in a terminal and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from ingrained.memory.records import Memory
from ingrained.memory.revising import Revision

from .console import clipped, line, new_table, results

_SHORT = 8
_QUOTE = 120
FATES = ("stays", "moves", "loses a source", "comes back", "superseded")


def plain_revision(revision: Revision, before: Sequence[Memory], text: str) -> dict[str, Any]:
    """Return a revision as plain data.

    Args:
        revision: What `revise` found.
        before: The memories that it was asked about.
        text: The new text.
    """
    starts = {memory.id: _starts(memory, revision.document) for memory in before}
    active = [memory for memory in revision.kept if memory.status == "active"]
    moved = [one for one in active if _starts(one, revision.document) != starts[one.id]]
    groups = {
        "stays": [one for one in active if one not in moved],
        "moves": moved,
        "loses a source": list(revision.thinned),
        "comes back": list(revision.returned),
        "superseded": list(revision.gone),
    }
    rows = [
        {
            "id": one.id, "fate": fate, "text": one.text,
            "was": starts[one.id], "is": [] if fate == "superseded" else _starts(one, revision.document),
            "instead": _instead(revision, one.id, text),
        }
        for fate, memories in groups.items()
        for one in memories
    ]  # fmt: skip
    counts = {fate: len(memories) for fate, memories in groups.items()}
    return {
        "document": revision.document, "version": revision.version, "counts": counts,
        "memories": rows,
    }  # fmt: skip


def show_revision(told: Mapping[str, Any], console: Console | None = None) -> None:
    """Show what changes, one line per memory, and count what stays as it is."""
    console = console or results()
    changed = [one for one in told["memories"] if one["fate"] not in ("stays", "moves")]
    if changed:
        table = new_table()
        for name in ("id", "", "memory", "instead"):
            table.add_column(name)
        for one in changed:
            instead = one["instead"]["text"] if one["instead"] else "-"
            table.add_row(
                one["id"][:_SHORT], one["fate"], clipped(one["text"], _QUOTE),
                line(clipped(instead, _QUOTE), "" if one["instead"] else "dim"),
            )  # fmt: skip
        console.print(table)
    counts = ", ".join(f"{told['counts'][fate]} {_WORDS[fate]}" for fate in FATES)
    console.print(line(f"{told['document']}: {counts}."), soft_wrap=True)
    console.print(Text("Nothing was changed.", style="dim"))


_WORDS = {
    "stays": "in place", "moves": "moved", "loses a source": "with a source less",
    "comes back": "back", "superseded": "superseded",
}  # fmt: skip


def _starts(memory: Memory, document: str) -> list[int]:
    return [span.start for span in memory.spans if span.document == document]


def _instead(revision: Revision, memory: str, text: str) -> dict[str, Any] | None:
    place = revision.replaced.get(memory)
    return {"start": place[0], "end": place[1], "text": text[slice(*place)]} if place else None
