"""The store itself: one batch is one transaction in SQLite, which Chroma then follows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from langgraph.store.base import (
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
)

from ingrained.errors import HomeBusyError
from ingrained.memory.locking import write_lock

from .batches import Batch, OperationError, checked
from .embedding import PROBE, Embedded, TextEmbedder
from .items import MICROSECONDS, Items, StoredItem
from .methods import AnyNamespaceStore
from .namespaces import fits, literal_prefix
from .searching import find
from .sweeping import Sweeper
from .syncing import EmbedderCheck, SyncedCache, embed_anew

_SWEEP_MINUTES = 5.0


class ChromaStore(AnyNamespaceStore):
    """A LangGraph store in a folder. Open it with `ChromaStore.from_path`.

    Safe to share between threads, and between tasks of any event loop; the sync methods may be
    called inside a running loop. It is a context manager, sync and async.

    A batch is one transaction: its reads see the store as it was before, its puts happen all or not
    at all, and of several puts of one item the last counts.

    Attributes:
        repaired: How many vectors Chroma had missed when the store was opened, after a crash, say.
    """

    def __init__(
        self,
        items: Items,
        embedder: TextEmbedder | None,
        cache: SyncedCache | None,
        *,
        ttl: TTLConfig | None,
        clock: Callable[[], float],
    ) -> None:
        self.ttl_config = ttl
        self.repaired = cache.repaired if cache else 0
        self._items = items
        self._embedder = embedder
        self._cache = cache
        self._clock = clock
        self._check = EmbedderCheck(items)
        self._lock = threading.RLock()
        self._sweeper = Sweeper(self.sweep_ttl)
        self._resources = ExitStack()

    @classmethod
    def from_path(
        cls,
        path: str | Path,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        chroma: str | None = None,
        reindex: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open the store in a folder, making it when missing.

        Args:
            path: The folder, for one process at a time.
            index: `embed`, `dims` and `fields`, as for LangGraph's own stores; without it a search
                takes no account of its query.
            ttl: How long items live; an item may also be put with its own `ttl`.
            chroma: Address of a Chroma server to keep the vectors in, instead of the folder.
            reindex: Embed every item anew first: needed after a change of the embedder.
            clock: Gives POSIX seconds.

        Raises:
            InputError: When `chroma` is no address, or there is no index to `reindex` with.
            HomeBusyError: When the folder is open already.
            HomeVersionError: When a newer Ingrained wrote it.
            StoreError: When it cannot be used, or was filled with vectors of another length.
        """
        folder = Path(path)
        with ExitStack() as resources:
            _lock(folder, resources)
            items = Items(folder / "items.sqlite")
            resources.callback(items.close)
            embedder = TextEmbedder(index) if index else None
            cache = _open_cache(items, embedder, chroma or folder / "chroma", reindex=reindex)
            if cache is not None:
                resources.callback(cache.close)
            store = cls(items, embedder, cache, ttl=ttl, clock=clock)
            store._resources = resources.pop_all()
            return store

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry out operations; return their results in the same order.

        Raises:
            ValueError: For an operation that means nothing (NamespaceError, FilterError,
                OperationError) or vectors that do not fit (EmbeddingError); nothing is changed.
            StoreError: When the files or Chroma cannot be used, or the embedder is not the one
                that the store was filled with; nothing is changed.
        """
        batch = checked(ops)
        if self._embedder is None:
            return self._carry_out(batch, Embedded())
        return self._carry_out(batch, self._embedder.embed(self._texts(batch), batch.queries))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does, with the embedder's async side and the files in a thread."""
        batch = checked(ops)
        embedded = Embedded()
        if self._embedder is not None:
            embedded = await self._embedder.aembed(self._texts(batch), batch.queries)
        return await asyncio.to_thread(self._carry_out, batch, embedded)

    def sweep_ttl(self) -> int:
        """Delete what has expired; return how many items that were."""
        with self._lock:
            with self._items.transaction():
                swept = self._items.sweep(self._now())
            if self._cache is not None:
                self._cache.after_change()
            return swept

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Call `sweep_ttl` at intervals, in a thread, until stopped or closed.

        Args:
            sweep_interval_minutes: By default that of the store's `ttl`, or else 5.

        Returns:
            A future that is done when the sweeper has stopped; to cancel it stops the sweeper.
        """
        default = (self.ttl_config or {}).get("sweep_interval_minutes")
        return self._sweeper.start(60 * (sweep_interval_minutes or default or _SWEEP_MINUTES))

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop sweeping; return whether it has stopped within `timeout` seconds."""
        return self._sweeper.stop(timeout)

    def close(self) -> None:
        """Stop the sweeper, close the files, release the lock; a second call does nothing."""
        self._sweeper.stop()
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _now(self) -> int:
        return round(self._clock() * MICROSECONDS)

    def _texts(self, batch: Batch) -> list[str]:
        texts = [text for op, _ in batch.puts for text in self._texts_of(op)]
        if (texts or batch.queries) and not self._check.done:
            texts.append(PROBE)
        return list(dict.fromkeys(texts))

    def _texts_of(self, op: PutOp) -> list[str]:
        if self._embedder is None or op.value is None:
            return []
        return self._embedder.texts(op.value, op.index)

    def _carry_out(self, batch: Batch, embedded: Embedded) -> list[Result]:
        with self._lock:
            with self._items.transaction():
                if not self._check.done and PROBE in embedded.texts:
                    self._check.check(embedded.texts[PROBE])
                now = self._now()
                results = [self._read(op, embedded, now) for op in batch.ops]
                self._write(batch, embedded, now)
            self._check.done |= PROBE in embedded.texts
            if batch.puts and self._cache is not None:
                self._cache.after_change()
            return results

    def _read(self, op: Op, embedded: Embedded, now: int) -> Result:
        alive_at = now if (self.ttl_config or {}).get("omit_expired") else None
        match op:
            case GetOp():
                item = self._items.get(op.namespace, op.key, alive_at=alive_at)
                if item and op.refresh_ttl:
                    self._items.refresh([item.id], now)
                return _as_item(item) if item else None
            case SearchOp():
                query = embedded.queries.get(op.query or "")
                found = find(self._items, self._cache, op, query, alive_at)
                if op.refresh_ttl:
                    self._items.refresh([item.id for item, _ in found], now)
                return [_as_search_item(item, score) for item, score in found]
            case ListNamespacesOp():
                return self._list(op, alive_at)
            case _:
                return None

    def _list(self, op: ListNamespacesOp, alive_at: int | None) -> list[tuple[str, ...]]:
        conditions = op.match_conditions or ()
        under = self._items.namespaces(literal_prefix(conditions), alive_at=alive_at)
        fitting = (name for name in under if all(fits(name, one) for one in conditions))
        cut = sorted({name[: op.max_depth] for name in fitting})
        return cut[op.offset : op.offset + op.limit]

    def _write(self, batch: Batch, embedded: Embedded, now: int) -> None:
        for op, value in batch.puts:
            if value is None:
                self._items.delete(op.namespace, op.key)
                continue
            self._items.put(
                op.namespace,
                op.key,
                value,
                indexing=op.index,
                ttl=op.ttl,
                now=now,
                vectors=[embedded.texts[text] for text in self._texts_of(op)],
            )


def _lock(folder: Path, resources: ExitStack) -> None:
    try:
        resources.enter_context(write_lock(folder))
    except HomeBusyError as error:
        raise HomeBusyError(
            str(error),
            hint="Close the store there first, or give this one a folder of its own: "
            "a folder is for one process, which may share its store between threads.",
        ) from error


def _open_cache(
    items: Items, embedder: TextEmbedder | None, place: Path | str, *, reindex: bool
) -> SyncedCache | None:
    if embedder is None:
        if reindex:
            raise OperationError(
                "There is nothing to embed with.", hint="Give reindex=True together with an index."
            )
        return None
    if reindex:
        embed_anew(items, embedder)
    EmbedderCheck(items).check_dims(embedder.dims)
    return SyncedCache(items, place)


def _as_item(item: StoredItem) -> Item:
    return Item(
        value=item.value,
        key=item.key,
        namespace=item.namespace,
        created_at=item.created,
        updated_at=item.updated,
    )


def _as_search_item(item: StoredItem, score: float | None) -> SearchItem:
    return SearchItem(item.namespace, item.key, item.value, item.created, item.updated, score)
