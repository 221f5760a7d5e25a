"""`ingrained chat`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingrained.errors import IngrainedError

from .ask import CellOption
from .chat_commands import obey
from .opening import doors, load_settings
from .options import Home, Model, Refine, Votes
from .talking import dialogue

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

    from ingrained.agent.conversing import Dialogue
    from ingrained.agent.ui.conversation import Telling


def chat(
    context: typer.Context,
    cell: CellOption = "both",
    thread: Annotated[
        str | None, typer.Option("--thread", metavar="NAME", help="Go on with this conversation.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin a new conversation.")] = False,
    user: Annotated[
        str, typer.Option("--user", metavar="NAME", help="Who talks; memories are kept apart.")
    ] = "me",
    votes: Votes = 1,
    refine: Refine = False,
    portrait: Annotated[
        bool,
        typer.Option(
            "--portrait/--no-portrait",
            help="Sum up the days that are over, and show the model a portrait of the user.",
        ),
    ] = True,
    home: Home = None,
    model: Model = None,
) -> None:
    """Talk with the agent, in view of what was said before.

    Without --thread or --new the last conversation goes on.
    """
    from ingrained.agent.ui.answers import show_note
    from ingrained.agent.ui.conversation import show_opening

    settings = load_settings(home=home, model=model)
    with dialogue(
        settings, doors(context), cell,
        user=user, thread=thread, new=new, votes=votes, refine=refine, portrait=portrait,
    ) as (talk, note):  # fmt: skip
        show_note(note)
        show_opening(talk)
        converse(talk, _lines(settings.home / "chat_history"))


def converse(talk: Dialogue, lines: Iterator[str]) -> None:
    """Answer lines until they end or one says /quit.

    A command or an empty line gives up a quiz question that waits for its answer.
    """
    from ingrained.agent.ui.console import results, show_error
    from ingrained.agent.ui.conversation import Telling

    telling = Telling(results())
    for line in lines:
        text = line.strip()
        try:
            if text.startswith("/") or not text:
                talk.posed = None
                if text and not obey(talk, text):
                    return
            elif talk.posed:
                _grade(talk, text)
            else:
                _turn(talk, text, telling)
        except IngrainedError as error:
            show_error(error, as_json=False)


def _turn(talk: Dialogue, question: str, telling: Telling) -> None:
    """Stream one answer; Ctrl-C cuts it short and returns to the prompt."""
    from ingrained.agent.ui.console import results

    try:
        talk.ask(question, telling)
    except KeyboardInterrupt:
        results().print("\n(cut short: nothing of this turn is kept)", style="dim")


def _grade(talk: Dialogue, reply: str) -> None:
    from ingrained.agent.ui.conversation import show_graded

    posed, talk.posed = talk.posed, None
    if posed is not None:
        show_graded(posed, passed=posed.passed_by(reply))


def _lines(history: Path) -> Iterator[str]:
    """Yield what is typed; Ctrl-C empties the line, Ctrl-D ends."""
    if not sys.stdin.isatty():
        if isinstance(sys.stdin, io.TextIOWrapper):
            # One stray byte is no reason to lose every line.
            sys.stdin.reconfigure(errors="replace")
        yield from sys.stdin
        return
    session = prompt_session(history)
    while True:
        try:
            yield session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def prompt_session(history: Path) -> PromptSession[str]:
    """Return what reads lines at a terminal: the arrows bring back earlier ones, Tab completes commands."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory

    from ingrained.agent.cells import CELLS

    from .chat_commands import COMMANDS

    known = [*COMMANDS, *(f"/cell {cell}" for cell in CELLS)]
    completer: Any = WordCompleter(known, sentence=True)
    return PromptSession(
        "> ", history=FileHistory(str(history)), completer=completer, complete_while_typing=False
    )
