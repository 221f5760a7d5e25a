"""An answer with its sources under it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from ingrained.agent.chatting import Answer

from .console import clipped, notices, results, safe


def show_answer(answer: Answer, console: Console | None = None) -> None:
    """Show the reply, whether it is one, and what it rests on."""
    console = console or results()
    console.print(Text(safe(answer.reply), style="bold"), soft_wrap=True)
    show_sources(answer, console)


def show_sources(answer: Answer, console: Console | None = None) -> None:
    """Show the memories that stood in the prompt, numbered as they were there."""
    console = console or results()
    if answer.abstained:
        console.print("The agent does not know.", style="yellow")
    if answer.cell in ("base", "adapter"):
        console.print("Answered from the weights alone: no sources.", style="dim")
    elif not answer.sources:
        console.print("Nothing was recalled: answered from the weights alone.", style="dim")
    for source in answer.sources:
        place = f"{source.document}, characters {source.start} to {source.end}"
        console.print(Text(f"[{source.number}] {safe(place)}", style="cyan"), soft_wrap=True)
        console.print(Text(f"    “{clipped(source.quote)}”", style="dim"), soft_wrap=True)


def show_note(note: str) -> None:
    """Show a remark beside the answer, if there is one."""
    if note:
        notices().print(Text(note, style="yellow"))
