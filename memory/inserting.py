"""Turning memories to be inserted into changes: new ones, merges, or nothing at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from .changing import no_longer_superseding, returned
from .checking import check
from .entries import duplicate_key, near_key
from .grounding import capped, grounded, hashed, supported
from .ledger import Change
from .lookups import Lookups
from .merging import merged
from .records import Memory, memory_id
from .relations import holds_from
from .results import Inserted, Outcome
from .screening import Policy, Screen, findings_of, screened


class InsertPlan:
    """The changes of one insert; duplicates within it meet each other as well.

    Args:
        ledger: Where earlier memories are looked up; not changed here.
        now: POSIX seconds, for memories that say not when they were made.
        screen: Finds secrets and personal data; None looks for none.
        policy: What is done about them.

    Attributes:
        changes: What is to be written.
        returning: Pairs of what took the place of a superseded memory, and that memory as it would
            be if it held again, since it was learnt once more. Without a judge the former stands.
    """

    def __init__(
        self, ledger: Lookups, now: float, *, screen: Screen | None = None, policy: Policy = "keep"
    ) -> None:
        self._ledger = ledger
        self._now = now
        self._screen = screen
        self._policy: Policy = policy
        self._known: dict[str, Memory] = {}
        self._sources: dict[str, Memory] = {}
        self._taken: set[str] = set()
        self._near = True
        self.changes: list[Change] = []
        self.returning: list[tuple[Memory, Memory]] = []

    def add(self, memories: Sequence[Memory]) -> list[Inserted]:
        """Plan the memories and return what will become of each.

        What is derived from others is planned after those.

        Raises:
            InputError: When one cannot be written down; see `checking.check`.
        """
        for memory in memories:
            check(memory)
        shown = [self._screened(memory) for memory in memories]
        allowed = {n: memory for n, memory in enumerate(shown) if memory is not None}
        self._look_up(list(allowed.values()))
        order = sorted(allowed, key=lambda number: bool(allowed[number].derived_from))
        planned = {number: self._learn(allowed[number]) for number in order}
        refused = Inserted(id="", outcome="refused")
        return [planned.get(number, refused) for number in range(len(shown))]

    def adopt(self, memories: Sequence[Memory]) -> list[Inserted]:
        """Plan memories as they are, ids and all; what is known gets what they add to it.

        Only what says exactly the same is known: near duplicates were kept apart where they come
        from.

        Raises:
            InputError: When one cannot be written down; see `checking.check`.
        """
        for memory in memories:
            check(memory)
        self._near = False
        self._look_up(memories)
        return [self._adopt(memory) for memory in memories]

    def rebased(self, before: Memory, after: Memory) -> Memory:
        """Return a merged memory with its lineage checked, if the merge changed that."""
        if not after.derived_from:
            return after
        sources = self._made_of(after)
        if after.derived_from != before.derived_from:
            after = hashed(capped(after, sources), sources)
        return after if before.status == "active" else grounded(after, sources)

    def _learn(self, memory: Memory) -> Inserted:
        memory = self._based(memory)
        known = self._twin(memory)
        if known is None:
            return self._new(memory, "")
        gave_way = known.status == "superseded" or bool(known.superseded_by)
        if gave_way and known.status != "active" and memory.status == "active":
            return self._again(known, memory)
        return self._merge(known, memory)

    def _adopt(self, memory: Memory) -> Inserted:
        known = self._twin(memory)
        return self._new(memory, memory.id) if known is None else self._merge(known, memory)

    def _again(self, known: Memory, memory: Memory) -> Inserted:
        """Plan a superseded memory that is learnt once more: it returns if nothing holds instead.

        News is a document version that it did not rest on, or that it holds from later on than
        when its place was taken. The same insert again is no news. What was forgotten since is
        superseded again, to be seen but not recalled.
        """
        fallback = merged(dataclasses.replace(known, status="superseded"), memory, self._now)
        if not self._is_news(known, memory):
            if fallback == known:
                return Inserted(id=known.id, outcome="unchanged")
            return self._plan(
                memory, Change(kind="merge", before=known, after=fallback), "outdated"
            )
        since = holds_from(self._dated(memory))
        back = dataclasses.replace(returned(fallback, since), count=known.count + 1)
        if memory.derived_from:
            names = ("derived_from", "derived_sha256", "trust")
            lineage = {name: getattr(memory, name) for name in names}
            back = dataclasses.replace(back, **lineage)
        successor = self._successor(known)
        if successor is None:
            self._release(known)
            return self._plan(memory, Change(kind="merge", before=known, after=back), "merged")
        self.returning.append((successor, back))
        if fallback == known:
            return Inserted(id=known.id, outcome="outdated")
        return self._plan(memory, Change(kind="merge", before=known, after=fallback), "outdated")

    def _is_news(self, known: Memory, memory: Memory) -> bool:
        places = {(span.document, span.version) for span in known.spans}
        if any((span.document, span.version) not in places for span in memory.spans):
            return True
        if memory.spans:
            return memory.valid_from is not None and memory.valid_from > (known.valid_to or 0.0)
        return holds_from(self._dated(memory)) >= (known.valid_to or 0.0)

    def _release(self, known: Memory) -> None:
        """Take the place from what is not active and had taken it."""
        winner = self.known(known.superseded_by)
        if winner is not None and known.id in winner.supersedes:
            after = no_longer_superseding(winner, known.id)
            self._plan(winner, Change(kind="supersede", before=winner, after=after), "merged")

    def _successor(self, known: Memory) -> Memory | None:
        """Follow what took a memory's place to what is active now, if anything is."""
        seen = {known.id}
        found = self.known(known.superseded_by)
        while found is not None and found.status != "active" and found.id not in seen:
            seen.add(found.id)
            found = self.known(found.superseded_by)
        return found if found is not None and found.status == "active" else None

    def known(self, id_: str) -> Memory | None:
        """Return a memory as the plan leaves it."""
        planned = {change.after.id: change.after for change in self.changes}
        return planned.get(id_) or self._ledger.load([id_]).get(id_)

    def _screened(self, memory: Memory) -> Memory | None:
        if self._screen is None:
            return memory
        return screened(memory, findings_of(memory, self._screen), self._policy)

    def _based(self, memory: Memory) -> Memory:
        """Trust nothing more than what it was made from, which has to hold itself."""
        if not memory.derived_from:
            return memory
        sources = self._made_of(memory)
        based = memory if memory.derived_sha256 else hashed(memory, sources)
        return supported(capped(based, sources), sources)

    def _made_of(self, memory: Memory) -> dict[str, Memory]:
        missing = [id_ for id_ in memory.derived_from if id_ not in self._sources]
        self._sources |= self._ledger.load(missing)
        return self._sources

    def _look_up(self, memories: Sequence[Memory]) -> None:
        near = self._ledger.near_twins(memories) if self._near else {}
        self._known = {**near, **self._ledger.twins(memories)}
        self._taken = self._ledger.known(
            [memory.id or _id(memory) for memory in memories] + [_id(memory) for memory in memories]
        )
        self._sources = self._ledger.load({id_ for one in memories for id_ in one.derived_from})

    def _twin(self, memory: Memory) -> Memory | None:
        return self._known.get(duplicate_key(memory)) or self._known.get(near_key(memory))

    def _dated(self, memory: Memory) -> Memory:
        return dataclasses.replace(memory, created=memory.created or self._now)

    def _new(self, memory: Memory, wanted: str) -> Inserted:
        after = dataclasses.replace(self._dated(memory), id=self._free_id(memory, wanted))
        return self._plan(memory, Change(kind="insert", before=None, after=after), "added")

    def _merge(self, known: Memory, memory: Memory) -> Inserted:
        after = self.rebased(known, merged(known, memory, self._now))
        if after == known:
            return Inserted(id=known.id, outcome="unchanged")
        return self._plan(memory, Change(kind="merge", before=known, after=after), "merged")

    def _plan(self, memory: Memory, change: Change, outcome: Outcome) -> Inserted:
        after = change.after
        for one in (memory, after):
            self._known[duplicate_key(one)] = after
            if self._near and after.status == "active":
                self._known[near_key(one)] = after
        self._taken.add(after.id)
        self._sources[after.id] = after
        self.changes.append(change)
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
