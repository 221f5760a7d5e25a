"""What is told and kept, replaced or let go of by hand: in a chat, by a tool, over a protocol.

Each call may come twice: a node that was interrupted runs again from its start. Doing it again
changes nothing more, and comes to the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore

Outcome = Literal["kept", "known", "replaced", "forgotten", "held", "refused"]


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What became of it."""

    outcome: Outcome
    """`known`: it was there before; `held`: something took its place before, and holds; `refused`: the
    store's screen does not let it be kept."""
    memory: Memory | None = None
    """What holds now, or was forgotten; None for what was refused."""
    events: tuple[int, ...] = ()
    """What was done, oldest first, to be taken back from the end."""


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """A memory as one call changes it."""

    store: MemoryStore
    who: str
    why: str
    """Names the call: by it a second run knows what the first one did."""

    def changed(self, memory: Memory) -> bool:
        """Return whether what happened last to a memory was done by this call."""
        return self.store.history(memory.id)[-1].why == self.why

    def keep(self, told: Memory) -> Noted:
        """Remember what was told."""
        kept, events = self._insert(told)
        if kept is None:
            return Noted(outcome="refused")
        if kept.status != "active":
            return Noted(outcome="held", memory=self._holder(kept), events=events)
        return Noted(outcome="kept" if self.changed(kept) else "known", memory=kept, events=events)

    def replace(self, old: Memory, told: Memory) -> Noted:
        """Let what was told take the place of a memory of the same namespace."""
        new, events = self._insert(told)
        if new is not None and new.status != "active" and self._holder(new).id == old.id:
            # It held before, and gave way to the very memory that it is to replace now.
            gone = self.forget(old)
            new, again = self._insert(told)
            events = (*events, *gone.events, *again)
        if new is None:
            return Noted(outcome="refused")
        if new.status != "active":
            return Noted(outcome="held", memory=self._holder(new), events=events)
        if new.id == old.id:
            return Noted(outcome="known", memory=new, events=events)
        self.store.supersede(old.id, new.id, who=self.who, why=self.why)
        done = (*events, self._last_event(old))
        return Noted(outcome="replaced", memory=self.store.get(new.id), events=done)

    def forget(self, memory: Memory) -> Noted:
        """Take a memory out of recall."""
        self.store.forget([memory.id], who=self.who, why=self.why)
        return Noted(outcome="forgotten", memory=memory, events=(self._last_event(memory),))

    def take_back(self, events: list[int]) -> list[Memory]:
        """Undo events from the last to the first; return what they concerned, as it is now.

        Each leaves the list once it is undone, so that what failed can be tried again.

        Raises:
            StoreError: What one of them changed was changed again since.
        """
        concerned: dict[str, Memory] = {}
        while events:
            undone = self.store.undo(events[-1], whole=True, who=self.who, why=self.why)
            events.pop()
            concerned |= {memory.id: memory for memory in undone}
        return list(concerned.values())

    def _insert(self, told: Memory) -> tuple[Memory | None, tuple[int, ...]]:
        """Return what was made of it, and the event if it changed anything."""
        (done,) = self.store.insert([told], who=self.who, why=self.why)
        if done.outcome == "refused":
            return None, ()
        memory = self.store.get(done.id)
        return memory, () if done.outcome == "unchanged" else (self._last_event(memory),)

    def _last_event(self, memory: Memory) -> int:
        return self.store.history(memory.id)[-1].id

    def _holder(self, memory: Memory) -> Memory:
        """Follow what took a memory's place to what holds."""
        seen = {memory.id}
        while memory.status == "superseded" and memory.superseded_by not in {*seen, ""}:
            seen.add(memory.superseded_by)
            memory = self.store.get(memory.superseded_by)
        return memory
