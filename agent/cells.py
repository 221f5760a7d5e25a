"""What a question can be answered with: the weights, the memory, an adapter, both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from ingrained.errors import NotFoundError, SettingsError

Cell = Literal["base", "memory", "adapter", "both"]
CELLS: tuple[Cell, ...] = get_args(Cell)


def check_cell(
    cell: str, adapter: str | None, unused: Callable[[], Sequence[str]] = lambda: ()
) -> Cell:
    """Return the cell's name, checked.

    Args:
        cell: What to answer with.
        adapter: Name of the promoted adapter.
        unused: Tells, oldest first, the adapters that were made and are not in use.

    Raises:
        SettingsError: no such cell.
        NotFoundError: the cell is `adapter` and there is none.
    """
    if cell not in CELLS:
        raise SettingsError(f"there is no cell {cell!r}", hint=f"Choose of {', '.join(CELLS)}.")
    if cell == "adapter" and adapter is None:
        raise NotFoundError(
            "no adapter is promoted, so the cell 'adapter' cannot answer",
            hint=_way_to_an_adapter(unused()),
        )
    return cell


def made_of(cell: str, adapter: str | None) -> str:
    """Say what answers in a cell are made from.

    Args:
        cell: What to answer with.
        adapter: Name of the promoted adapter.
    """
    model = f"adapter {adapter}" if cell in ("adapter", "both") else "the untouched model"
    return f"{model} {'and what is recalled' if cell in ('memory', 'both') else 'alone'}"


def settled_cell(
    cell: str, adapter: str | None, unused: Callable[[], Sequence[str]] = lambda: ()
) -> tuple[Cell, str]:
    """Return the cell to answer in, and a note where `both` has to do without an adapter.

    See `check_cell` for the arguments and what is raised.
    """
    wanted = check_cell(cell, adapter, unused)
    if wanted == "both" and adapter is None:
        return "memory", "No adapter is promoted: answering from memory alone."
    return wanted, ""


def _way_to_an_adapter(unused: Sequence[str]) -> str:
    if unused:
        return f"Take up the newest one: `ingrained adapters promote {unused[-1]}`."
    return "Train one: `ingrained study PATH --consolidate`. Or use the cell 'memory'."
