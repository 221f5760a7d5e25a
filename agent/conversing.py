"""Talking with the agent: what can be done in a conversation beside asking."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ingrained.agent.cells import made_of, settled_cell
from ingrained.agent.citing import Answer, Source, labelled, within
from ingrained.agent.grading import agrees
from ingrained.agent.outcomes import GateDecision
from ingrained.agent.recalling import shown
from ingrained.errors import InputError, StoreError
from ingrained.graphs.chat.access import Access
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.episodes import day, statement
from ingrained.graphs.chat.nodes import WHO
from ingrained.graphs.chat.state import Turn
from ingrained.graphs.chat.threads import Threads
from ingrained.graphs.keeping import Notebook, Noted
from ingrained.memory.entries import near_key
from ingrained.memory.lexical import stems, terms
from ingrained.memory.records import Memory
from ingrained.memory.results import Event
from ingrained.memory.store import MemoryStore

ASKED = "the user asked to"
CORRECTED = "corrected"
"""Tag of what the user put in the place of a memory."""

Listener = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Posed:
    """A question that the user is asked."""

    question: str
    answer: str
    memory: Memory
    """What the answer rests on."""

    def passed_by(self, reply: str) -> bool:
        """Return whether a reply says the same as the answer, by the quiz's own test."""
        return agrees(reply, self.answer)


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """One source of an answer, as it is in the memory now."""

    label: str
    source: Source
    memory: Memory
    retention: float
    history: tuple[Event, ...]


