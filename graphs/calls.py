"""What one caller's agent may do with a memory, whatever protocol its calls come by.

The model writes texts and ids; the caller is fixed before it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ingrained.errors import NotFoundError
from ingrained.graphs.approving import Proposal, refusal
from ingrained.graphs.identity import Namespace
from ingrained.graphs.keeping import Notebook, Noted
from ingrained.graphs.listing import listed, quoted, recalled
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore

LONGEST = 2000
"""Characters that can be told at once: one fact, and no document, which each recall would show."""
RECALL_K = 5
"""Most memories that one recall shows, unless the host says otherwise."""
NOTHING = "Memory has nothing on this."
TOLD_TRUST = 0.5
"""Of what was told, not read: where the two contradict each other a document has the better of it."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One call to a memory; what it says was done was done."""

    store: MemoryStore
    own: Namespace
    """Read and changed."""
    shared: Sequence[Namespace] = ()
    """Read beside it, and never changed."""
    who: str
    why: str
    """Names the call, so that it is known when it is made again; see `Notebook`."""
    approve: bool = False
    """Ask a person before a memory is replaced or forgotten; see `approving.refusal`."""

    def recall(self, query: str, k: int) -> str:
        """Return at most `k` memories as numbered quotations, best first."""
        found = recalled(self.store, query, [self.own, *self.shared], k)
        return listed(found) or NOTHING

    def remember(self, text: str, replaces: str = "") -> str:
        """Keep a text, in the place of the memory of the id `replaces` if one is named.

        Raises:
            NotFoundError: The caller has no memory of this id.
        """
        told = Memory(id="", text=text, namespace=self.own, trust=TOLD_TRUST)
        if not replaces:
            return _kept(self._notebook.keep(told))
        old = self._own_memory(replaces)
        done = old.status != "active"
        if done and not self._notebook.changed(old):
            return f"Memory {old.id} is {old.status} and holds no longer. Leave out `replaces`."
        refused = self._refusal("replace", old, text)
        if refused and not done:
            return refused
        return _replaced(old, self._notebook.replace(old, told))

    def forget(self, memory_id: str) -> str:
        """Take a memory out of recall.

        Raises:
            NotFoundError: The caller has no memory of this id.
        """
        memory = self._own_memory(memory_id)
        done = memory.status == "forgotten"
        if done and not self._notebook.changed(memory):
            return f"Memory {memory.id} was forgotten before. Nothing was changed."
        refused = self._refusal("forget", memory)
        if refused and not done:
            return refused
        self._notebook.forget(memory)
        return f"Forgot {_named(memory)}. It is recalled no more, and can be restored."

    @property
    def _notebook(self) -> Notebook:
        return Notebook(store=self.store, who=self.who, why=self.why)

    def _own_memory(self, id_: str) -> Memory:
        """Return a memory of the caller's own; of another's not even that it exists is told."""
        memory = self._found(id_)
        if memory is not None and memory.namespace == self.own:
            return memory
        if memory is not None and memory.namespace in self.shared:
            raise NotFoundError(f"Memory {id_} is shared.", hint="It cannot be changed here.")
        raise NotFoundError(
            f"There is no memory {id_!r}.",
            hint="Call recall; it shows the whole id of each memory.",
        )

    def _found(self, id_: str) -> Memory | None:
        """Return the memory of just this id: the store takes the beginning of one as well."""
        try:
            memory = self.store.get(id_)
        except NotFoundError:
            return None
        return memory if memory.id == id_ else None

    def _refusal(
        self, action: Literal["replace", "forget"], memory: Memory, new: str | None = None
    ) -> str:
        if not self.approve:
            return ""
        return refusal(Proposal(action=action, memory=memory.id, old=memory.text, new=new))


def _kept(noted: Noted) -> str:
    """Say what became of a text that was to be kept."""
    memory = noted.memory
    if memory is None:
        return "Not remembered: it holds a secret or personal data, which is not kept here."
    if noted.outcome == "held":
        return (
            f"Not remembered: memory {memory.id} took its place and says {quoted(memory.text)}. "
            f"If that is wrong now, call remember with replaces={memory.id}."
        )
    if noted.outcome == "known":
        return f"Nothing was changed: memory {memory.id} says this already."
    return f"Remembered as {_named(memory)}.{_screened(memory)}"


def _replaced(old: Memory, noted: Noted) -> str:
    """Say what became of a text that was to take a memory's place."""
    if noted.memory is None or noted.outcome == "held":
        return _kept(noted)
    if noted.outcome == "known":
        return f"Nothing was replaced: memory {old.id} says this already."
    return (
        f"Remembered as {_named(noted.memory)}, in place of {_named(old)}, which is recalled no more."
        f"{_screened(noted.memory)}"
    )


def _named(memory: Memory) -> str:
    return f"memory {memory.id}: {quoted(memory.text)}"


def _screened(memory: Memory) -> str:
    """Say what the screen found, if anything: it may have been taken out of the text."""
    return f" The screen found: {', '.join(memory.flags)}." if memory.flags else ""
