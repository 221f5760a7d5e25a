"""Answering with what the agent has: one question at a time, with the sources it was shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from ingrained.agent.answering import REPLY_TOKENS, with_memory
from ingrained.agent.asking import Asker
from ingrained.agent.citing import Answer, sources_of
from ingrained.agent.grading import abstained
from ingrained.agent.grounding import ask_in
from ingrained.agent.library import Library
from ingrained.agent.recalling import RECALL_K, Excerpt, Recaller, likely_by
from ingrained.errors import NotFoundError, SettingsError
from ingrained.memory.store import MemoryStore

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


class Conversation:
    """Answers questions in one cell, each by itself; `graphs.chat` remembers what was said.

    Args:
        asker: The model.
        store: The memory; None for an agent that has none.
        library: Where the passages around the memories are; without it they are shown alone.
        adapter: Name of the promoted adapter, loaded already.
        cell: What to answer with.
        k: Most excerpts for a question.
        unused: Tells, oldest first, the adapters that were made and are not in use.

    Attributes:
        cell: What is answered with.
        note: Says when `both` has to do without an adapter.

    Raises:
        SettingsError: no such cell.
        NotFoundError: the cell is `adapter` and there is none.
    """

    def __init__(
        self,
        asker: Asker,
        store: MemoryStore | None,
        *,
        adapter: str | None,
        library: Library | None = None,
        cell: str = "both",
        k: int = RECALL_K,
        unused: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._asker = asker
        likely = likely_by(asker, phase="ask")
        self._recaller = Recaller(store, library, k=k, likely=likely) if store else None
        self._adapter = adapter if asker.has_adapters else None
        self.cell, self.note = settled_cell(cell, self._adapter, unused)

    def answer(self, question: str) -> Answer:
        """Answer with what is recalled for the question."""
        found: Sequence[Excerpt] = ()
        if self._recaller is not None and self.cell in ("memory", "both"):
            (found,) = self._recaller.recall([question])
        notes = [part.text for part in found]
        (reply,) = ask_in(
            self.cell, self._asker, [with_memory(notes, question)], [notes],
            adapter=self._adapter, phase="ask", max_tokens=REPLY_TOKENS,
        )  # fmt: skip
        used = self._asker.adapter_in(self.cell, self._adapter, notes=bool(notes))
        return Answer(
            question=question,
            reply=reply,
            cell=self.cell,
            abstained=abstained(reply),
            adapter=self._adapter if used else None,
            sources=sources_of(found),
        )