class Dialogue:
    """One conversation and the commands in it.

    Args:
        threads: The conversations of the home.
        context: Whose conversation, which one, and what it is answered with.
        wanted: The cell that was asked for; the context's own is what that comes to.
        adapter: Loads the adapter that is in use now and returns its name, asked before each answer;
            the context's own stays when None.
        unused: Tells, oldest first, the adapters that were made and are not in use.
        sleep: Consolidates, and returns what the gate said; None where that cannot be.
        chance: Chooses what the user is asked.

    Attributes:
        last: The last answer, to which numbers of sources refer.
        posed: What the user was asked and has not answered yet.
    """

    def __init__(
        self,
        threads: Threads,
        context: ChatContext,
        *,
        wanted: str | None = None,
        adapter: Callable[[], str | None] | None = None,
        unused: Callable[[], Sequence[str]] = lambda: (),
        sleep: Callable[[], GateDecision] | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._threads = threads
        self._context = context
        self._wanted = wanted or context.cell
        self._adapter = adapter or (lambda: context.adapter)
        self._unused = unused
        self._sleep = sleep
        self._chance = chance or random.Random()
        self._changes: list[list[int]] = []
        self.last: Answer | None = None
        self.posed: Posed | None = None

    @property
    def cell(self) -> str:
        """What is answered with."""
        return self._context.cell

    @property
    def made_of(self) -> str:
        """What answers are made from now."""
        return made_of(self.cell, self._context.adapter)

    @property
    def thread(self) -> str:
        """The name of the conversation."""
        return self._context.thread

    def use(self, cell: str | None = None) -> str:
        """Answer in a cell from now on; return what there is to note about it.

        Args:
            cell: Its name; None for the one that was asked for, with the adapter that is in use now.

        Raises:
            SettingsError: no such cell.
            NotFoundError: the cell is `adapter` and there is none.
        """
        wanted, adapter = cell or self._wanted, self._adapter()
        settled, note = settled_cell(wanted, adapter, self._unused)
        self._context = dataclasses.replace(self._context, cell=settled, adapter=adapter)
        self._wanted = wanted
        return note

    def sleep(self) -> GateDecision:
        """Consolidate now; the next answer is given with what is in use then.

        Raises:
            InputError: this conversation has nothing to consolidate with.
            IngrainedError: see `commands.sleeping.Sleep`.
        """
        if self._sleep is None:
            raise InputError(
                "this conversation cannot consolidate",
                hint="`ingrained study PATH --consolidate` does.",
            )
        return self._sleep()

    def turns(self) -> list[Turn]:
        """Return what was said, oldest first."""
        return self._threads.turns(self._context)

    def ask(self, question: str, listener: Listener) -> Answer:
        """Answer in view of what was said before; the listener is told of each piece.

        Raises:
            NotFoundError: the cell is `adapter`, and none is promoted any more.
            KeyboardInterrupt: the answer was cut short, and nothing of the turn is kept.
        """
        self.use()
        told: list[Answer] = []

        def hear(event: dict[str, Any]) -> None:
            if event["event"] == "answered":
                told.append(Answer.from_dict(event["answer"]))
            listener(event)

        before = len(self.turns())
        try:
            self._threads.ask(question, dataclasses.replace(self._context, listener=hear))
        except KeyboardInterrupt:
            # What came after the turn was kept is made good in the next one.
            if len(self.turns()) == before:
                raise
        self.last = told[-1]
        return self.last

    def remember(self, text: str) -> Noted:
        """Keep something that the user says; what became of it may be that it is not kept.

        Raises:
            InputError: there is nothing to keep.
            StoreError: the memory cannot be written to now.
        """
        with self._memory().writing() as store:
            noted = _notebook(store, ASKED).keep(statement(text, self._context))
            return self._done(noted)

    def correct(self, label: str, text: str) -> tuple[Memory, Noted]:
        """Let what the user says take the place of a source of the last answer.

        Args:
            label: Its number; `1.2` is the second memory of number 1, see `citing.labelled`.
            text: What holds instead.

        Returns:
            The memory that holds no longer and what became of the text; where the screen refused
            that, nothing was changed.

        Raises:
            InputError: no such source, the text says the same or speaks of something else, or gave way
                to another memory before; nothing is changed.
            StoreError: the memory cannot be written to now.
        """
        _, source = self.named(label)
        with self._memory().writing() as store:
            old = store.get(source.memory)
            _check_news(old, text)
            said = self._correction(old, text)
            noted = _notebook(store, f"the user corrected {old.id}").replace(old, said)
            if noted.outcome == "held" and noted.memory is not None:
                _notebook(store, "it could not correct anything").take_back(list(noted.events))
                raise InputError(
                    f"memory {noted.memory.id} took the place of that: “{shown('', noted.memory.text)}”",
                    hint="If that is wrong now, ask for it and correct it where it is a source.",
                )
            return store.get(old.id), self._done(noted)

    def _correction(self, old: Memory, text: str) -> Memory:
        """Return what the user says instead; of what everybody reads it names who corrected it."""
        said = statement(text, self._context)
        if old.namespace == said.namespace:
            return said
        by = f"corrected by {self._context.user} on {day(said.created)}"
        title = f"{old.title}, {by}" if old.title else by
        return dataclasses.replace(said, namespace=old.namespace, tags=(CORRECTED,), title=title)

    def forget(self, label: str) -> Memory:
        """Forget a source of the last answer; takes a label as `correct` does.

        Raises:
            InputError: no such source, or it is forgotten already.
            StoreError: the memory cannot be written to now.
        """
        _, source = self.named(label)
        with self._memory().writing() as store:
            before = store.get(source.memory)
            if before.status == "forgotten":
                raise InputError(f"memory {before.id} is forgotten already")
            self._done(_notebook(store, ASKED).forget(before))
            return before

    def undo(self) -> list[Memory]:
        """Take back the last change that was made from here; return what it concerned.

        Raises:
            InputError: nothing was changed.
            StoreError: it was changed again since, or the memory cannot be written to now.
        """
        if not self._changes:
            raise InputError(
                "there is nothing to take back of what was done since the chat was opened",
                hint="Older changes: `ingrained memory history ID`, then `ingrained memory undo`.",
            )
        with self._memory().writing() as store:
            undone = _notebook(store, "the user took it back").take_back(self._changes[-1])
            self._changes.pop()
            return undone

    def why(self) -> list[Grounds]:
        """Return what the last answer rests on, as the memory has it now."""
        store = self._context.memory.reading() if self._context.memory else None
        if store is None or self.last is None:
            return []
        named = labelled(self.last.sources).items()
        found = [(label, source, store.get(source.memory)) for label, source in named]
        return [
            Grounds(
                label=label,
                source=source, memory=memory, retention=store.retention(memory),
                history=tuple(store.history(memory.id)),
            )
            for label, source, memory in found
        ]  # fmt: skip

    def pose(self) -> Posed | None:
        """Choose a question that a studied memory was tried on; None if there is none.

        Sealed questions are in no memory, and so are never asked here.
        """
        store = self._context.memory.reading() if self._context.memory else None
        known = store.list(namespace=self._context.namespace) if store else []
        asked = [
            Posed(question=one.question, answer=one.answer, memory=memory)
            for memory in known
            for one in memory.evidence
        ]
        self.posed = self._chance.choice(asked) if asked else None
        return self.posed

    def named(self, label: str) -> tuple[str, Source]:
        """Return a source of the last answer and its label, which may be given in brackets; see `citing.labelled`.

        Raises:
            InputError: there is none.
        """
        known = labelled(self.last.sources if self.last else ())
        label = label.strip("[]")
        if label not in known:
            raise InputError(
                f"the last answer has no source {label!r}", hint="/sources shows what there is."
            )
        return label, known[label]

    def folded(self, label: str) -> dict[str, Memory]:
        """Return what still holds and stands, unseen, within a source of the last answer, by label.

        Raises:
            InputError: there is no such source.
        """
        _, shown = self.named(label)
        store = self._context.memory.reading() if self._context.memory else None
        if store is None or self.last is None:
            return {}
        inside = {
            name: store.get(one.memory)
            for name, one in labelled(self.last.sources).items()
            if one.memory != shown.memory and within(one, shown)
        }
        return {name: memory for name, memory in inside.items() if memory.status == "active"}

    def _done(self, noted: Noted) -> Noted:
        """Note what can be taken back."""
        if noted.events:
            self._changes.append(list(noted.events))
        return noted

    def _memory(self) -> Access:
        if self._context.memory is None:
            raise StoreError("this conversation has no memory", hint="Open it with one.")
        return self._context.memory


def _notebook(store: MemoryStore, why: str) -> Notebook:
    return Notebook(store=store, who=WHO, why=why)


def _check_news(old: Memory, text: str) -> None:
    """Refuse what would be merged with what it is to correct, or speaks of something else."""
    if near_key(old) == near_key(dataclasses.replace(old, text=text)):
        raise InputError(
            f"memory {old.id} says this already", hint="/correct N TEXT takes what holds instead."
        )
    if stems(terms(text)).isdisjoint(stems(terms(f"{old.title} {old.text}"))):
        raise InputError(
            f"that has no word in common with what it is to correct: “{shown('', old.text)}”",
            hint="Check the number with /sources, and say the whole: /correct 1 The mill was built in 1703.",
        )
