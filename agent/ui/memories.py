"""Memories in a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingrained.memory.records import Evidence, Memory
from ingrained.memory.results import Considered, Event, Fading, Recalled, RepairReport

from .console import clipped, line, new_table, notices, results, safe

_SHORT = 8
"""Characters of an id in lists: enough to name one memory among millions."""

_PARTS = frozenset({"score", "meaning", "words"})
_EXPLAINED = (
    "meaning: cosine similarity and place by it; words: share of the query's content words and "
    "place by BM25. The score is the share of the best possible reciprocal rank, less fading."
)


def show_list(memories: Sequence[Memory], *, more: bool, console: Console | None = None) -> None:
    """Show one line per memory."""
    console = console or results()
    if not memories:
        console.print("No such memories.", style="dim")
        return
    table = new_table()
    for name in ("id", "kind", "memory", "from"):
        table.add_column(name)
    for memory in memories:
        table.add_row(memory.id[:_SHORT], memory.kind, _with_score(memory), _origin(memory))
    console.print(table)
    if more:
        console.print("There are more: raise --limit.", style="dim")


def show_found(
    found: Sequence[Recalled],
    console: Console | None = None,
    *,
    elsewhere: str = "",
) -> None:
    """Show what a query brought back, with the parts of its score.

    Args:
        found: Best first.
        console: Where to; standard output when None.
        elsewhere: Namespaces that were not searched, told when nothing was found.
    """
    console = console or results()
    if not found:
        console.print("Nothing is recalled for that.", style="dim")
        if elsewhere:
            told = f"Not searched (--namespace LABEL for each label): {elsewhere}"
            console.print(line(told, "dim"))
        return
    table = new_table()
    table.add_column("id")
    for name in ("score", "meaning", "words", "retention"):
        table.add_column(name, justify="right")
    for name in ("memory", "from"):
        table.add_column(name)
    for one in found:
        scores = (one.score, one.dense, one.lexical, one.retention)
        table.add_row(
            one.memory.id[:_SHORT],
            *(f"{score:.2f}" for score in scores),
            clipped(one.memory.text),
            _origin(one.memory),
        )
    console.print(table)


def show_considered(considered: Sequence[Considered], console: Console | None = None) -> None:
    """Show every candidate of a query, what became of it, and all parts of its score."""
    console = console or results()
    if not considered:
        console.print("Nothing comes near that.", style="dim")
        return
    table = new_table()
    for name in ("id", "verdict", "score", "meaning", "words", "memory"):
        table.add_column(name, justify="right" if name in _PARTS else "left")
    for one in considered:
        found = one.found
        table.add_row(
            found.memory.id[:_SHORT],
            Text(one.verdict, style="green" if one.verdict == "recalled" else "dim"),
            f"{found.score:.3f}",
            _part(found.dense, found.dense_rank),
            _part(found.lexical, found.lexical_rank),
            Text.assemble(clipped(found.memory.text, 60), "\n", line(_further(found), "dim")),
        )
    console.print(table)
    console.print(_EXPLAINED, style="dim")


def _part(value: float, rank: int | None) -> str:
    return f"{value:.2f} {'-' if rank is None else f'#{rank}'}"


def _further(found: Recalled) -> str:
    parts = {
        "retention": found.retention,
        "reranked": found.reranked,
        "confidence": found.confidence,
    }
    return ", ".join(f"{name} {value:.2f}" for name, value in parts.items() if value is not None)


def show_memory(memory: Memory, history: Sequence[Event], console: Console | None = None) -> None:
    """Show all there is about one memory."""
    console = console or results()
    console.print(Text(f"{memory.id}  {memory.kind}, {memory.status}", style="bold"))
    if memory.title:
        console.print(line(memory.title, "dim"), soft_wrap=True)
    for told in _standing(memory):
        console.print(line(told, "dim"), soft_wrap=True)
    console.print(Text(safe(memory.text)), soft_wrap=True)
    for span in memory.spans:
        place = f"{safe(span.document)}, characters {span.start} to {span.end}"
        console.print(Text(f"Source: {place}", style="cyan"), soft_wrap=True)
        console.print(Text(f"  “{clipped(span.quote)}”", style="dim"), soft_wrap=True)
    if memory.evidence:
        console.print("Kept because of", style="bold")
        console.print(_evidence(memory.evidence))
    console.print("History", style="bold")
    for event in history:
        moment = when(event.time)
        console.print(line(f"  {moment}  {event.kind} by {event.who}: {event.why}"), soft_wrap=True)


def _standing(memory: Memory) -> list[str]:
    """Return what there is to say of a memory beside its text and where it comes from."""
    since = when(memory.valid_from or memory.created)
    until = f" to {when(memory.valid_to)}" if memory.valid_to is not None else ""
    said = {
        "namespace": " / ".join(memory.namespace),
        "held": f"from {since}{until}",
        "trust": f"{memory.trust:.2f}",
        "quiz": quiz_score(memory),
        "tags": ", ".join(memory.tags),
        "holds": ", ".join(memory.flags),
        "in the place of": ", ".join(memory.supersedes),
        "its place was taken by": memory.superseded_by,
        "made from": ", ".join(memory.derived_from),
        "pinned": "yes" if memory.pinned else "",
    }
    return [f"{name}: {value}" for name, value in said.items() if value]


def show_repair(repaired: RepairReport, console: Console | None = None) -> None:
    """Tell what was mended when a store was opened; nothing where nothing was."""
    if repaired:
        told = (
            f"The memory's index was behind: {repaired.added} put in, {repaired.removed} taken out."
        )
        (console or notices()).print(line(told, "dim"))


def show_fading(fading: Sequence[Fading], console: Console | None = None) -> None:
    """Show what would go, most faded first, and why."""
    console = console or results()
    if not fading:
        console.print("Nothing has faded so far that it would go.", style="dim")
        return
    table = new_table()
    for name in ("id", "retention", "why", "memory"):
        table.add_column(name)
    for one in fading:
        table.add_row(
            one.memory.id[:_SHORT], f"{one.retention:.3f}", one.why, clipped(one.memory.text)
        )
    console.print(table)


def show_changed(what: str, memories: Sequence[Memory], console: Console | None = None) -> None:
    """Confirm a change, one line per memory."""
    console = console or results()
    for memory in memories:
        console.print(line(f"{what} {memory.id}: {clipped(memory.text, 80)}"), soft_wrap=True)


def _evidence(evidence: Sequence[Evidence]) -> Table:
    table = new_table()
    for name in ("question", "answer", "before", "with it"):
        table.add_column(name)
    for one in evidence:
        table.add_row(
            line(one.question), line(one.answer), _mark(one.passed_before), _mark(one.passed_after)
        )
    return table


def quiz_score(memory: Memory) -> str:
    """Return how its questions were answered without and with it, `0/3 → 3/3`; empty for none."""
    count = len(memory.evidence)
    before = sum(one.passed_before for one in memory.evidence)
    after = sum(one.passed_after for one in memory.evidence)
    return f"{before}/{count} → {after}/{count}" if count else ""


def _with_score(memory: Memory) -> Text:
    score = quiz_score(memory)
    below = Text(f"\nquiz {score}" if score else "", style="dim")
    return Text.assemble(clipped(memory.text), below)


def _mark(passed: bool) -> Text:
    return Text("passed", style="green") if passed else Text("failed", style="red")


def _origin(memory: Memory) -> Text:
    names = dict.fromkeys(span.document for span in memory.spans)
    return line(", ".join(names) or "-", "dim")


def when(seconds: float) -> str:
    """Return a time in UTC, to the minute; a number where no calendar has a name for it."""
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"
    return moment.strftime("%Y-%m-%d %H:%M")
