"""Letting one memory take another's place by hand."""

from __future__ import annotations

from ingrained.errors import InputError

from .changing import no_longer_superseding, superseded, superseding
from .records import Memory


def place_taken(
    loser: Memory, winner: Memory, former: Memory | None, now: float
) -> list[tuple[Memory, Memory]]:
    """Return what changes when one memory takes another's place, each before and after.

    Args:
        loser: Holds no longer.
        winner: Holds now.
        former: What had taken the loser's place before, if anything.
        now: POSIX seconds.

    Raises:
        InputError: They are the same, of two namespaces, or the winner does not hold itself.
    """
    _check_places(loser, winner)
    pairs = [
        (loser, superseded(loser, winner.id, now)),
        (winner, superseding(winner, loser.id)),
    ]
    if former is not None and former.id != winner.id:
        pairs.append((former, no_longer_superseding(former, loser.id)))
    return pairs


def _check_places(loser: Memory, winner: Memory) -> None:
    if loser.id == winner.id:
        raise InputError("A memory cannot take its own place.", hint="Name two of them.")
    if winner.status != "active":
        raise InputError(
            f"Memory {winner.id} cannot take a place: it is {winner.status}.",
            hint="Undo what took it out of recall first; `history` has the event.",
        )
    if loser.namespace != winner.namespace:
        raise InputError(
            f"Memory {winner.id} cannot take the place of {loser.id}: they are of two namespaces.",
            hint="Name two memories of one namespace.",
        )
