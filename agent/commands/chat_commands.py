"""What can be told to `ingrained chat` beside questions: lines that begin with a slash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingrained.errors import InputError

if TYPE_CHECKING:
    from ingrained.agent.conversing import Dialogue
    from ingrained.graphs.keeping import Noted
    from ingrained.memory.records import Memory

QUIT = "/quit"


@dataclass(frozen=True, kw_only=True)
class Command:
    """One of them."""

    run: Callable[[Dialogue, str], None]
    takes: str = ""
    """What follows its name."""
    does: str


def obey(talk: Dialogue, text: str) -> bool:
    """Do what a line says; return whether the conversation goes on.

    Raises:
        IngrainedError: it cannot be done.
    """
    name, _, argument = text.partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        raise InputError(f"there is no command {name!r}", hint="/help lists them.")
    if argument.strip() and not command.takes:
        raise InputError(f"{name} takes nothing after it", hint=f"{name} alone: {command.does}.")
    command.run(talk, argument.strip())
    return name != QUIT


def _help(_talk: Dialogue, _argument: str) -> None:
    from ingrained.agent.ui.conversation import show_commands

    show_commands([(f"{name} {one.takes}".strip(), one.does) for name, one in COMMANDS.items()])


def _sources(talk: Dialogue, label: str) -> None:
    from ingrained.agent.ui.answers import show_passages, show_sources

    if label:
        show_passages(dict([talk.named(label)]))
    elif talk.last is None:
        _say("Nothing was answered since the chat was opened.")
    else:
        show_sources(talk.last, apart=True)


def _why(talk: Dialogue, _argument: str) -> None:
    from ingrained.agent.ui.conversation import show_why

    if talk.last is None:
        _say("Nothing was answered since the chat was opened.")
    else:
        show_why(talk.last, talk.why())


def _remember(talk: Dialogue, text: str) -> None:
    if not text:
        raise InputError("there is nothing to remember", hint="/remember My dog is called Rex.")
    _tell_noted("Remembered", talk.remember(text))


def _correct(talk: Dialogue, argument: str) -> None:
    label, _, text = argument.partition(" ")
    if not text.strip():
        raise InputError(
            "a correction needs the number of a source and what holds instead",
            hint="/correct 1 The mill was built in 1703.",
        )
    old, noted = talk.correct(label, text.strip())
    if noted.outcome == "replaced":
        _tell_changed("Superseded", old)
    _tell_noted("In its place", noted)
    if noted.outcome == "replaced":
        _tell_folded(talk, label)
        _say("/undo takes it back.")


def _forget(talk: Dialogue, label: str) -> None:
    if not label:
        raise InputError("which one?", hint="/forget 1 forgets the source [1] of the last answer.")
    _tell_changed("Forgotten", talk.forget(label))
    _tell_folded(talk, label)


def _undo(talk: Dialogue, _argument: str) -> None:
    from ingrained.agent.ui.memories import show_changed

    for memory in talk.undo():
        show_changed(f"Now {memory.status}:", [memory])


def _quiz(talk: Dialogue, _argument: str) -> None:
    from ingrained.agent.ui.conversation import show_posed

    if talk.pose() is None:
        _say("No memory has a question yet: let the agent study something.")
    else:
        show_posed(talk.posed)


def _cell(talk: Dialogue, name: str) -> None:
    from ingrained.agent.cells import CELLS
    from ingrained.agent.ui.answers import show_note

    if not name:
        talk.use()
        _say(f"The cell is {talk.cell} ({talk.made_of}), of {', '.join(CELLS)}.")
        return
    show_note(talk.use(name))
    _say_cell(talk)


def _sleep(talk: Dialogue, _argument: str) -> None:
    try:
        decision = talk.sleep()
    except KeyboardInterrupt:
        _say("Cut short: /sleep goes on where it was.")
        return
    if not decision.in_use:
        _say(f"Adapter {decision.version} is not in use.")
    talk.use()
    _say_cell(talk)


def _history(talk: Dialogue, _argument: str) -> None:
    from ingrained.agent.ui.conversation import show_turns

    show_turns(talk.turns())


def _quit(_talk: Dialogue, _argument: str) -> None:
    """Nothing is left to do: `obey` ends the conversation."""


COMMANDS = {
    "/sources": Command(
        run=_sources,
        takes="[N]",
        does="what the last answer rests on, or the whole passage of source N",
    ),
    "/why": Command(run=_why, does="the same with scores, dates, quiz evidence, cell and adapter"),
    "/remember": Command(run=_remember, takes="TEXT", does="keep this as a memory of yours"),
    "/correct": Command(
        run=_correct, takes="N TEXT", does="TEXT takes the place of source N of the last answer"
    ),
    "/forget": Command(run=_forget, takes="N", does="forget source N of the last answer"),
    "/undo": Command(run=_undo, does="take back the last of these three"),
    "/quiz": Command(
        run=_quiz,
        does="you are asked what the agent was tried on; your next line is graded, an empty one or a "
        "command gives up",
    ),
    "/sleep": Command(
        run=_sleep,
        does="train what was studied into an adapter now, and answer with it if it passes",
    ),
    "/cell": Command(
        run=_cell,
        takes="[NAME]",
        does="what is answered with, or another: base, memory, adapter or both",
    ),
    "/history": Command(run=_history, does="this conversation so far"),
    "/help": Command(run=_help, does="this list"),
    QUIT: Command(run=_quit, does="end; the conversation can go on another time"),
}


def _say_cell(talk: Dialogue) -> None:
    _say(f"Answering in the cell {talk.cell}: {talk.made_of}.")


def _say(text: str) -> None:
    from ingrained.agent.ui.console import notices

    notices().print(text, style="dim")


def _tell_folded(talk: Dialogue, label: str) -> None:
    """Name what stood within the source, was not shown, and says what it said before."""
    from ingrained.agent.ui.memories import show_changed

    for name, memory in talk.folded(label).items():
        show_changed(f"Within it [{name}] still holds:", [memory])
        _say(f"/correct {name} TEXT or /forget {name} changes that too.")


def _tell_noted(what: str, noted: Noted) -> None:
    """Say what became of something that the user told."""
    if noted.memory is None:
        _say("Not kept: the screen found a secret or personal data in it.")
    elif noted.outcome == "held":
        _tell_changed("Not kept, for in its place stands", noted.memory)
    else:
        _tell_changed("Known already:" if noted.outcome == "known" else what, noted.memory)


def _tell_changed(what: str, memory: Memory) -> None:
    from ingrained.agent.ui.memories import show_changed

    show_changed(what, [memory])
