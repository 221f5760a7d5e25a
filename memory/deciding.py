"""What becomes of new memories beside those they resemble: a judge says how they relate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .ledger import Change
from .merging import merged
from .records import Memory
from .relations import Judge, Relation, candidates, settle
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
    changes: Sequence[Change],
    results: Sequence[Inserted],
    judge: Judge,
    neighbours: Neighbours,
    *,
    now: float,
) -> Decided:
    """Merge what says the same, and let one of two that contradict each other stand.

    Args:
        changes: Of an `InsertPlan`.
        results: What it says of each memory given, in order.
        judge: Asked once, for all pairs.
        neighbours: Finds what is near.
        now: POSIX seconds.
    """
    new = [change.after for change in changes if change.kind == "insert"]
    near = neighbours([memory for memory in new if memory.status == "active"])
    pairs = [
        (known, memory)
        for memory in new
        for known in candidates(memory, near.get(memory.id, ()))[:MOST_JUDGED]
    ]
    court = _Court(changes, now)
    relations = judge.judge(pairs) if pairs else []
    for (known, memory), relation in zip(pairs, relations, strict=True):
        court.hear(known.id, memory.id, known, relation)
    return Decided(changes=court.changes(), results=[court.result(one) for one in results])


class _Court:
    """The memories of one insert and those they are compared with, as they come to be."""

    def __init__(self, changes: Sequence[Change], now: float) -> None:
        self._now = now
        self._planned = list(changes)
        self._state = {change.after.id: change.after for change in changes}
        self._known: dict[str, Memory] = {}
        self._merged: dict[str, str] = {}
        self._superseded: dict[str, list[str]] = {}

    def hear(self, old: str, new: str, known: Memory, relation: Relation) -> None:
        """Take note of one judgement; what was merged or superseded before is left alone."""
        if old not in self._state:
            self._known[old] = self._state[old] = known
        older, newer = self._state[old], self._state[new]
        if {old, new} & self._merged.keys() or {older.status, newer.status} != {"active"}:
            return
        if relation == "same":
            self._merged[new] = old
            self._state[old] = merged(older, newer, self._now)
        elif (settled := settle(older, newer, relation)) is not None:
            self._state[settled.winner.id] = settled.winner
            self._state[settled.loser.id] = settled.loser
            self._superseded.setdefault(settled.winner.id, []).append(settled.loser.id)

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
        if planned.id in self._merged:
            return Inserted(id=self._merged[planned.id], outcome="merged")
        if planned.outcome == "added" and self._state[planned.id].status == "superseded":
            return Inserted(id=planned.id, outcome="outdated")
        return dataclasses.replace(planned, superseded=tuple(self._superseded.get(planned.id, ())))

    def _changed(self, id_: str) -> bool:
        return self._state[id_] != self._known[id_]

    def _change(self, id_: str) -> Change:
        before, after = self._known[id_], self._state[id_]
        took_place = (before.status, before.supersedes) != (after.status, after.supersedes)
        return Change(kind="supersede" if took_place else "merge", before=before, after=after)
