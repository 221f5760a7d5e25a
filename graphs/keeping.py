"""What is told and kept, replaced or let go of by hand, and the words that say what was done.

Each call may come twice: a node that was interrupted runs again from its start. Doing it again
changes nothing more, and says the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingrained.graphs.identity import Namespace
from ingrained.graphs.listing import quoted
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore

TOLD_TRUST = 0.5
"""Of what was told, not read: where the two contradict each other a document has the better of it."""


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """One caller's own memories, as one call changes them."""

    store: MemoryStore
    namespace: Namespace
    who: str
    why: str
    """Names the call: by it a second run knows what the first one did."""

    def changed(self, memory: Memory) -> bool:
        """Return whether what happened last to a memory was done by this call."""
        return self.store.history(memory.id)[-1].why == self.why

    def keep(self, text: str) -> str:
        """Remember a text, and say what became of it."""
        kept = self._insert(text)
        if kept is None:
            return "Not remembered: it holds a secret or personal data, which is not kept here."
        if kept.status != "active":
            holder = self._holder(kept)
            return (
                f"Not remembered: memory {holder.id} took its place and says {quoted(holder.text)}. "
                f"If that is wrong now, call remember with replaces={holder.id}."
            )
        if not self.changed(kept):
            return f"Nothing was changed: memory {kept.id} says this already."
        return f"Remembered as {_named(kept)}.{_screened(kept)}"

    def replace(self, old: Memory, text: str) -> str:
        """Let a text take the place of a memory, and say so."""
        new = self._insert(text)
        if new is not None and new.status != "active" and self._holder(new).id == old.id:
            # It held before, and gave way to the very memory that it is to replace now.
            self.forget(old)
            new = self._insert(text)
        if new is None or new.status != "active":
            return self.keep(text)
        if new.id == old.id:
            return f"Nothing was replaced: memory {old.id} says this already."
        self.store.supersede(old.id, new.id, who=self.who, why=self.why)
        return (
            f"Remembered as {_named(new)}, in place of {_named(old)}, which is recalled no more."
            f"{_screened(new)}"
        )

    def forget(self, memory: Memory) -> str:
        """Take a memory out of recall, and say so."""
        self.store.forget([memory.id], who=self.who, why=self.why)
        return f"Forgot {_named(memory)}. It is recalled no more, and can be restored."

    def _insert(self, text: str) -> Memory | None:
        """Return what was made of a text; None if the store's screen refuses it."""
        told = Memory(id="", text=text, namespace=self.namespace, trust=TOLD_TRUST)
        (kept,) = self.store.insert([told], who=self.who, why=self.why)
        return None if kept.outcome == "refused" else self.store.get(kept.id)

    def _holder(self, memory: Memory) -> Memory:
        """Follow what took a memory's place to what holds."""
        seen = {memory.id}
        while memory.status == "superseded" and memory.superseded_by not in {*seen, ""}:
            seen.add(memory.superseded_by)
            memory = self.store.get(memory.superseded_by)
        return memory


def _named(memory: Memory) -> str:
    return f"memory {memory.id}: {quoted(memory.text)}"


def _screened(memory: Memory) -> str:
    """Say what the screen found, if anything: it may have been taken out of the text."""
    return f" The screen found: {', '.join(memory.flags)}." if memory.flags else ""
