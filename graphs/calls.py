"""What one caller's agent may do with a memory, whatever protocol its calls come by.

The model writes texts and ids; the caller is fixed before it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.errors import NotFoundError
from ingrained.graphs.approving import Proposal, refusal
from ingrained.graphs.identity import Namespace
from ingrained.graphs.keeping import Notebook, Noted
from ingrained.graphs.listing import listed, quoted, recalled
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.unattended import Kept

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
    """Ask a person before a memory is replaced, forgotten or purged; see `approving.refusal`."""
    attended: bool = True
    """Whether whoever runs the call can put such a question to somebody."""

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
            return _kept(self.notebook.keep(told))
        old = self.own_memory(replaces)
        done = old.status != "active"
        if done and not self.notebook.changed(old):
            return f"Memory {old.id} is {old.status} and holds no longer. Leave out `replaces`."
        change = Proposal(action="replace", memory=old.id, old=old.text, new=text)
        refused = self.refusal("replace", change)
        if refused and not done:
            return refused
        return _replaced(old, self.notebook.replace(old, told))

    def forget(self, memory_id: str) -> str:
        """Take a memory out of recall.

        Raises:
            NotFoundError: The caller has no memory of this id.
        """
        memory = self.own_memory(memory_id)
        done = memory.status == "forgotten"
        if done and not self.notebook.changed(memory):
            return f"Memory {memory.id} was forgotten before. Nothing was changed."
        change = Proposal(action="forget", memory=memory.id, old=memory.text)
        refused = self.refusal("replace", change)
        if refused and not done:
            return refused
        self.notebook.forget(memory)
        return f"Forgot {named(memory)}. It is recalled no more, and can be restored."

    @property
    def notebook(self) -> Notebook:
        """The memory, as this call changes it."""
        return Notebook(store=self.store, who=self.who, why=self.why)

    def own_memory(self, id_: str) -> Memory:
        """Return a memory of the caller's own; of another's not even that it exists is told.

        Raises:
            NotFoundError: There is none of the caller's.
        """
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

    def refusal(self, kind: Kept, proposal: Proposal) -> str:
        """Return why a change is not to be made; nothing if it may be, a person being asked or not."""
        policy = self.store.unattended(kind)
        if policy == "refuse":
            return f"To {proposal.action} is switched off here. Nothing was changed."
        if policy == "pass" and not self.approve:
            return ""
        if not self.attended:
            return (
                "A person has to approve this, and nobody can be asked here. Nothing was changed."
            )
        return refusal(proposal)


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
    return f"Remembered as {named(memory)}.{_screened(memory)}"


def _replaced(old: Memory, noted: Noted) -> str:
    """Say what became of a text that was to take a memory's place."""
    if noted.memory is None or noted.outcome == "held":
        return _kept(noted)
    if noted.outcome == "known":
        return f"Nothing was replaced: memory {old.id} says this already."
    return (
        f"Remembered as {named(noted.memory)}, in place of {named(old)}, which is recalled no more."
        f"{_screened(noted.memory)}"
    )


def named(memory: Memory) -> str:
    """Return a memory as the model is told of it."""
    return f"memory {memory.id}: {quoted(memory.text)}"


def _screened(memory: Memory) -> str:
    """Say what the screen found, if anything: it may have been taken out of the text."""
    return f" The screen found: {', '.join(memory.flags)}." if memory.flags else ""
