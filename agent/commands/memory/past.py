"""What happened to a memory, what it was like at a time, and taking changes back."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError

from .app import MOST, WHO, OneId, app, opened

_SHORT_DATE = len("2026-01-31")


@app.command("history")
def history(
    context: typer.Context,
    memory_id: OneId,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Tell all that happened to a memory: when, what, by whom, why, and what changed."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.history import plain_event, show_history

    with opened(context, home) as store:
        events = store.history(memory_id)
    if as_json:
        show_json([plain_event(event) for event in events])
    else:
        show_history(events)


@app.command("undo")
def undo(
    context: typer.Context,
    event: Annotated[
        int, typer.Argument(metavar="EVENT", min=1, max=MOST, help="Its number; see `history`.")
    ],
    whole: Annotated[
        bool, typer.Option("--whole", help="Undo all that was changed in one step with it.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put back what one change changed; the undoing is a change as well."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_changed

    with opened(context, home, writing=True) as store:
        memories = store.undo(event, whole=whole, who=WHO, why=f"undo of event {event}")
    if as_json:
        show_json([memory.to_dict() for memory in memories])
    else:
        for memory in memories:
            show_changed(f"Now {memory.status}:", [memory])


@app.command("at")
def at(
    context: typer.Context,
    time: Annotated[
        str, typer.Argument(metavar="TIME", help="Such as 2026-01-31 or 2026-01-31T18:00.")
    ],
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="At most so many, oldest first.")
    ] = 50,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List what was remembered at a time."""
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.memories import show_list

    moment = moment_of(time)
    with opened(context, home) as store:
        found = [memory for memory in store.at(moment) if memory.status == "active"]
    if as_json:
        show_json([memory.to_dict() for memory in found[:limit]])
    else:
        show_list(found[:limit], more=len(found) > limit)


def moment_of(text: str, *, end: bool = True) -> float:
    """Return a time in POSIX seconds; no zone is the local one.

    Args:
        text: In ISO format.
        end: Take a day alone for its end; for its beginning when false.

    Raises:
        InputError: It is not a time.
    """
    try:
        moment = datetime.datetime.fromisoformat(text)
        if end and len(text) <= _SHORT_DATE:
            moment += datetime.timedelta(days=1)
        return moment.timestamp()
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{text!r} is not a time", hint="Write it as 2026-01-31 or 2026-01-31T18:00."
        ) from error
