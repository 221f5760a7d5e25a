"""What a study came to, at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .console import clipped, duration, line, new_table, percent, results, safe
from .events import gate_said
from .plan import show_skipped

STOPS = {
    "mastered": "the sealed questions are mastered",
    "rounds": "all rounds are done",
    "budget": "the token budget is spent",
    "nothing to do": "there was nothing to study",
    "": "nothing more could be done",
}


def show_run(record: Mapping[str, Any], console: Console | None = None) -> None:
    """Show a run's record."""
    console = console or results()
    if record["nothing_new"]:
        console.print("Nothing new to read: every passage was studied before.", style="yellow")
    if record["stop"] == "budget":
        console.print(_out_of_budget(record), style="yellow", soft_wrap=True)
    console.print(_facts(record))
    show_skipped(record["skipped"], console)
    _show_examples(record, console)
    console.print(_costs(record))


def _out_of_budget(record: Mapping[str, Any]) -> str:
    budget, counts = record["settings"]["budget_tokens"]["value"], record["counts"]
    left = counts["passages"] - counts["studied"]
    return (
        f"Stopped early: the budget of {budget:,} tokens is spent ({record['tokens']:,} used), "
        f"passages left to study: {left:,}. The same command goes on from here, with as many tokens "
        "again."
    )


def _facts(record: Mapping[str, Any]) -> Table:
    table = new_table(header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in _rows(record):
        table.add_row(name, Text(safe(value)))
    return table


def _rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts, gate = record["counts"], record["gate"]
    new = ", ".join(f"{one['id']} ({one['passages']})" for one in record["documents"])
    rejected = sorted(record["rejected"].items(), key=lambda item: -item[1])
    since = "since it was resumed" if record["resumed"] else "in this run"
    accepted = f"{record['accepted']} {since}, {counts['questions']} in all"
    rows = [
        ("read now (new passages)", new or ("before it was cut short" if record["resumed"]
                                            else "nothing new")),
        ("in the library", f"documents: {counts['documents']}, passages studied: "
                           f"{counts['studied']} of {counts['passages']}"),
        ("questions accepted", f"{accepted}, {counts['sealed']} of them sealed"),
        ("questions rejected", ", ".join(f"{n} {why}" for why, n in rejected if n) or "none"),
        ("memories", f"{record['kept']} kept in this run, {record['memories']} in all"),
        ("sealed questions", _scores(record)),
        ("adapter", str(record["adapter"] or "none")),
        ("ended because", STOPS[record["stop"]]),
    ]  # fmt: skip
    rows[-1:-1] = _planning(record.get("planning", {}))
    rows[1:1] = _changes(record)
    if gate:
        rows.insert(-1, ("gate", gate_said(gate)))
    if record["resumed"]:
        rows.append(("resumed", "yes, where an earlier run was cut short"))
    return rows


def _changes(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what happened to documents that were known before."""
    revised = [
        f"{one['id']} (memories kept: {one['kept']}, superseded: {one['superseded']})"
        for one in record["revised"]
    ]
    missing = [f"{one['id']} (memories that rest on it: {one['memories']})"
               for one in record["missing"]]  # fmt: skip
    dropped = [f"{one['id']} (memories forgotten: {one['forgotten']})" for one in record["dropped"]]
    named = {
        "changed since last time": revised,
        "no longer there": missing,
        "no longer there, forgotten": dropped,
    }
    return [(name, ", ".join(values)) for name, values in named.items() if values]


def _planning(planning: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the gradebook tells; the records of older versions tell nothing of it."""
    told = {
        "accepted of asked for": [
            f"{kind} {one['accepted']}/{one['asked']}"
            for kind, one in planning.get("acceptance", {}).items()
        ],
        "weakest topics (answered)": [
            f"{one['topic']} ({one['passed']} of {one['asked']})"
            for one in planning.get("weakest", ())
        ],
        "planned next": [planning["next"]] if planning.get("next") else [],
    }
    return [(name, ", ".join(values)) for name, values in told.items() if values]


def _scores(record: Mapping[str, Any]) -> str:
    if not record["counts"]["sealed"]:
        return "none yet"
    return ", ".join(f"{cell} {percent(share)}" for cell, share in record["scores"].items())


def _show_examples(record: Mapping[str, Any], console: Console) -> None:
    if record["examples"]:
        console.print("What was learnt, for example", style="bold")
    for one in record["examples"]:
        console.print(line(f"  {one['question']}"), soft_wrap=True)
        text = Text("    before: not known   now: ")
        text.append(clipped(one["answer"]), style="green")
        console.print(text, soft_wrap=True)
        source = f"    “{clipped(one['quote'])}” ({safe(one['document'])})"
        console.print(Text(source, style="dim"), soft_wrap=True)


def _costs(record: Mapping[str, Any]) -> Table:
    table = new_table(caption=f"{duration(record['seconds'])} in all, {record['tokens']:,} tokens")
    table.add_column("phase")
    for name in ("time", "tokens in", "of them cached", "tokens out", "calls"):
        table.add_column(name, justify="right")
    for phase, cost in record["phases"].items():
        figures = (cost["tokens_in"], cost["tokens_cached"], cost["tokens_out"], cost["calls"])
        table.add_row(phase, duration(cost["seconds"]), *(f"{n:,}" for n in figures))
    return table
