"""Answering with what the agent has: one question at a time, with the sources it was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ingrained.agent.answering import with_memory
from ingrained.agent.asking import Asker, to_messages
from ingrained.agent.grading import abstained
from ingrained.agent.grounding import ask_in
from ingrained.agent.library import Library
from ingrained.agent.prompts import Messages
from ingrained.agent.recalling import RECALL_K, Excerpt, Recaller, likely_by
from ingrained.errors import NotFoundError, SettingsError
from ingrained.memory.results import Recalled
from ingrained.memory.store import MemoryStore

Cell = Literal["base", "memory", "adapter", "both"]
CELLS: tuple[Cell, ...] = get_args(Cell)
REPLY_TOKENS = 160


@dataclass(frozen=True, kw_only=True)
class Source:
    """A recalled memory as it stood in the prompt."""

    number: int
    """The number, from 1, of the excerpt it stood in; memories of one passage share it."""
    memory: str
    title: str
    document: str
    start: int
    end: int
    quote: str
    score: float
    in_passage: bool = False
    """Whether the model read it in the passage around it, not by itself."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One reply and what it rests on."""

    question: str
    reply: str
    cell: Cell
    abstained: bool
    adapter: str | None = None
    """Version of the adapter that was used."""
    sources: tuple[Source, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    prompt: Messages
    notes: tuple[str, ...]
    sources: tuple[Source, ...]
    adapter: str | None


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


def _way_to_an_adapter(unused: Sequence[str]) -> str:
    if unused:
        return f"Take up the newest one: `ingrained adapters promote {unused[-1]}`."
    return "Train one: `ingrained study PATH --consolidate`. Or use the cell 'memory'."


class Conversation:
    """Answers questions in one cell.

    Args:
        asker: The model.
        store: The memory; None for an agent that has none.
        library: Where the passages around the memories are; without it they are shown alone.
        adapter: Name of the promoted adapter, loaded already.
        cell: What to answer with.
        k: Most excerpts for a question.
        unused: Tells, oldest first, the adapters that were made and are not in use.
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
        self._unused = unused
        self.cell: Cell
        self.note: str
        self.use(cell)

    def use(self, cell: str) -> None:
        """Answer in another cell; `note` says when `both` has to do without an adapter.

        Raises:
            SettingsError: no such cell.
            NotFoundError: the cell is `adapter` and there is none.
        """
        wanted = check_cell(cell, self._adapter, self._unused)
        alone = wanted == "both" and self._adapter is None
        self.cell = "memory" if alone else wanted
        self.note = "No adapter is promoted: answering from memory alone." if alone else ""

    def answer(self, question: str) -> Answer:
        """Answer in one piece."""
        prepared = self._prepare(question)
        return self._answer(question, self._whole(prepared), prepared)

    def stream(self, question: str) -> Iterator[str | Answer]:
        """Yield the reply piece by piece, then the answer as a whole.

        Beside notes an adapter's reply is short and may have to be asked for again: one piece.
        """
        prepared = self._prepare(question)
        if prepared.adapter and prepared.notes:
            reply = self._whole(prepared)
            yield reply
            yield self._answer(question, reply, prepared)
            return
        options: dict[str, Any] = {"max_tokens": REPLY_TOKENS, "temperature": 0.0}
        if self._asker.has_adapters:
            options["adapter"] = prepared.adapter
        pieces = []
        for chunk in self._asker.model.bind(**options).stream(to_messages(prepared.prompt)):
            pieces.append(str(chunk.content))
            yield pieces[-1]
        yield self._answer(question, "".join(pieces).strip(), prepared)

    def _whole(self, prepared: _Prepared) -> str:
        (reply,) = ask_in(
            self.cell, self._asker, [prepared.prompt], [prepared.notes],
            adapter=self._adapter, phase="ask", max_tokens=REPLY_TOKENS,
        )  # fmt: skip
        return reply

    def _prepare(self, question: str) -> _Prepared:
        found: Sequence[Excerpt] = ()
        if self._recaller is not None and self.cell in ("memory", "both"):
            (found,) = self._recaller.recall([question])
        sources = tuple(
            _source(number, one, part.document)
            for number, part in enumerate(found, 1)
            for one in part.memories
        )
        notes = [part.text for part in found]
        return _Prepared(
            prompt=with_memory(notes, question),
            notes=tuple(notes),
            sources=sources,
            adapter=self._asker.adapter_in(self.cell, self._adapter, notes=bool(notes)),
        )

    def _answer(self, question: str, reply: str, prepared: _Prepared) -> Answer:
        return Answer(
            question=question,
            reply=reply,
            cell=self.cell,
            abstained=abstained(reply),
            adapter=self._adapter if prepared.adapter else None,
            sources=prepared.sources,
        )


def _source(number: int, found: Recalled, document: str) -> Source:
    """Cite the place that was shown; a memory by itself, the place it was first taken from."""
    memory = found.memory
    there = (span for span in memory.spans if span.document == document)
    span = next(there, next(iter(memory.spans), None))
    return Source(
        number=number,
        memory=memory.id,
        title=memory.title,
        document=span.document if span else "",
        start=span.start if span else 0,
        end=span.end if span else 0,
        quote=span.quote if span else memory.text,
        score=found.score,
        in_passage=bool(document),
    )
