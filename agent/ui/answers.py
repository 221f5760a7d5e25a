"""An answer with its sources under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from ingrained.agent.citing import Answer, Source, labelled, unfolded

from .console import clipped, line, notices, results, safe
from .deliberation import show_deliberation

BAR = "  │ "
"""Begins each line of a passage, and no line of ours."""


def show_answer(answer: Answer, console: Console | None = None) -> None:
    """Show the reply, whether it is one, and what it rests on."""
    console = console or results()
    console.print(Text(safe(answer.reply), style="bold"), soft_wrap=True)
    show_sources(answer, console)


def show_sources(answer: Answer, console: Console | None = None, *, apart: bool = False) -> None:
    """Show the memories that stood in the prompt, numbered as they were there, and the cell.

    Args:
        answer: What they are the sources of.
        console: Where to; standard output when None.
        apart: Give the memories of one number labels of their own, to be named by.
    """
    console = console or results()
    if answer.abstained:
        console.print("The agent does not know.", style="yellow")
    if not answer.votes:
        told = "The model was not asked: only you can know this, and nothing of it is remembered."
        console.print(told, style="dim", soft_wrap=True)
    elif answer.cell in ("base", "adapter"):
        console.print("Answered from the weights alone: no sources.", style="dim")
    elif not answer.sources:
        rest = "the conversation and the weights" if answer.turns else "the weights alone"
        console.print(f"Nothing was recalled: answered from {rest}.", style="dim")
    if answer.withdrawn:
        told = f"The model made an answer up, which nothing in view holds: “{clipped(answer.withdrawn)}”"
        console.print(Text(told, style="dim"), soft_wrap=True)
    labels = {id(one): label for label, one in labelled(answer.sources).items()}
    for source in unfolded(answer.sources):
        label = labels[id(source)] if apart else str(source.number)
        console.print(_place(label, source), soft_wrap=True)
        console.print(Text(f"    “{clipped(source.quote)}”", style="dim"), soft_wrap=True)
        if source.sentence:
            told = f"    in the passage around it: “{clipped(source.sentence)}”"
            console.print(Text(told, style="dim"), soft_wrap=True)
    if around := [source for source in answer.sources if source.in_passage]:
        console.print(
            f"The model read {_which(around, answer)} in the passage around it.", style="dim"
        )
    show_deliberation(answer, console)
    adapter = f", adapter {answer.adapter}" if answer.adapter else ""
    console.print(f"cell {answer.cell}{adapter}", style="dim")


def show_passages(sources: Mapping[str, Source], console: Console | None = None) -> None:
    """Show the whole text in which the model read each source, with a bar before each of its lines.

    So no line of a document can pass for one of ours.

    Args:
        sources: By what they are called.
        console: Where to; standard output when None.
    """
    console = console or results()
    for label, source in sources.items():
        console.print(_place(label, source), soft_wrap=True)
        for row in _rows(safe(source.passage or source.quote), console):
            console.print(Text.assemble((BAR, "dim"), row), soft_wrap=True)


def _rows(text: str, console: Console) -> Iterator[Text]:
    """Yield the lines of a text; for a terminal, which would break them, those that fit beside the bar."""
    for one in map(Text, text.split("\n")):
        if console.is_terminal:
            yield from one.wrap(console, max(1, console.width - len(BAR)))
        else:
            yield one


def _place(label: str, source: Source) -> Text:
    place = f"{source.document}, characters {source.start} to {source.end}"
    return line(f"[{label}] {place if source.document else source.title}", "cyan")


def _which(some: Sequence[Source], answer: Answer) -> str:
    if len(some) == len(answer.sources):
        return "each"
    return ", ".join(dict.fromkeys(f"[{source.number}]" for source in some))


def show_note(note: str) -> None:
    """Show a remark beside the answer, if there is one."""
    if note:
        notices().print(Text(note, style="yellow"))
