"""Writing changes down: the ledger first, then the index, and what depends on them with them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from ingrained.errors import StoreError

from .changing import stale
from .embedding import Embedder
from .entries import make_entry
from .index import Index, Place
from .ledger import Author, Change, Ledger
from .lookups import Vectors
from .records import Memory
from .results import RepairReport
from .syncing import index_changes, known_and_new_vectors, repair

INDEX_NAME = "index_name"
_OUTLASTING = ("summary", "portrait")
"""Kinds that sum up what may fade."""


def seal_index(ledger: Ledger, index: Index) -> None:
    """Let an index that holds all there is and its ledger know each other again."""
    seal = index.sealed()
    name = seal[0] if seal else uuid.uuid4().hex
    index.seal((name, ledger.last_event()))
    ledger.put_settings({INDEX_NAME: name})


class Committer:
    """Keeps a ledger and its index in step. Not synchronised: the store's lock guards it.

    Args:
        ledger: Open for writing.
        index: Its cache.
        embedder: Makes the vectors.
    """

    def __init__(self, ledger: Ledger, index: Index, embedder: Embedder) -> None:
        self._ledger = ledger
        self._index = index
        self._embedder = embedder
        self._lags = False
        self._counted: set[tuple[str, ...]] = set()
        self._seen = ledger.data_version()

    def open(self) -> RepairReport:
        """Bring the index up to what the ledger noted it may not have.

        An index that the ledger's notes are not about is compared with everything: one that is
        new, was cut short in the making or not in use the last time, or has seen more than the
        ledger has, because an older copy of that was restored.
        """
        places = self._ledger.unindexed()
        known = self._known()
        if known and not places:
            return RepairReport()
        chosen = places if known else None
        report = repair(self._ledger, self._index, self._embedder, places=chosen)
        self._ledger.note_indexed(places)
        if not known:
            seal_index(self._ledger, self._index)
        return report

    def close(self) -> None:
        """Let the index note how far it is."""
        seal = self._index.sealed()
        if seal is not None and not self._lags and seal[1] != self._ledger.last_event():
            self._index.seal((seal[0], self._ledger.last_event()))

    def _known(self) -> bool:
        seal = self._index.sealed()
        if seal is None:
            return False
        name, event = seal
        return self._ledger.setting(INDEX_NAME) == name and event <= self._ledger.last_event()

    def commit(
        self, changes: Sequence[Change], author: Author, *, vectors: Vectors | None = None
    ) -> None:
        """Write the ledger, then the index: the order that a crash cannot hurt.

        Memories that were made from one that is no longer as it was become stale with it.

        Args:
            changes: Of one transaction.
            author: Who makes them.
            vectors: By memory id, of texts that were embedded already.
        """
        if not changes:
            return
        self.catch_up()
        changes = [*changes, *self._outdated(changes)]
        put, gone = index_changes(changes)
        given = {id_: vector for id_, vector in (vectors or {}).items() if id_ in put}
        unknown = {id_: memory for id_, memory in put.items() if id_ not in given}
        found, fresh = known_and_new_vectors(self._ledger, self._embedder, unknown)
        self._ledger.write(
            changes,
            author,
            fingerprint=self._embedder.fingerprint,
            vectors={**given, **fresh},
        )
        self._lags = True
        self._index.delete(gone)
        self._index.upsert(
            [make_entry(put[id_], vector) for id_, vector in {**given, **found}.items()]
        )
        self._lags = False
        self._ledger.note_indexed(_places(changes))

    def purge(self, ids: Sequence[str], author: Author) -> None:
        """Delete memories for good, here and in the index."""
        self.catch_up()
        places = [(memory.namespace, memory.id) for memory in self._ledger.load(ids).values()]
        self._ledger.purge(ids, author)
        self._lags = True
        self._index.delete(places)
        self._lags = False
        self._ledger.note_indexed(places)

    def catch_up(self) -> None:
        """Repair the index after a failed write of ours, or a write past the lock."""
        version = self._ledger.data_version()
        if self._lags or version != self._seen:
            places = self._ledger.unindexed()
            repair(self._ledger, self._index, self._embedder, places=places)
            self._ledger.note_indexed(places)
            self._lags, self._seen = False, version

    def check(self, namespace: tuple[str, ...]) -> None:
        """Compare a namespace's numbers once; an index that lost entries is filled again."""
        if namespace in self._counted:
            return
        self._counted.add(namespace)
        if self._index.count(namespace) != self._ledger.active(namespace):
            repair(self._ledger, self._index, self._embedder)

    def _outdated(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes of what was made from memories that change, or that made those."""
        last = {change.after.id: change for change in changes}
        found: list[Change] = []
        moved = [id_ for id_, change in last.items() if _weighs(change)]
        while moved:
            made = [
                one for one in self._ledger.dependants(moved)
                if one.id not in last and _is_reached(one, [last[id_] for id_ in moved])
            ]  # fmt: skip
            fresh = [
                Change(kind="stale", before=memory, after=stale(memory))
                for memory in made
                if memory.status == "active"
            ]
            found.extend(fresh)
            last.update({change.after.id: change for change in fresh})
            moved = [change.after.id for change in fresh]
        return found


def cannot_write() -> StoreError:
    """Return the error for a change through a store that is open for reading."""
    return StoreError("This store is open for reading only.", hint="Open it for writing.")


def _places(changes: Sequence[Change]) -> list[Place]:
    return [
        (one.namespace, one.id)
        for change in changes
        for one in (change.before, change.after)
        if one is not None
    ]


def _is_reached(made: Memory, changes: Iterable[Change]) -> bool:
    """Return whether one of the changes bears on what was made from the memories.

    What sums up is there to last longer than what it sums up: that this fades does not make it wrong.
    """
    weighing = (one for one in changes if one.kind != "decay" or made.kind not in _OUTLASTING)
    return any(one.after.id in made.derived_from for one in weighing)


def _weighs(change: Change) -> bool:
    """Return whether what was made from the memory may no longer be right."""
    before, after = change.before, change.after
    if before is None or before.status not in ("active", "forgotten"):
        return False
    return after.status != "active" or after.text != before.text or after.trust < before.trust
