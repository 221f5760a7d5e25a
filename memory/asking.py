"""The asking side of a store: all that changes nothing."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Sequence
from typing import Unpack

from ingrained.errors import NotFoundError
from ingrained.tracing import span

from .calibrating import Calibration
from .embedding import Embedder
from .filters import Where
from .forgetting import ForgettingPolicy, retention
from .index import Searchable
from .ledger import Ledger
from .ranking import Ranker
from .recalling import RecallOptions, Recollection, Request
from .records import Kind, Memory, Status
from .reranking import Reranker
from .results import Considered, Event, Recalled, StoreStats
from .stats import count

_MIN_PREFIX = 4
_NOTE = "note:"


class StoreQueries:
    """What can be asked of a store; see `MemoryStore`.

    Args:
        ledger: The truth.
        index: What is searched by meaning.
        embedder: Whose vectors it has.
        clock: Gives POSIX seconds.
        forgetting: How memories fade.
        reranker: Orders the candidates of every recall anew, where there is one.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: Searchable,
        embedder: Embedder,
        *,
        clock: Callable[[], float],
        forgetting: ForgettingPolicy,
        reranker: Reranker | None,
    ) -> None:
        self._ledger = ledger
        self._embedder = embedder
        self._clock = clock
        self._forgetting = forgetting
        self._reranker = reranker
        self._lock = threading.RLock()
        self._recollection = Recollection(ledger, index, embedder, self._ranker)

    @property
    def embedder(self) -> Embedder:
        """What turns texts into this memory's vectors."""
        return self._embedder

    def get(self, id: str) -> Memory:
        """Return the memory of this id, or of the only id that starts with it (4 characters or more).

        Raises:
            NotFoundError: When there is none, or more than one.
        """
        with self._lock:
            if (exact := self._ledger.load([id]).get(id)) is not None:
                return exact
            found = self._ledger.ids_starting(id) if len(id) >= _MIN_PREFIX else []
            if len(found) != 1:
                raise not_found(id, found)
            return self._ledger.load(found)[found[0]]

    def recall(self, query: str, **options: Unpack[RecallOptions]) -> list[Recalled]:
        """Return what the memory has on a query, best first; nothing when nothing is near.

        Nearest by meaning (cosine) and by words (BM25) are fused by reciprocal rank; see
        `Recalled.score`. Recalling changes nothing: `reinforce` what was of use.

        Args:
            query: Any text.
            **options: See `RecallOptions`.
        """
        return self.recall_many([query], **options)[0]

    def recall_many(
        self, queries: Sequence[str], **options: Unpack[RecallOptions]
    ) -> list[list[Recalled]]:
        """Return `recall` of every query, with one embedding batch and one index query."""
        request = self._request(options)
        with span("recall", queries=len(queries), k=request.k) as told, self._lock:
            self._before_recall(request.namespace)
            found = self._recollection.recall(queries, request)
            told(found=sum(map(len, found)))
            return found

    def explain(self, query: str, **options: Unpack[RecallOptions]) -> list[Considered]:
        """Return every candidate of a query and what became of it, those recalled first."""
        request = self._request(options)
        with self._lock:
            self._before_recall(request.namespace)
            return self._recollection.consider(query, request)

    def retention(self, memory: Memory) -> float:
        """Return R = exp(-t/S) of a memory now, in [0, 1]; see `forgetting.retention`."""
        return retention(memory, self._clock(), self._forgetting)

    def faded(self, memory: Memory) -> bool:
        """Return whether a memory has faded so far that `decay` would let it go now."""
        return not memory.pinned and self.retention(memory) < self._forgetting.threshold

    def history(self, id: str) -> list[Event]:
        """Return all that happened to a memory, oldest first; takes an id as `get` does."""
        with self._lock:
            return self._ledger.events(self.get(id).id)

    def events(self) -> list[Event]:
        """Return all that ever happened, oldest first."""
        with self._lock:
            return self._ledger.events()

    def at(self, time: float) -> list[Memory]:
        """Return every memory as it was at a time (POSIX seconds), except what was purged."""
        with self._lock:
            return self._ledger.at(time)

    def namespaces(self) -> list[tuple[str, ...]]:
        """Return all namespaces that hold a memory of any status, sorted."""
        with self._lock:
            return self._ledger.namespaces()

    def note(self, key: str) -> str | None:
        """Return what `set_note` stored."""
        with self._lock:
            return self._ledger.setting(_NOTE + key)

    def stats(self) -> StoreStats:
        """Return counts over the whole store."""
        with self._lock:
            return count(self._ledger, embedder=self._embedder.name)

    def vectors(self, memories: Sequence[Memory]) -> dict[str, Sequence[float]]:
        """Return the vectors of these memories, by id; those that have none are left out."""
        with self._lock:
            by_id = {memory.id: memory for memory in memories}
            return self._ledger.vectors(by_id, fingerprint=self._embedder.fingerprint)

    def calibration(self) -> Calibration | None:
        """Return what `calibrate` found with this embedder; None before."""
        kept = self.note(self._calibration_key)
        return None if kept is None else Calibration(**json.loads(kept))

    @property
    def _calibration_key(self) -> str:
        return f"calibration:{self._embedder.fingerprint}"

    def _request(self, options: RecallOptions) -> Request:
        return Request(**{"reranker": self._reranker, **options})  # type: ignore[arg-type]

    def _ranker(self, floor: float | None) -> Ranker:
        known = self.calibration()
        return Ranker(
            self._active,
            now=self._clock(),
            floor=known.floor if floor is None and known else floor,
            forgetting=self._forgetting,
            confidence=known.confidence if known else None,
        )

    def _active(self, ids: Sequence[str]) -> dict[str, Memory]:
        loaded = self._ledger.load(ids)
        return {id_: memory for id_, memory in loaded.items() if memory.status == "active"}

    def _before_recall(self, namespace: tuple[str, ...]) -> None:
        """Do nothing: a reader's index follows the ledger by itself."""

    # Last in the class: below it, annotations would take `list` for this method.
    def list(
        self,
        *,
        namespace: tuple[str, ...] | None = None,
        kind: Kind | None = None,
        document: str | None = None,
        status: Status | None = "active",
        where: Where | None = None,
        limit: int | None = None,
    ) -> list[Memory]:
        """Return the memories that meet every condition given, oldest first.

        Args:
            namespace: Exactly this one; any when None.
            kind: Of this kind: short for `where`.
            document: Resting on this document: short for `where`.
            status: In this state; in any when None.
            where: Meeting these conditions.
            limit: At most so many.
        """
        met = where or Where()
        if kind is not None:
            met = dataclasses.replace(met, kinds=(kind,))
        if document is not None:
            met = dataclasses.replace(met, document=document)
        with self._lock:
            return self._ledger.select(namespace=namespace, status=status, where=met, limit=limit)


def not_found(id_: str, found: Sequence[str]) -> NotFoundError:
    """Return the error for an id that names no memory, or several."""
    if found:
        return NotFoundError(
            f"More than one memory starts with {id_!r}: {', '.join(found[:5])}.",
            hint="Give more characters of the id.",
        )
    return NotFoundError(
        f"There is no memory {id_!r}.",
        hint=f"List the memories to see their ids; {_MIN_PREFIX} characters or more will do.",
    )
