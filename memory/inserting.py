"""Turning memories to be inserted into changes: new ones, merges, or nothing at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ingrained.errors import InputError

from .entries import duplicate_key, near_key
from .ledger import Change
from .lexical import normalise
from .lookups import Lookups
from .merging import merged
from .records import Memory, memory_id
from .results import Inserted, Outcome
from .screening import Policy, Screen, findings_of, screened


class InsertPlan:
    """The changes of one insert; duplicates within it meet each other as well.

    Args:
        ledger: Where earlier memories are looked up; not changed here.
        now: POSIX seconds, for memories that say not when they were made.
        screen: Finds secrets and personal data; None looks for none.
        policy: What is done about them.
    """

    def __init__(
        self, ledger: Lookups, now: float, *, screen: Screen | None = None, policy: Policy = "keep"
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._screen = screen
        self._policy: Policy = policy
        self._known: dict[str, Memory] = {}
        self._taken: set[str] = set()
        self._near = True
        self.changes: list[Change] = []

    def add(self, memories: Sequence[Memory]) -> list[Inserted]:
        """Plan the memories and return what will become of each.

        Raises:
            InputError: When one has no text.
        """
        if not all(normalise(memory.text) for memory in memories):
            raise InputError("A memory needs a text.", hint="Leave out the empty one.")
        shown = [self._screened(memory) for memory in memories]
        allowed = [self._trusted(memory) for memory in shown if memory is not None]
        self._look_up(allowed)
        planned = iter([self._add(memory) for memory in allowed])
        return [
            Inserted(id="", outcome="refused") if one is None else next(planned) for one in shown
        ]

    def adopt(self, memories: Sequence[Memory]) -> list[Inserted]:
        """Plan memories as they are, ids and all; what is known gets what they add to it.

        Only what says exactly the same is known: near duplicates were kept apart where they come
        from.
        """
        self._near = False
        self._look_up(memories)
        return [self._add(memory, keep_id=True) for memory in memories]

    def _screened(self, memory: Memory) -> Memory | None:
        if self._screen is None:
            return memory
        return screened(memory, findings_of(memory, self._screen), self._policy)

    def _trusted(self, memory: Memory) -> Memory:
        """Trust nothing more than what it was made from."""
        if not memory.derived_from:
            return memory
        sources = self._ledger.load(memory.derived_from).values()
        least = min((source.trust for source in sources), default=memory.trust)
        return dataclasses.replace(memory, trust=min(memory.trust, least))

    def _look_up(self, memories: Sequence[Memory]) -> None:
        near = self._ledger.near_twins(memories) if self._near else {}
        self._known = {**near, **self._ledger.twins(memories)}
        self._taken = self._ledger.known(
            [memory.id or _id(memory) for memory in memories] + [_id(memory) for memory in memories]
        )

    def _add(self, memory: Memory, *, keep_id: bool = False) -> Inserted:
        known = self._known.get(duplicate_key(memory)) or self._known.get(near_key(memory))
        if known is None:
            created = memory.created or self._now
            id_ = self._free_id(memory, memory.id if keep_id else "")
            after = dataclasses.replace(memory, id=id_, created=created)
            return self._plan(memory, Change(kind="insert", before=None, after=after))
        after = merged(known, memory, self._now)
        if after == known:
            return Inserted(id=known.id, outcome="unchanged")
        return self._plan(memory, Change(kind="merge", before=known, after=after))

    def _plan(self, memory: Memory, change: Change) -> Inserted:
        after = change.after
        for one in (memory, after):
            self._known[duplicate_key(one)] = after
            if self._near:
                self._known[near_key(one)] = after
        self._taken.add(after.id)
        self.changes.append(change)
        outcome: Outcome = "added" if change.kind == "insert" else "merged"
        return Inserted(id=after.id, outcome=outcome)

    def _free_id(self, memory: Memory, wanted: str) -> str:
        """Return the content's id, or one derived from it if an update left the id behind."""
        if wanted and wanted not in self._taken:
            return wanted
        text = memory.text
        while (id_ := memory_id(memory.namespace, memory.kind, text)) in self._taken:
            text += "\x1f"
            self._taken |= self._ledger.known([memory_id(memory.namespace, memory.kind, text)])
        return id_


def _id(memory: Memory) -> str:
    return memory_id(memory.namespace, memory.kind, memory.text)
