"""`ingrained ask`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.errors import InputError

from .opening import Doors, doors, existing_home, load_settings, open_memory, open_model
from .options import Home as HomeOption
from .options import Json, Model, Refine, Votes

if TYPE_CHECKING:
    from ingrained.agent.chatting import Conversation
    from ingrained.settings import Settings

CellOption = Annotated[
    str, typer.Option("--cell", help="Answer with: base, memory, adapter or both.")
]

_ONLY_STUDIED = "`ask` knows what was studied. What you said yourself, `ingrained chat` knows."


def ask(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="QUESTION", help="What you want to know.")],
    cell: CellOption = "both",
    votes: Votes = 1,
    refine: Refine = False,
    passages: Annotated[
        bool, typer.Option("--passages", help="Show the whole passage of each source too.")
    ] = False,
    home: HomeOption = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Ask the agent, and see what its answer rests on.

    It knows what was studied, not what you said: that is for `ingrained chat`.
    """
    from ingrained.agent.citing import labelled
    from ingrained.agent.ui.answers import show_answer, show_note, show_passages
    from ingrained.agent.ui.console import show_json
    from ingrained.graphs.chat.past import asks_of_the_past

    question = " ".join(words).strip()
    if not question:
        raise InputError("the question is empty", hint='Ask something: ingrained ask "Who …?"')
    settings = load_settings(home=home, model=model)
    with conversation(settings, doors(context), cell, votes=votes, refine=refine) as talk:
        answer = talk.answer(question)
    notes = [talk.note, _ONLY_STUDIED if asks_of_the_past(question) else ""]
    note = "\n".join(filter(None, notes))
    if as_json:
        show_json({**answer.to_dict(), "note": note})
    else:
        show_note(note)
        show_answer(answer)
        if passages:
            named = labelled(answer.sources).items()
            show_passages({label: one for label, one in named if label == str(one.number)})


@contextmanager
def conversation(
    settings: Settings, behind: Doors, cell: str, *, votes: int = 1, refine: bool = False
) -> Iterator[Conversation]:
    """Open what answers questions, checking the cell and the votes before anything is loaded."""
    from ingrained.agent.cells import check_cell
    from ingrained.agent.chatting import Conversation
    from ingrained.agent.deliberating import check_votes
    from ingrained.agent.ui.deliberation import show_step
    from ingrained.agent.ui.download import DownloadBar

    check_votes(votes)
    home = existing_home(settings)
    registry = home.registry()
    adapter = registry.active()
    check_cell(cell, adapter, registry.unused)
    with ExitStack() as stack:
        bar = stack.enter_context(DownloadBar())
        store = None
        if home.ledger_file.is_file():
            store = stack.enter_context(open_memory(settings, behind, progress=bar))
        library = None
        if home.library_file.is_file():
            library = stack.enter_context(closing(home.library(read_only=True)))
        asker = open_model(home, settings, behind, bar)
        yield Conversation(
            asker, store, library=library, adapter=adapter, cell=cell, unused=registry.unused,
            votes=votes, refine=refine, progress=lambda step: show_step(step, votes),
        )  # fmt: skip
