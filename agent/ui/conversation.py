"""A conversation in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from ingrained.agent.citing import Answer
from ingrained.graphs.chat.state import Turn

from .answers import show_sources
from .console import line, many, new_table, notices, results, safe
from .deliberation import show_deliberation, show_step
from .memories import show_memory, when

if TYPE_CHECKING:
    from ingrained.agent.conversing import Dialogue, Grounds, Posed


def show_opening(talk: Dialogue) -> None:
    """Say which conversation this is, and where help is."""
    said = len(talk.turns())
    begun = f"goes on after {many(said, 'turn')}" if said else "begins"
    notices().print(line(f"The conversation {talk.thread} {begun}. /help lists commands.", "dim"))


class Telling:
    """Shows turns as they go: the reply piece by piece, its sources, what was amiss."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._postponed = False

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event."""
        kind = event["event"]
        if kind == "piece":
            self._console.out(safe(event["text"]), end="", highlight=False)
        elif kind == "step":
            show_step(event["step"], event.get("calls", 1))
        elif kind == "answered":
            self._console.print()
            show_sources(Answer.from_dict(event["answer"]), self._console, apart=True)
            _tell_unknown(event["unknown"])
        elif kind == "postponed" and not self._postponed:
            self._postponed = True
            told = f"Not in memory yet, kept in the conversation until then: {event['why']}"
            notices().print(line(told, "yellow"), soft_wrap=True)
        elif kind == "portraying":
            notices().print(line("Summing up what you said on the days before…", "dim"))
        elif kind == "withheld":
            told = "Not kept: the screen found a secret or personal data in this turn."
            notices().print(line(told, "yellow"))


def _tell_unknown(numbers: Sequence[int]) -> None:
    if numbers:
        named = ", ".join(f"[{number}]" for number in numbers)
        told = f"Taken out of the reply: {named}, which was not shown to the model."
        notices().print(line(told, "yellow"))


def show_why(answer: Answer, grounds: Sequence[Grounds], console: Console | None = None) -> None:
    """Show all there is about what an answer rests on, as it is in the memory now."""
    console = console or results()
    adapter = f"adapter {answer.adapter}" if answer.adapter else "no adapter"
    console.print(line(f"“{answer.question}”: cell {answer.cell}, {adapter}"), soft_wrap=True)
    show_deliberation(answer, console, whole=True)
    if not grounds:
        console.print("No memory was shown to the model.", style="dim")
    for one in grounds:
        told = f"[{one.label}] score {one.source.score:.2f}, retention {one.retention:.2f}"
        console.print(Text(told, style="cyan"))
        show_memory(one.memory, one.history, console)


def show_turns(turns: Sequence[Turn], console: Console | None = None) -> None:
    """Show what was said, oldest first."""
    console = console or results()
    if not turns:
        console.print("Nothing was said yet.", style="dim")
    for turn in turns:
        console.print(Text(f"{when(turn['time'])}  {safe(turn['user'])}", style="cyan"))
        console.print(Text(safe(turn["agent"])), soft_wrap=True)


def show_posed(posed: Posed | None, console: Console | None = None) -> None:
    """Show a question to the user."""
    if posed is not None:
        (console or results()).print(line(f"Question: {posed.question}", "bold"), soft_wrap=True)


def show_graded(posed: Posed, *, passed: bool, console: Console | None = None) -> None:
    """Say whether the user's answer was right, and what it rests on."""
    console = console or results()
    mark = (
        Text("Right. ", style="green") if passed else Text("Not what the agent has. ", style="red")
    )
    console.print(Text.assemble(mark, f"Answer: {safe(posed.answer)}"), soft_wrap=True)
    console.print(line(posed.memory.text, "dim"), soft_wrap=True)


def show_commands(commands: Sequence[tuple[str, str]], console: Console | None = None) -> None:
    """Show what can be told to the conversation."""
    table = new_table(header=False)
    for command, does in commands:
        table.add_row(command, does)
    (console or notices()).print(table)
