"""What a dry run found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .console import duration, line, many, new_table, results, safe
from .skipped import skipped_lines


def show_plan(plan: Mapping[str, Any], console: Console | None = None) -> None:
    """Show documents, what is skipped, and the estimate."""
    console = console or results()
    table = new_table()
    table.add_column("document")
    for name in ("characters", "passages", "to study", "questions"):
        table.add_column(name, justify="right")
    for one in plan["documents"]:
        table.add_row(
            line(one["id"]),
            f"{one['characters']:,}",
            f"{one['passages']:,}",
            f"{one['new']:,}",
            f"{one['questions']:,}",
        )
    console.print(table)
    show_skipped(plan["skipped"], console)
    if plan["parts"]:
        console.print(_parts(plan["parts"]))
    for text in _said(plan):
        console.print(text, soft_wrap=True)
    console.print("Nothing was written.", style="dim")


def show_bench_plan(plan: Mapping[str, Any], console: Console | None = None) -> None:
    """Show what a benchmark studies and asks, and the estimate of each part."""
    console = console or results()
    if plan["parts"]:
        console.print(_parts(plan["parts"]))
    bfloat16 = "with" if plan["bfloat16"] else "without"
    for text in (
        f"{plan['benchmark']}: {many(plan['documents'], 'document')} of {plan['words']:,} words in "
        f"{many(plan['passages'], 'passage')}, {many(plan['questions'], 'question')}, "
        f"{many(plan['seeds'], 'seed')}.",
        f"About {plan['tokens']:,} tokens and {duration(plan['seconds'])}, assumed: the default "
        f"model on two cores {bfloat16} bfloat16, and nothing kept from an earlier run.",
        *_left_out(plan),
    ):
        console.print(line(text), soft_wrap=True)
    console.print("Nothing was written.", style="dim")


def _left_out(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan["does_not_fit"]:
        yield (
            f"Without full: its prompts of about {plan['does_not_fit']:,} tokens do not fit the "
            "default model's window."
        )
    if plan["not_reckoned"]:
        yield f"Not reckoned with: {', '.join(plan['not_reckoned'])}."


def _parts(parts: Mapping[str, Mapping[str, int]]) -> Table:
    table = new_table()
    table.add_column("part")
    for name in ("tokens", "time"):
        table.add_column(name, justify="right")
    for name, cost in parts.items():
        table.add_row(name, f"{cost['tokens']:,}", duration(cost["seconds"]))
    return table


def _said(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield what there is to study, what the budget leaves, and what all of it takes."""
    for name in ("changed", "deleted"):
        if plan[name]:
            yield f"Documents {name} since they were studied: {len(plan[name]):,}"
    if not plan["passages"]:
        yield "Nothing new to study: every passage was studied before."
    if plan["left"]:
        yield (
            f"The budget ends the run after {plan['passages']:,} passages and leaves "
            f"{plan['left']:,}: the same command then goes on."
        )
    if plan["not_reckoned"]:
        yield f"Reckoned as by default: {', '.join(map(_setting, plan['not_reckoned']))}. What you chose may cost more or less."
    speed = plan["speed"]
    bfloat16 = "with" if speed["bfloat16"] else "without"
    basis = f"assumed: the default model on two cores {bfloat16} bfloat16"
    if speed["measured"]:
        basis = "as in this home's last run"
    asked = f"{plan['questions']:,} questions, " if plan["questions"] else ""
    yield (
        f"About {asked}{plan['tokens']:,} tokens and {duration(plan['seconds'])}; "
        f"studying at {speed['tokens_per_second']:,} tokens a second ({basis})."
    )


def _setting(name: str) -> str:
    """Return what an option of the command line calls a field of the policy."""
    return {"reflection_importance": "reflect", "every_documents": "every"}.get(name, name)


def show_skipped(skipped: Sequence[Mapping[str, str]], console: Console) -> None:
    """Show what could not be read, with the reasons."""
    for text in skipped_lines(skipped):
        console.print(Text(f"skipped  {safe(text)}", style="yellow"), soft_wrap=True)
