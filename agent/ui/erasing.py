"""What a purge takes and took, and where a text still stands, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from ingrained.graphs.erasing import Erasure
from ingrained.graphs.erasure_plan import ErasurePlan
from ingrained.memory.absence import Search
from ingrained.memory.records import Memory

from .console import clipped, line, many, new_table, results
from .memories import show_list

_UNREAD_SHOWN = 10


def show_plan(plan: ErasurePlan, console: Console | None = None) -> None:
    """Show what a purge will take, and what stays although it says the same."""
    console = console or results()
    show_list(plan.chosen, more=False, console=console)
    _group("Made from these, and erased with them:", plan.derived, console)
    _group("Hold the same text, and are erased with them:", plan.along, console)
    _group("Hold the same text too, and stay; it stays with them:", plan.kept_by, console)
    if plan.documents:
        console.print(line(f"Taken out as a whole: {', '.join(plan.documents)}"), soft_wrap=True)
    if plan.users:
        console.print(line(f"All conversations of {', '.join(plan.users)}"), soft_wrap=True)
    _tell_short(plan.short, console)
    if plan.adapters:
        console.print(
            line(f"Trained on them, and no longer to be used: {', '.join(plan.adapters)}", "yellow")
        )


def plan_as_json(plan: ErasurePlan) -> dict[str, Any]:
    """Return what a purge would take as plain data."""
    groups = ("chosen", "derived", "along", "kept_by")
    return {
        **{name: [memory.to_dict() for memory in getattr(plan, name)] for name in groups},
        "documents": list(plan.documents),
        "users": list(plan.users),
        "adapters": list(plan.adapters),
        "short": list(plan.short),
    }


def show_erasure(
    erasure: Erasure,
    proof: Search | None,
    *,
    short: Sequence[str] = (),
    console: Console | None = None,
) -> None:
    """Show what a purge took, layer by layer, and whether anything is left."""
    console = console or results()
    console.print(f"Erased {many(len(erasure.memories), 'memory', 'memories')} for good.")
    for told in _layers(erasure):
        console.print(line(f"  {told}"), soft_wrap=True)
    if erasure.adapters:
        use = f"in use is {erasure.active}" if erasure.active else "no adapter is in use"
        console.print(
            line(
                f"{use.capitalize()}; the next `ingrained study PATH --consolidate` makes a new one."
            ),
            soft_wrap=True,
        )
    _tell_short(short, console)
    if proof is not None:
        show_search(proof, console)


def show_search(search: Search, console: Console | None = None) -> None:
    """Show where a text still stands, or that it is nowhere."""
    console = console or results()
    looked = f"{many(search.files, 'file')}, {search.bytes:,} bytes"
    if search.absent:
        console.print(line(f"Absent: searched {looked}.", "green"))
    else:
        console.print(line(f"Still there: searched {looked}.", "bold red"))
        table = new_table()
        for name in ("file", "offset", "form", "there"):
            table.add_column(name, justify="right" if name == "offset" else "left")
        for hit in search.hits:
            offset = "in a row" if hit.offset is None else f"{hit.offset:,}"
            table.add_row(line(hit.file), offset, line(hit.place), Text(clipped(hit.context, 60)))
        console.print(table)
    for name in search.unread[:_UNREAD_SHOWN]:
        console.print(line(f"Not looked into: {name}", "dim"), soft_wrap=True)
    if len(search.unread) > _UNREAD_SHOWN:
        console.print(f"and {len(search.unread) - _UNREAD_SHOWN} more", style="dim")


def _group(title: str, memories: Sequence[Memory], console: Console) -> None:
    if memories:
        console.print(line(title, "bold"), soft_wrap=True)
        show_list(memories, more=False, console=console)


def _tell_short(texts: Sequence[str], console: Console) -> None:
    if texts:
        named = ", ".join(f"“{text}”" for text in texts)
        told = f"Too short to be taken out of other texts, and not searched for: {named}"
        console.print(line(told, "yellow"), soft_wrap=True)


def _layers(erasure: Erasure) -> list[str]:
    cut = sum(erasure.buried.documents.values())
    told = {
        f"{many(cut, 'stretch', 'stretches')} of {many(len(erasure.buried.documents), 'document')}": cut,
        f"{', '.join(erasure.buried.emptied)} as a whole": len(erasure.buried.emptied),
        f"{many(erasure.buried.questions, 'quiz question')}": erasure.buried.questions,
        f"{many(erasure.past, 'past state')} of memories that stay": erasure.past,
        f"from records: {', '.join(erasure.records)}": len(erasure.records),
        "a study that was cut short, given up: what it had not finished is studied again": erasure.cut_run,
        f"{many(erasure.conversations, 'conversation')} in which it was said": erasure.conversations,
        f"adapters that are stale now: {', '.join(erasure.adapters)}": len(erasure.adapters),
        f"adapters taken out of use: {', '.join(erasure.withdrawn)}": len(erasure.withdrawn),
        f"trainings cut short, thrown away: {', '.join(erasure.unfinished)}": len(
            erasure.unfinished
        ),
        "replies of the model, kept for a study that was cut short": erasure.replies,
        "report.html, made anew": erasure.report,
        f"kept, as others hold it too: the text of {many(len(erasure.kept_by), 'memory', 'memories')}": len(
            erasure.kept_by
        ),
    }
    return [text for text, there in told.items() if there]
