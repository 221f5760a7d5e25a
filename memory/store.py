"""The memory store: insert, recall, reinforce, forget, with a ledger of all of it.

The ledger is the truth and is written first, in one transaction; the index follows. A crash
between the two leaves an index that lags, which the next open (or recall) makes good.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ingrained.errors import InputError, NotFoundError, StoreError

from .embedding import Embedder
from .entries import make_entry
from .forgetting import DEFAULT_THRESHOLD, reinforced, retention
from .gathering import gather
from .index import Index
from .inserting import InsertPlan
from .ledger import Change, Ledger
from .lexical import clean, normalise
from .locking import write_lock
from .opening import check_embedder, note_embedder, own_index
from .ranking import POOL, Ranker
from .records import DEFAULT_NAMESPACE, Kind, Memory, Status
from .results import Event, EventKind, Fading, Inserted, Recalled, RepairReport, StoreStats
from .stats import count
from .syncing import index_changes, known_and_new_vectors, repair

_MIN_PREFIX = 4


class MemoryStore:
    """One agent's memory. Open it with `MemoryStore.open`; safe to share between threads.

    Attributes:
        repaired: How far the index was behind the ledger when the store was opened.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: Index,
        embedder: Embedder,
        *,
        read_only: bool,
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._embedder = embedder
        self._read_only = read_only
        self._clock = clock
        self._resources = ExitStack()
        self._lock = threading.RLock()
        self._index_lags = False
        self._seen = ledger.data_version()
        self.repaired: RepairReport = repair(ledger, index, embedder, save=not read_only)

    @classmethod
    def open(
        cls,
        home: Path,
        embedder: Embedder,
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        index: Index | None = None,
        rebuild_index: bool = False,
    ) -> MemoryStore:
        """Open the memory of the agent that lives in `home`, making it when missing.

        One process may write; any number may read beside it, and see its changes. A reader
        keeps an exact index in memory and never touches Chroma's files.

        Args:
            home: The agent's folder; the memory is its subfolder `memory/`.
            embedder: Turns texts into vectors; the same as last time.
            read_only: Refuse changes, take no lock.
            clock: Gives POSIX seconds.
            index: Use this instead of Chroma.
            rebuild_index: Throw the index away and make it anew, for another embedder, say.

        Raises:
            HomeBusyError: When another process is writing to it.
            HomeVersionError: When a newer Ingrained made it; nothing is changed.
            StoreError: When it is missing (read-only), damaged, or of another embedder.
        """
        folder = Path(home) / "memory"
        with ExitStack() as resources:
            if not read_only:
                resources.enter_context(write_lock(folder))
            ledger = Ledger(folder / "ledger.sqlite", read_only=read_only)
            resources.callback(ledger.close)
            check_embedder(ledger, embedder, rebuild=rebuild_index and not read_only)
            if index is None:
                index = own_index(folder, embedder, read_only=read_only, rebuild=rebuild_index)
            resources.callback(index.close)
            if rebuild_index:
                index.delete(list(index.digests()))
            if not read_only:
                note_embedder(ledger, embedder)
            store = cls(ledger, index, embedder, read_only=read_only, clock=clock)
            store._resources = resources.pop_all()
            return store

    def insert(self, memories: Sequence[Memory], *, who: str, why: str) -> list[Inserted]:
        """Remember all of these, or, on an error, none.

        The id is derived from namespace, kind and text, whatever the memories say. An exact
        duplicate (up to case and white space) is merged into the known memory; see
        `merging.merged`. The same insert again changes nothing.

        Returns:
            What became of each, in order.

        Raises:
            InputError: When a text is empty.
            StoreError: When the store cannot take them, or is read-only.
        """
        with self._lock:
            now = self._clock()
            plan = InsertPlan(self._ledger, now)
            results = [plan.add(memory) for memory in memories]
            self._commit(plan.changes, now, who, why)
            return results

    def get(self, id: str) -> Memory:
        """Return the memory of this id, or of the only id that starts with it (4 characters or more).

        Raises:
            NotFoundError: When there is none, or more than one.
        """
        with self._lock:
            found = self._ledger.ids_starting(id) if len(id) >= _MIN_PREFIX else []
            if len(found) != 1 and id not in found:
                raise _not_found(id, found)
            exact = id if id in found else found[0]
            return self._ledger.load([exact])[exact]

    @property
    def embedder(self) -> Embedder:
        """What turns texts into this memory's vectors."""
        return self._embedder

    def recall(
        self,
        query: str,
        *,
        k: int = 5,
        namespace: tuple[str, ...] = DEFAULT_NAMESPACE,
        floor: float | None = None,
        document: str | None = None,
        max_chars: int | None = None,
    ) -> list[Recalled]:
        """Return what the memory has on a query, best first; nothing when nothing is near.

        Nearest by meaning (cosine) and by words (BM25) are fused by reciprocal rank; see
        `Recalled.score`. Recalling changes nothing: `reinforce` what was of use.

        Args:
            query: Any text.
            k: At most so many.
            namespace: Only memories of exactly this one.
            floor: Lowest cosine similarity; `ranking.DENSE_FLOOR` when None. A memory below it
                is still recalled when it shares most of the query's content words.
            document: Only memories resting on this document.
            max_chars: Together at most so many characters; what does not fit is passed over.
        """
        return self.recall_many(
            [query],
            k=k,
            namespace=namespace,
            floor=floor,
            document=document,
            max_chars=max_chars,
        )[0]

    def recall_many(
        self,
        queries: Sequence[str],
        *,
        k: int = 5,
        namespace: tuple[str, ...] = DEFAULT_NAMESPACE,
        floor: float | None = None,
        document: str | None = None,
        max_chars: int | None = None,
    ) -> list[list[Recalled]]:
        """Return `recall` of every query, with one embedding batch and one index query."""
        asked = [query for query in dict.fromkeys(queries) if normalise(query)]
        if not asked or k <= 0:
            return [[] for _ in queries]
        vectors = self._embedder.embed([clean(query) for query in asked])
        with self._lock:
            self._catch_up()
            found, memories = gather(
                self._ledger,
                self._index,
                dict(zip(asked, vectors, strict=True)),
                pool=max(POOL, 4 * k),
                namespace=namespace,
                document=document,
            )
        ranker = Ranker(memories, now=self._clock(), floor=floor)
        ranked = {item.query: ranker.rank(item, k=k, max_chars=max_chars) for item in found}
        return [list(ranked.get(query, ())) for query in queries]

    def reinforce(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Note that these were of use: they fade more slowly; see `forgetting.reinforced`."""
        self._change("reinforce", ids, who, why, reinforced)

    def forget(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Take these out of recall; `restore` brings them back. Forgetting twice is once."""
        self._change("forget", ids, who, why, _forgotten)

    def restore(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Undo a forgetting; time begins anew for what comes back, lest it fade at once."""
        self._change("restore", ids, who, why, self._restored)

    def decay(
        self, *, threshold: float = DEFAULT_THRESHOLD, who: str, why: str, dry_run: bool = False
    ) -> list[Fading]:
        """Forget every active memory whose retention is below the threshold; pinned ones never.

        Args:
            threshold: In [0, 1].
            who: Who let them go.
            why: For what reason.
            dry_run: Only tell what would go.

        Returns:
            The memories concerned, most faded first.
        """
        with self._lock:
            now = self._clock()
            fading = [
                Fading(memory=memory, retention=kept)
                for memory in self._ledger.select(status="active")
                if (kept := retention(memory, now)) < threshold and not memory.pinned
            ]
            if not dry_run:
                changes = [
                    Change(kind="decay", before=item.memory, after=_forgotten(item.memory, now))
                    for item in fading
                ]
                self._commit(changes, now, who, why)
            return sorted(fading, key=lambda item: (item.retention, item.memory.id))

    def update(self, memory: Memory, *, who: str, why: str) -> None:
        """Replace the memory of the same id; the id stays, even when the text changes.

        Raises:
            InputError: When the text is empty.
            NotFoundError: When there is no memory of this id.
            StoreError: When another memory says the same.
        """
        if not normalise(memory.text):
            raise InputError("A memory needs a text.", hint="Forget it instead.")
        with self._lock:
            known = self._ledger.load([memory.id]).get(memory.id)
            if known is None:
                raise _not_found(memory.id, [])
            twin = self._ledger.twin(memory)
            if twin is not None and twin.id != memory.id:
                raise StoreError(
                    f"Memory {twin.id} already says this.", hint="Forget one of the two."
                )
            changed = [Change(kind="update", before=known, after=memory)]
            self._commit(changed if known != memory else [], self._clock(), who, why)

    def history(self, id: str) -> list[Event]:
        """Return all that happened to a memory, oldest first; takes an id as `get` does."""
        with self._lock:
            return self._ledger.events(self.get(id).id)

    def stats(self) -> StoreStats:
        """Return counts over the whole store."""
        with self._lock:
            return count(
                self._ledger.select(),
                events=self._ledger.event_count(),
                embedder=self._embedder.name,
            )

    def close(self) -> None:
        """Close the files and release the lock; a second call does nothing."""
        with self._lock:
            self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _change(
        self,
        kind: EventKind,
        ids: Iterable[str],
        who: str,
        why: str,
        changed: Callable[[Memory, float], Memory],
    ) -> None:
        with self._lock:
            now = self._clock()
            memories = {memory.id: memory for memory in map(self.get, ids)}
            pairs = [(memory, changed(memory, now)) for memory in memories.values()]
            changes = [
                Change(kind=kind, before=before, after=after)
                for before, after in pairs
                if before != after
            ]
            self._commit(changes, now, who, why)

    def _commit(self, changes: Sequence[Change], now: float, who: str, why: str) -> None:
        """Write the ledger, then the index: the order that a crash cannot hurt."""
        if self._read_only:
            raise StoreError("This store is open for reading only.", hint="Open it for writing.")
        if not changes:
            return
        self._catch_up()
        put, gone = index_changes(changes)
        vectors, fresh = known_and_new_vectors(self._ledger, self._embedder, put)
        self._ledger.write(
            changes,
            time=now,
            who=who,
            why=why,
            fingerprint=self._embedder.fingerprint,
            vectors=fresh,
        )
        self._index_lags = True
        self._index.delete(gone)
        self._index.upsert([make_entry(put[id_], vector) for id_, vector in vectors.items()])
        self._index_lags = False

    def _catch_up(self) -> None:
        """Repair the index after a failed write of ours, or a write of another process."""
        version = self._ledger.data_version()
        if self._index_lags or version != self._seen:
            repair(self._ledger, self._index, self._embedder, save=not self._read_only)
            self._index_lags, self._seen = False, version

    def _restored(self, memory: Memory, now: float) -> Memory:
        if memory.status != "forgotten":
            return memory
        earlier = [
            event.before.status
            for event in self._ledger.events(memory.id)
            if event.before is not None and event.before.status != "forgotten"
        ]
        status: Status = earlier[-1] if earlier else "active"
        return dataclasses.replace(memory, status=status, last_recalled=now)

    # Last in the class: below it, annotations would take `list` for this method.
    def list(
        self,
        *,
        namespace: tuple[str, ...] | None = None,
        kind: Kind | None = None,
        document: str | None = None,
        status: Status | None = "active",
        limit: int | None = None,
    ) -> list[Memory]:
        """Return the memories that meet every condition given, oldest first.

        Args:
            namespace: Exactly this one; any when None.
            kind: Of this kind.
            document: Resting on this document.
            status: In this state; in any when None.
            limit: At most so many.
        """
        with self._lock:
            return self._ledger.select(
                namespace=namespace, kind=kind, document=document, status=status, limit=limit
            )


def _forgotten(memory: Memory, _now: float) -> Memory:
    return dataclasses.replace(memory, status="forgotten")


def _not_found(id_: str, found: Sequence[str]) -> NotFoundError:
    if found:
        return NotFoundError(
            f"More than one memory starts with {id_!r}: {', '.join(found[:5])}.",
            hint="Give more characters of the id.",
        )
    return NotFoundError(
        f"There is no memory {id_!r}.",
        hint=f"List the memories to see their ids; {_MIN_PREFIX} characters or more will do.",
    )
