"""Turning memories to be inserted into changes: new ones, merges, or nothing at all."""

from __future__ import annotations

import dataclasses

from ingrained.errors import InputError

from .entries import duplicate_key
from .ledger import Change, Ledger
from .lexical import normalise
from .merging import merged
from .records import Memory, memory_id
from .results import Inserted, Outcome


class InsertPlan:
    """The changes of one insert; duplicates within it meet each other as well.

    Args:
        ledger: Where earlier memories are looked up; not changed here.
        now: POSIX seconds, for memories that say not when they were made.
    """

    def __init__(self, ledger: Ledger, now: float) -> None:
        self._ledger = ledger
        self._now = now
        self._pending: dict[str, Memory] = {}
        self.changes: list[Change] = []

    def add(self, memory: Memory) -> Inserted:
        """Plan one memory and return what will become of it.

        Raises:
            InputError: When it has no text.
        """
        if not normalise(memory.text):
            raise InputError("A memory needs a text.", hint="Leave out the empty one.")
        key = duplicate_key(memory)
        known = self._pending.get(key) or self._ledger.twin(memory)
        if known is None:
            created = memory.created or self._now
            after = dataclasses.replace(memory, id=self._free_id(memory), created=created)
            return self._plan(key, Change(kind="insert", before=None, after=after))
        after = merged(known, memory, self._now)
        if after == known:
            return Inserted(id=known.id, outcome="unchanged")
        return self._plan(key, Change(kind="merge", before=known, after=after))

    def _plan(self, key: str, change: Change) -> Inserted:
        self._pending[key] = change.after
        self.changes.append(change)
        outcome: Outcome = "added" if change.kind == "insert" else "merged"
        return Inserted(id=change.after.id, outcome=outcome)

    def _free_id(self, memory: Memory) -> str:
        """Return the content's id, or one derived from it if an update left the id behind."""
        taken = {pending.id for pending in self._pending.values()}
        text = memory.text
        while True:
            id_ = memory_id(memory.namespace, memory.kind, text)
            if id_ not in taken and not self._ledger.load([id_]):
                return id_
            text += "\x1f"
