"""`ingrained chat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .ask import CellOption, conversation
from .opening import doors, load_settings
from .options import Home, Model

if TYPE_CHECKING:
    from ingrained.agent.chatting import Answer, Conversation

HELP = (
    "/sources shows what the last answer rests on, /cell shows the cell, /cell NAME changes it, "
    "/quit ends."
)


def chat(
    context: typer.Context, cell: CellOption = "both", home: Home = None, model: Model = None
) -> None:
    """Talk with the agent; every turn is answered with what it recalls."""
    from ingrained.agent.ui.answers import show_note
    from ingrained.agent.ui.console import notices

    settings = load_settings(home=home, model=model)
    with conversation(settings, doors(context), cell) as talk:
        show_note(talk.note)
        notices().print(HELP, style="dim")
        converse(talk, _lines(settings.home / "chat_history"))


def converse(talk: Conversation, lines: Iterator[str]) -> None:
    """Answer lines until they end or one says /quit."""
    last: Answer | None = None
    for text in lines:
        command, _, argument = text.strip().partition(" ")
        if command == "/quit":
            return
        if command.startswith("/"):
            _obey(command, argument.strip(), talk, last)
        elif command:
            last = _turn(talk, text.strip()) or last


def _turn(talk: Conversation, question: str) -> Answer | None:
    """Stream one answer; Ctrl-C cuts it short and returns to the prompt."""
    from ingrained.agent.ui.answers import show_sources
    from ingrained.agent.ui.console import results, safe

    console = results()
    try:
        for piece in talk.stream(question):
            if isinstance(piece, str):
                console.out(safe(piece), end="", highlight=False)
                continue
            console.print()
            show_sources(piece, console)
            return piece
    except KeyboardInterrupt:
        console.print("\n(cut short)", style="dim")
    return None


def _obey(command: str, argument: str, talk: Conversation, last: Answer | None) -> None:
    from ingrained.agent.chatting import CELLS
    from ingrained.agent.ui.answers import show_note, show_sources
    from ingrained.agent.ui.console import notices, show_error
    from ingrained.errors import NotFoundError, SettingsError

    if command == "/sources" and last:
        show_sources(last)
    elif command == "/sources":
        notices().print("Nothing was answered yet.", style="dim")
    elif command == "/cell" and argument:
        try:
            talk.use(argument)
        except (NotFoundError, SettingsError) as error:
            show_error(error, as_json=False)
            return
        show_note(talk.note)
        notices().print(f"Answering in the cell {talk.cell}.", style="dim")
    elif command == "/cell":
        notices().print(f"The cell is {talk.cell}, of {', '.join(CELLS)}.", style="dim")
    else:
        notices().print(HELP, style="dim")


def _lines(history: Path) -> Iterator[str]:
    """Yield what is typed; Ctrl-C empties the line, Ctrl-D ends."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import FileHistory

    session: PromptSession[str] = PromptSession("> ", history=FileHistory(str(history)))
    while True:
        try:
            yield session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
