"""What becomes of new memories beside those they resemble: a judge says how they relate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .changing import no_longer_superseding
from .inserting import InsertPlan
from .ledger import Change
from .merging import merged
from .records import Memory
from .relations import Judge, Relation, candidates, holds_from, settle
from .results import Inserted, Recalled

MOST_JUDGED = 3
"""Most known memories that each new one is compared with."""

Neighbours = Callable[[Sequence[Memory]], Mapping[str, Sequence[Recalled]]]
"""Finds what is near to each of some new memories, known or new before it, by id."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """An insert after the judge has spoken."""

    changes: list[Change]
    results: list[Inserted]


def decide(
    plan: InsertPlan,
    results: Sequence[Inserted],
    judge: Judge,
    neighbours: Neighbours,
    *,
    now: float,
) -> Decided:
    """Merge what says the same, and let one of two that contradict each other stand.

    What is judged the same is merged before anything is superseded, whatever the order of the
    pairs, so that a judgement about a merged memory counts for the one it was merged into. Last
    comes what had been superseded and was learnt again, beside what took its place.

    Args:
        plan: Of the insert.
        results: What it says of each memory given, in order.
        judge: Asked once, for all pairs.
        neighbours: Finds what is near.
        now: POSIX seconds.
    """
    new = [change.after for change in plan.changes if change.kind == "insert"]
    near = neighbours([memory for memory in new if memory.status == "active"])
    pairs = [
        (known, memory)
        for memory in new
        for known in candidates(memory, near.get(memory.id, ()))[:MOST_JUDGED]
    ]
    asked = [*pairs, *plan.returning]
    relations = judge.judge(asked) if asked else []
    court = _Court(plan, now)
    heard = list(zip(pairs, relations, strict=False))
    for (known, memory), relation in heard:
        if relation == "same":
            court.unite(known, memory)
    for (known, memory), relation in heard:
        court.settle(known, memory, relation)
    for (successor, back), relation in zip(plan.returning, relations[len(pairs) :], strict=True):
        court.readmit(successor, back, relation)
    return Decided(changes=court.changes(), results=[court.result(one) for one in results])


class _Court:
    """The memories of one insert and those they are compared with, as they come to be."""

    def __init__(self, plan: InsertPlan, now: float) -> None:
        self._plan = plan
        self._now = now
        self._planned = list(plan.changes)
        self._state = {change.after.id: change.after for change in plan.changes}
        self._known: dict[str, Memory] = {}
        self._merged: dict[str, str] = {}
        self._superseded: dict[str, list[str]] = {}
        self._back: set[str] = set()

    def unite(self, known: Memory, memory: Memory) -> None:
        """Merge a new memory into one that says the same, unless it was merged before."""
        older, newer = self._now_of(known), self._now_of(memory)
        if newer.id != memory.id or older.id == newer.id or not _active(older, newer):
            return
        self._merged[newer.id] = older.id
        self._state[older.id] = self._plan.rebased(older, merged(older, newer, self._now))

    def settle(self, known: Memory, memory: Memory, relation: Relation) -> None:
        """Let one of two that contradict each other take the other's place.

        What was merged since stands by when the one that was judged begins to hold.
        """
        older, newer = self._now_of(known), self._now_of(memory)
        if older.id == newer.id or not _active(older, newer):
            return
        settled = settle(_since(older, known), _since(newer, memory), relation)
        if settled is not None:
            before = {one.id: one for one in (older, newer)}
            for one in (settled.winner, settled.loser):
                since = before[one.id].valid_from
                self._state[one.id] = dataclasses.replace(one, valid_from=since)
            self._superseded.setdefault(settled.winner.id, []).append(settled.loser.id)

    def readmit(self, successor: Memory, back: Memory, relation: Relation) -> None:
        """Let a memory that was learnt again hold, unless what took its place stands or says it."""
        holder, resting = self._now_of(successor), self._now_of(back)
        if relation == "same" or holder.status != "active" or resting.status == "active":
            return
        settled = settle(holder, back, relation)
        if settled is None:
            self._state[back.id] = back
        elif settled.winner.id == back.id:
            self._state[back.id], holder = settled.winner, settled.loser
            self._superseded.setdefault(back.id, []).append(holder.id)
        else:
            return
        self._back.add(back.id)
        self._state[holder.id] = holder
        self._release(resting.superseded_by, back.id)

    def changes(self) -> list[Change]:
        """Return what is to be written: the plan without what was merged, then the known ones."""
        last = {change.after.id: number for number, change in enumerate(self._planned)}
        planned = [
            dataclasses.replace(change, after=self._state[change.after.id])
            if last[change.after.id] == number
            else change
            for number, change in enumerate(self._planned)
            if change.after.id not in self._merged
        ]
        return [*planned, *(self._change(id_) for id_ in self._known if self._changed(id_))]

    def result(self, planned: Inserted) -> Inserted:
        """Return what became of a memory that was given."""
        id_ = self._resolved(planned.id)
        if id_ in self._state and self._state[id_].status == "superseded":
            outcome = planned.outcome
            return Inserted(id=id_, outcome="unchanged" if outcome == "unchanged" else "outdated")
        losers = tuple(self._superseded.get(id_, ()))
        if id_ != planned.id or id_ in self._back:
            return Inserted(id=id_, outcome="merged", superseded=losers)
        return dataclasses.replace(planned, superseded=losers)

    def _release(self, winner: str, loser: str) -> None:
        """Take a memory that holds again from what one had that took its place."""
        held = self._state.get(winner) or self._plan.known(winner)
        if held is not None and loser in held.supersedes:
            self._now_of(held)
            self._state[winner] = no_longer_superseding(self._state[winner], loser)

    def _now_of(self, memory: Memory) -> Memory:
        """Return what a memory, or what it was merged into, is by now."""
        id_ = self._resolved(memory.id)
        if id_ not in self._state:
            found = self._plan.known(id_) or memory
            self._known[id_] = self._state[id_] = found
        return self._state[id_]

    def _resolved(self, id_: str) -> str:
        while id_ in self._merged:
            id_ = self._merged[id_]
        return id_

    def _changed(self, id_: str) -> bool:
        return self._state[id_] != self._known[id_]

    def _change(self, id_: str) -> Change:
        before, after = self._known[id_], self._state[id_]
        took_place = (before.status, before.supersedes) != (after.status, after.supersedes)
        return Change(kind="supersede" if took_place else "merge", before=before, after=after)


def _active(*memories: Memory) -> bool:
    return all(one.status == "active" for one in memories)


def _since(memory: Memory, judged: Memory) -> Memory:
    return dataclasses.replace(memory, valid_from=holds_from(judged))
