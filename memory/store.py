"""The memory itself: insert, forget, and everything on record.

Every change is one transaction, with who made it and why. See `docs/concepts.md`.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ingrained.errors import StoreError

from .adopting import settled_in
from .asking import StoreQueries, not_found
from .calibrating import Calibration, asked, calibrate, groups_of, similarities
from .changing import forgotten, pinned, stale, superseded, unpinned
from .checking import check
from .committing import Committer, cannot_write
from .deciding import decide
from .embedding import Embedder
from .forgetting import DEFAULT_POLICY, ForgettingPolicy, fading, reinforced
from .grounding import capped
from .in_memory import LedgerIndex
from .index import Index, Searchable
from .inserting import InsertPlan
from .ledger import Author, Change, Ledger
from .locking import write_lock
from .lookups import Vectors
from .opening import clear_old_folders, generation, note_index, open_index
from .records import Memory
from .relations import Judge
from .reranking import Reranker
from .results import EventKind, Fading, Inserted, PurgeReport, RepairReport
from .revising import Revision, revise
from .screening import Policy, Screen, rescreened
from .superseding import place_taken
from .unattended import UNATTENDED, Kept, Unattended
from .undoing import events_to_undo, made_from, put_back, restored, without


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoreOptions:
    """How a store works; none of it is kept in the store."""

    chroma: str | None = None
    """Address of a Chroma server for the index; a folder beside the ledger when None."""
    forgetting: ForgettingPolicy = DEFAULT_POLICY
    screen: Screen | None = None
    """Finds secrets and personal data in what is inserted; None looks for none."""
    screening: Policy = "keep"
    """What is done about them."""
    reranker: Reranker | None = None
    """Orders the candidates of every recall anew; None leaves the fused order."""
    unattended: Mapping[Kept, Unattended] = dataclasses.field(default_factory=dict)
    """What is done unasked; what is left out is as in `UNATTENDED`."""

    def withholds(self, text: str) -> bool:
        """Return whether a text has what is not kept: secrets, under `refuse` or `redact`."""
        return self.screening != "keep" and bool(self.screen and self.screen.findings(text))


DEFAULT_OPTIONS = StoreOptions()


class MemoryStore(StoreQueries):
    """One agent's memory. Open it with `MemoryStore.open`; safe to share between threads.

    Attributes:
        repaired: How far the index was behind the ledger when the store was opened.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: Index | None,
        embedder: Embedder,
        *,
        clock: Callable[[], float],
        options: StoreOptions,
    ) -> None:
        searched: Searchable = index or LedgerIndex(ledger, embedder.fingerprint)
        super().__init__(
            ledger, searched, embedder,
            clock=clock, forgetting=options.forgetting, reranker=options.reranker,
        )  # fmt: skip
        self._options = options
        self._committer = Committer(ledger, index, embedder) if index else None
        self._resources = ExitStack()
        self.repaired = self._committer.open() if self._committer else RepairReport()

    @classmethod
    def open(
        cls,
        home: Path,
        embedder: Embedder,
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
        index: Index | None = None,
        options: StoreOptions = DEFAULT_OPTIONS,
    ) -> Self:
        """Open the memory of the agent that lives in `home`, making it when missing.

        One process may write; any number may read beside it, and see its changes. A reader
        searches the vectors in the ledger and never touches Chroma.

        Args:
            home: The agent's folder; the memory is its subfolder `memory/`.
            embedder: Turns texts into vectors; the same as last time.
            read_only: Refuse changes, take no lock.
            clock: Gives POSIX seconds.
            index: Use this instead of Chroma.
            options: How it works.

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
            ledger.check_embedder(embedder.fingerprint, embedder.name)
            if not read_only and index is None:
                index = open_index(
                    folder, ledger, embedder, chroma=options.chroma, number=generation(ledger)
                )
            if index is not None:
                resources.callback(index.close)
            store = cls(
                ledger, None if read_only else index, embedder, clock=clock, options=options
            )
            if not read_only:
                note_index(ledger, embedder, generation(ledger))
                clear_old_folders(folder, ledger, embedder)
            resources.callback(store._recollection.close)
            if store._committer is not None:
                resources.callback(store._committer.close)
            store._resources = resources.pop_all()
            return store

    def withholds(self, text: str) -> bool:
        """Return whether a text has what this memory does not keep; see `StoreOptions`."""
        return self._options.withholds(text)

    def unattended(self, kind: Kept) -> Unattended:
        """Return what becomes of this where nobody watches."""
        return {**UNATTENDED, **self._options.unattended}[kind]

    def insert(
        self, memories: Sequence[Memory], *, who: str, why: str, judge: Judge | None = None
    ) -> list[Inserted]:
        """Remember all of these, or, on an error, none.

        The id is derived from namespace, kind and text, whatever the memories say. A duplicate (up
        to case, white space, articles and punctuation) is merged into the known memory;
        see `merging.merged`. The same insert again changes nothing. With a judge, what says the
        same in other words is merged too, and of two that contradict each other the newer or
        better trusted one takes the other's place. What was superseded and is learnt once more
        holds again unless something active took its place; then a judge says which of them stands.

        Returns:
            What became of each, in order.

        Raises:
            InputError: When one cannot be written down; see `checking.check`.
            StoreError: When the store cannot take them, or is read-only. What only the index could
                not take is remembered, and put in by the next call.
        """
        with self._lock:
            plan = InsertPlan(
                self._ledger, self._clock(),
                screen=self._options.screen, policy=self._options.screening,
            )  # fmt: skip
            results = plan.add(memories)
            if judge is None:
                self._commit(plan.changes, who, why)
                return results
            decided = decide(plan, results, judge, self._recollection.near, now=self._clock())
            self._commit(decided.changes, who, why)
            return decided.results

    def adopt(
        self, memories: Sequence[Memory], *, who: str, why: str, vectors: Vectors | None = None
    ) -> list[Inserted]:
        """Take memories as they are, ids, status and all, as an export has them.

        What is known already gets what they add to it. Nothing is screened or judged.

        Args:
            memories: With their ids.
            who: Who takes them.
            why: For what reason.
            vectors: By memory id, where they are known: of this store's embedder.
        """
        with self._lock:
            plan = InsertPlan(self._ledger, self._clock())
            results = plan.adopt(memories)
            kept = {one.id for one in results}
            given = {id_: vector for id_, vector in (vectors or {}).items() if id_ in kept}
            self._commit(plan.changes, who, why, vectors=given)
            return results

    def settle_in(self, names: Mapping[str, str], *, who: str, why: str) -> None:
        """Let what was adopted point to the memories of this store: the last step of an import.

        Args:
            names: Id elsewhere → id here, of all that was adopted; see `adopting.settled_in`.
            who: Who took them.
            why: For what reason.
        """
        with self._lock:
            self._commit_pairs("merge", settled_in(self._ledger, names), who, why)

    def reinforce(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Note that these were of use: they fade more slowly; see `forgetting.reinforced`."""
        self._change("reinforce", ids, who, why, reinforced)

    def pin(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Let these never fade."""
        self._change("pin", ids, who, why, pinned)

    def unpin(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Let these fade again, from now on."""
        self._change("unpin", ids, who, why, unpinned)

    def forget(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Take these out of recall; `restore` brings them back. Forgetting twice is once."""
        with self._lock:
            named = [self.get(id_).id for id_ in ids]
            self._change("forget", named, who, why, forgotten)
            made = self._ledger.dependants(named, statuses=("active",))
            self._commit_pairs("stale", [(one, stale(one)) for one in made], who, why)

    def restore(self, ids: Iterable[str], *, who: str, why: str) -> None:
        """Undo a forgetting; time begins anew for what comes back, lest it fade at once.

        What was made from something that is gone or changed since comes back stale.
        """
        with self._lock:
            memories = {memory.id: memory for memory in map(self.get, ids)}
            after = restored(self._ledger, memories, self._clock())
            pairs = [(memories[id_], one) for id_, one in after.items()]
            self._commit_pairs("restore", pairs, who, why)

    def decay(
        self,
        *,
        policy: ForgettingPolicy | None = None,
        who: str,
        why: str,
        dry_run: bool = False,
    ) -> list[Fading]:
        """Forget what has faded, and what is beyond the capacity; pinned memories never.

        Args:
            policy: When a memory goes; the store's own when None.
            who: Who let them go.
            why: For what reason.
            dry_run: Only tell what would go.

        Returns:
            The memories concerned, most faded first.
        """
        with self._lock:
            now = self._clock()
            going = fading(self._ledger.traces(), now, policy or self._options.forgetting)
            loaded = self._ledger.load([id_ for id_, _, _ in going])
            found = [
                Fading(memory=loaded[id_], retention=kept, why=reason)
                for id_, kept, reason in going
            ]
            if not dry_run:
                changes = [
                    Change(kind="decay", before=one.memory, after=forgotten(one.memory, now))
                    for one in found
                ]
                self._commit(changes, who, why)
            return found

    def update(self, memory: Memory, *, who: str, why: str) -> None:
        """Replace the memory of the same id; the id stays, even when the text changes.

        It is screened like what is inserted, if its words change, and trusted no more than what it
        was made from.

        Raises:
            InputError: When it cannot be written down, see `checking.check`, or the screen refuses.
            NotFoundError: When there is no memory of this id.
            StoreError: When another memory says the same.
        """
        check(memory)
        with self._lock:
            known = self._ledger.load([memory.id]).get(memory.id)
            if known is None:
                raise not_found(memory.id, [])
            memory = rescreened(known, memory, self._options.screen, self._options.screening)
            memory = capped(memory, self._ledger.load(memory.derived_from))
            self._check_twin(memory)
            changed = [Change(kind="update", before=known, after=memory)]
            self._commit(changed if known != memory else [], who, why)

    def supersede(self, old: str, new: str, *, who: str, why: str) -> None:
        """Let one memory take the place of another; both stay, with when each held.

        Args:
            old: Id of the one that holds no longer.
            new: Id of the one that holds now.
            who: Who says so.
            why: For what reason.

        Raises:
            InputError: When they are the same, of two namespaces, or the new one is not active.
            NotFoundError: When there is none of such an id.
        """
        with self._lock:
            loser, winner = self.get(old), self.get(new)
            former = self._ledger.load([loser.superseded_by]).get(loser.superseded_by)
            pairs = place_taken(loser, winner, former, self._clock())
            self._commit_pairs("supersede", pairs, who, why)

    def undo(self, event_id: int, *, whole: bool = False, who: str, why: str) -> list[Memory]:
        """Put back what an event changed; what was changed since is not touched.

        Args:
            event_id: See `history`.
            whole: Undo all that was changed in one transaction with it.
            who: Who undoes it.
            why: For what reason.

        Returns:
            The memories concerned, as they are now.

        Raises:
            NotFoundError: When there is no such event.
            StoreError: When what it changed was changed again since, or purged.
        """
        with self._lock:
            events = events_to_undo(self._ledger, event_id, whole=whole)
            after = put_back(self._ledger, events)
            for memory in after.values():
                self._check_twin(memory)
            known = self._ledger.load(after)
            self._commit_pairs("undo", [(known[id_], one) for id_, one in after.items()], who, why)
            return [
                after[id_]
                for id_ in dict.fromkeys(event.memory_id for event in events)
                if id_ in after
            ]

    def purge(self, ids: Iterable[str], *, who: str, why: str) -> PurgeReport:
        """Delete memories, and those made from them, for good: no text of theirs is left here.

        The history keeps that there was something and that it was purged. Their vectors leave the
        index, and its files when `rebuild_index` makes it anew. Adapters, documents and reports are
        not the store's; `ingrained.graphs.erasing` reaches those, and the index's files.

        Raises:
            NotFoundError: When there is none of such an id; nothing is purged then.
            StoreError: When a reader holds the ledger's log: the texts are purged and stay in its
                bytes until the store is next opened for writing without a reader.
        """
        with self._lock:
            committer = self._writing()
            named = {memory.id: memory for memory in map(self.get, ids)}
            derived = made_from(self._ledger, named)
            if named:
                left = without(self._ledger, {**named, **derived})
                self._commit_pairs("update", left, who, why)
                committer.purge([*named, *derived], Author(who=who, why=why, time=self._clock()))
            if not self._ledger.scrub():
                raise StoreError(
                    "What was purged is still in the ledger's log: another process is reading it.",
                    hint="Close the other process, and let any command that writes open the memory.",
                )
            return PurgeReport(purged=tuple(named.values()), derived=tuple(derived.values()))

    def revise_document(
        self,
        document: str,
        version: str,
        text: str,
        *,
        old_text: str | None,
        namespace: tuple[str, ...] | None = None,
        who: str,
        why: str,
    ) -> Revision:
        """Let the memories of a document follow it to a new version; see `revising.revise`.

        What the new version no longer says is superseded; all else points to its new place.

        Args:
            document: Id of the document.
            version: SHA-256 of `text`.
            text: The new version; empty for a document that was deleted.
            old_text: The version before; None if it is not known.
            namespace: Only memories of this one; of all when None.
            who: Who brings it.
            why: For what reason.
        """
        with self._lock:
            resting = self.list(namespace=namespace, document=document, status=None)
            revision = revise(
                resting, document=document, version=version, text=text, old_text=old_text
            )
            known = {memory.id: memory for memory in resting}
            moved = [
                Change(kind="revise", before=known[one.id], after=one)
                for one in revision.changed
                if known[one.id] != one
            ]
            now = self._clock()
            gone = [
                Change(kind="supersede", before=one, after=superseded(one, "", now))
                for one in revision.gone
            ]
            self._commit([*moved, *gone], who, why)
            return revision

    def calibrate(self) -> Calibration:
        """Choose the confidence floor by the questions that the memories were tried on.

        From then on it is the floor of every recall that names none, and a recalled memory has a
        `confidence`. See `calibrating.calibrate`.

        Raises:
            InputError: When there are too few questions to choose by.
        """
        with self._lock:
            self._writing()
            memories = self.list()
            questions = list(asked(memories))
            vectors = self.vectors(memories)
            right, strangers = similarities(
                self._embedder.embed([question for _, question in questions]),
                [position for position, _ in questions],
                [vectors[memory.id] for memory in memories],
                groups_of(memories),
            )
            found = calibrate(right, strangers)
            self.set_note(self._calibration_key, json.dumps(dataclasses.asdict(found)))
            return found

    def set_note(self, key: str, value: str) -> None:
        """Remember something about the store itself, such as when it was last reflected on."""
        with self._lock:
            self._writing()
            self._ledger.put_settings({f"note:{key}": value})

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

    def _writing(self) -> Committer:
        if self._committer is None:
            raise cannot_write()
        return self._committer

    def _before_recall(self, namespace: tuple[str, ...]) -> None:
        if self._committer is not None:
            self._committer.catch_up()
            self._committer.check(namespace)

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
            self._commit_pairs(kind, pairs, who, why)

    def _commit_pairs(
        self, kind: EventKind, pairs: Iterable[tuple[Memory, Memory]], who: str, why: str
    ) -> None:
        changes = [
            Change(kind=kind, before=before, after=after)
            for before, after in pairs
            if before != after
        ]
        self._commit(changes, who, why)

    def _commit(
        self, changes: Sequence[Change], who: str, why: str, *, vectors: Vectors | None = None
    ) -> None:
        author = Author(who=who, why=why, time=self._clock())
        self._writing().commit(changes, author, vectors=vectors)

    def _check_twin(self, memory: Memory) -> None:
        for twin in self._ledger.twins([memory]).values():
            if twin.id != memory.id:
                raise StoreError(
                    f"Memory {twin.id} already says this.", hint="Forget one of the two."
                )
