"""Adapters in a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingrained.trainer.gate import Count
from ingrained.trainer.lineage import Learnt, by_document
from ingrained.trainer.manifest import Manifest

from .console import duration, line, many, new_table, percent, results, safe
from .events import fact_said, sealed_said, statements_said

_MEGABYTE = 1_000_000

_STYLES = {"promoted": "green", "candidate": "yellow", "rejected": "red"}


def show_adapters(
    adapters: Sequence[Manifest], active: str | None, console: Console | None = None
) -> None:
    """Show one line per adapter."""
    console = console or results()
    if not adapters:
        console.print("None was trained yet: `ingrained study PATH --consolidate`.", style="dim")
        return
    table = new_table()
    table.show_edge = False
    table.add_column("version")
    table.add_column("made", no_wrap=True)
    for name in ("gate", "closed-\nbook", "with\nmemory"):
        table.add_column(name)
    for name in ("memories", "time"):
        table.add_column(name, justify="right")
    for one in adapters:
        table.add_row(
            Text(one.version + (" in use" if one.version == active else "")),
            _when(one, "%Y-%m-%d"),
            _gate(one, forced="forced"),
            *_change(one),
            f"{len(one.memory_ids):,}",
            duration(one.seconds),
        )
    console.print(table)


def show_adapter(one: Manifest, active: str | None, console: Console | None = None) -> None:
    """Show all about one adapter."""
    console = console or results()
    closed, memory = _change(one)
    table = new_table(header=False)
    table.add_column(style="bold")
    table.add_column()
    recipe = ", ".join(f"{name} {value}" for name, value in one.recipe.items())
    loss = f"{one.losses[0]:.3f} → {one.losses[-1]:.3f}" if one.losses else "-"
    rows = {
        "version": one.version + (" (in use)" if one.version == active else ""),
        "made": _when(one, "%Y-%m-%d %H:%M"),
        "base model": one.base_model,
        "before it": one.parent or "none",
        "made of": _made_of(one),
        "data SHA-256": one.data_sha256,
        "method": one.method,
        "recipe": recipe,
        **{
            what: statements_said(told)
            for what in ("questions", "statements")
            if (told := getattr(one, what))
        },
        "seed": str(one.seed),
        "took": duration(one.seconds),
        "loss": loss,
        "drift": _drift(one),
        "closed-book": closed,
        **_by_kind(one),
        "with memory": memory,
        **_costs(one),
    }
    for name, value in rows.items():
        table.add_row(name, Text(safe(value)))
    for stage in one.stages:
        table.add_row("stage", Text(safe(_stage(stage))))
    table.add_row("gate", _gate(one, forced="promoted by force"))
    if one.refused:
        table.add_row("refused", Text(safe(one.refused), style="yellow"))
    if one.stale:
        table.add_row("stale", Text(safe(one.stale), style="yellow"))
    console.print(table)
    for reason in one.reasons:
        console.print(Text(f"  {safe(reason)}"), soft_wrap=True)


def show_lineage(
    one: Manifest,
    found: Sequence[Learnt],
    *,
    everything: bool = False,
    console: Console | None = None,
) -> None:
    """Show what an adapter has of which document, and what of it changed since.

    Args:
        one: The adapter.
        found: What it was trained on.
        everything: Name each memory.
        console: Where to show it; standard output when omitted.
    """
    console = console or results()
    current = sum(each.fate == "active" for each in found)
    console.print(line(
        f"{one.version}, an adapter of {one.base_model}: {many(len(found), 'memory', 'memories')}, "
        f"{current:,} of them current.", "bold",
    ))  # fmt: skip
    if found:
        console.print(_shares(found))
    for each in found:
        if everything or each.fate != "active":
            console.print(_learnt(each), soft_wrap=True)
    if current < len(found):
        console.print(
            "What changed since is still in the weights: `ingrained study PATH --consolidate` trains "
            "a new adapter without it.", style="yellow", soft_wrap=True,
        )  # fmt: skip


def _shares(found: Sequence[Learnt]) -> Table:
    table = new_table()
    table.add_column("document")
    table.add_column("memories", justify="right")
    table.add_column("current", justify="right")
    for share in by_document(found):
        name = share.document or "(no document)"
        table.add_row(line(name), f"{share.memories:,}", f"{share.current:,}")
    return table


def _learnt(one: Learnt) -> Text:
    text = Text(f"{one.fate:<10} {one.id}")
    if one.memory is not None:
        places = "; ".join(f"{s.document}, {s.start} to {s.end}" for s in one.memory.spans)
        for part in (line(one.memory.text), line(places, "dim")):
            text.append("  ").append_text(part)
    return text


def show_disposable(found: Sequence[Manifest], size: int, console: Console | None = None) -> None:
    """Show the adapters that nothing needs, each with the reason, and what they take."""
    console = console or results()
    if not found:
        console.print("Every adapter is needed.", style="dim")
        return
    for one in found:
        console.print(line(f"{one.version}  {_not_needed(one)}"), soft_wrap=True)
    console.print(f"{many(len(found), 'adapter')}, {size / _MEGABYTE:,.1f} MB")


def _not_needed(one: Manifest) -> str:
    if one.stale:
        return f"stale: {one.stale}"
    if one.decision == "rejected":
        return f"rejected: {one.refused or '; '.join(one.reasons)}"
    return "merged, never used" if one.decision == "candidate" else "used before"


def show_discarded(versions: Sequence[str], console: Console | None = None) -> None:
    """Show what was deleted."""
    console = console or results()
    console.print(f"Deleted: {', '.join(versions)}" if versions else "Nothing was deleted.")


def _when(one: Manifest, form: str) -> str:
    return datetime.datetime.fromtimestamp(one.created, datetime.UTC).strftime(form)


def _stage(stage: Mapping[str, Any]) -> str:
    facts = "".join(f", {fact_said(name, value)}" for name, value in stage["facts"].items())
    weights = stage["weights_sha256"][:12]
    return (
        f"{stage['name']}: {stage['rows']:,} rows, {stage['tokens']:,} tokens, "
        f"weights {weights}{sealed_said(stage['sealed'])}{facts}"
    )


def _drift(one: Manifest) -> str:
    if one.drift is None:
        return "-"
    return f"{one.drift:.2f} nats a token on everyday questions{_weakened(one.strength)}"


def _weakened(strength: float) -> str:
    return f", weakened to {strength:.3g} for it" if strength < 1 else ""


def _by_kind(one: Manifest) -> dict[str, str]:
    """Return the closed-book answers by kind of question, by the name of their row."""
    before, after = one.exam_before, one.exam_after
    if before is None or after is None:
        return {}
    return {
        f"  {kind}": f"{before.kinds[kind].n} → {count.n} of {count.of}"
        for kind, count in after.kinds.items()
        if kind in before.kinds
    }


def _costs(one: Manifest) -> dict[str, str]:
    """Return what was measured of what an adapter may cost, by the name of its row."""
    before, after = one.exam_before, one.exam_after
    if before is None or after is None:
        return {}
    told = {
        "everyday": after.controls and _of(after.controls) + _weakened(one.strength_alone),
        "known before": after.known and _of(after.known),
        "replies": after.distinct
        and f"{after.distinct.n} different ones where {after.distinct.of} answers are right",
        "declined": None if before.abstention is None or after.abstention is None
        else f"{100 * before.abstention:.0f} → {percent(after.abstention)} of {after.unanswerable}",
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


def _of(count: Count) -> str:
    return f"{count.n} of {count.of}"


def _gate(one: Manifest, *, forced: str) -> Text:
    if one.stale:
        return Text(f"stale, {forced}" if one.forced else "stale", style="yellow")
    if one.decision == "candidate" and one.exam_after is None:
        return Text("not judged", style="yellow")
    return Text(forced if one.forced else one.decision, style=_STYLES[one.decision])


def show_merged(one: Manifest, console: Console | None = None) -> None:
    """Show what a merge came to, and that no gate has judged it."""
    console = console or results()
    named, rank = ", ".join(one.merged_from), one.recipe["rank"]
    console.print(line(
        f"{one.version} is merged from {named}: {many(len(one.memory_ids), 'memory', 'memories')}, "
        f"rank {rank} {_retained(one)}.",
    ), soft_wrap=True)  # fmt: skip
    console.print(
        f"No gate has judged it: `ingrained adapters trial {one.version}` lets it.",
        style="yellow", soft_wrap=True,
    )  # fmt: skip


def _retained(one: Manifest) -> str:
    return f"keeps {percent(one.retained)} of what was merged"


def _made_of(one: Manifest) -> str:
    memories = f"{len(one.memory_ids):,} memories"
    if one.merged_from:
        return f"{memories}, merged from {', '.join(one.merged_from)}; the rank {_retained(one)}"
    return f"{memories}, {one.rows:,} rows, {one.tokens:,} tokens"


def _change(one: Manifest) -> tuple[str, str]:
    before, after = one.exam_before, one.exam_after
    if before is None or after is None:
        return "-", "-"
    return (
        f"{100 * before.closed:.0f} → {percent(after.closed)}",
        f"{100 * before.memory:.0f} → {percent(after.memory)}",
    )
