"""The contract: event loops and threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from langgraph.store.base import BaseStore, GetOp, Item, PutOp

from .base import StoreTests, needs

HOME = ("users", "ada")
_PATIENCE = 20.0
"""Seconds after which a program counts as hung."""


class ConcurrencyTests(StoreTests):
    """Async twins, and several callers at once."""

    @needs("has_async", "has_sync")
    def test_the_async_methods_do_what_the_sync_ones_do(self, store: BaseStore) -> None:
        """On the same items."""

        async def program() -> None:
            await store.aput(HOME, "a", {"n": 1})
            await store.aput(HOME, "b", {"n": 2})
            assert cast("Item", await store.aget(HOME, "a")).value == {"n": 1}
            found = await store.asearch(HOME[:1], filter={"n": {"$gt": 1}})
            assert [item.key for item in found] == ["b"]
            assert await store.alist_namespaces(prefix=("users",)) == [HOME]
            await store.adelete(HOME, "a")
            got, put = await store.abatch([GetOp(HOME, "a"), PutOp(HOME, "c", {})])
            assert (got, put) == (None, None)

        asyncio.run(asyncio.wait_for(program(), _PATIENCE))
        assert {item.key for item in store.search(())} == {"b", "c"}

    @needs("has_async", "has_semantic_search")
    def test_a_query_may_be_async(self, indexed: BaseStore) -> None:
        """With the embedder's async side."""

        async def program() -> list[str]:
            await asyncio.gather(
                *(indexed.aput(HOME, text, {"text": text}) for text in ("fox", "owl", "whale"))
            )
            return [item.key for item in await indexed.asearch(HOME, query="owl", limit=1)]

        assert asyncio.run(asyncio.wait_for(program(), _PATIENCE)) == ["owl"]

    @needs("has_async")
    def test_tasks_do_not_lose_one_anothers_items(self, store: BaseStore) -> None:
        """Thirty at once."""

        async def program() -> int:
            await asyncio.gather(*(store.aput(HOME, str(n), {"n": n}) for n in range(30)))
            return len(await store.asearch(HOME, limit=100))

        assert asyncio.run(asyncio.wait_for(program(), _PATIENCE)) == 30

    @needs("has_async", "has_sync")
    def test_sync_methods_do_not_hang_in_a_running_loop(self, store: BaseStore) -> None:
        """langchain-ai/langgraph issue 7857: even while async calls are on their way."""
        done = threading.Event()

        async def program() -> None:
            on_their_way = [asyncio.create_task(store.aput(HOME, str(n), {})) for n in range(10)]
            await asyncio.sleep(0)
            store.put(HOME, "sync", {})
            assert store.get(HOME, "sync") is not None
            await asyncio.gather(*on_their_way)
            assert len(store.search(HOME, limit=100)) == 11
            done.set()

        thread = threading.Thread(target=asyncio.run, args=(program(),), daemon=True)
        thread.start()
        thread.join(_PATIENCE)
        assert done.is_set()

    @needs("has_sync")
    def test_threads_do_not_lose_one_anothers_items(self, store: BaseStore) -> None:
        """Four of them, twenty puts each."""

        def work(name: int) -> None:
            for number in range(20):
                store.put(("threads", str(name)), str(number), {"n": number})
                assert store.get(("threads", str(name)), str(number)) is not None

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert len(store.search(("threads",), limit=1000)) == 80
