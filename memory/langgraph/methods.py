"""The methods of a LangGraph store that make one operation each, for namespaces of any characters.

LangGraph's own refuse labels with a dot or a NUL before the store sees them. These differ in nothing
else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from langgraph.store.base import (
    NOT_PROVIDED,
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    NamespacePath,
    NotProvided,
    PutOp,
    SearchItem,
    SearchOp,
)

from .namespaces import check_not_reserved


class AnyNamespaceStore(BaseStore):
    """A store whose `batch` and `abatch` check the namespaces themselves."""

    supports_ttl = True

    def get(
        self, namespace: tuple[str, ...], key: str, *, refresh_ttl: bool | None = None
    ) -> Item | None:
        """Return one item, or None; see `batch` for errors."""
        return cast("Item | None", self.batch([self._get(namespace, key, refresh_ttl)])[0])

    async def aget(
        self, namespace: tuple[str, ...], key: str, *, refresh_ttl: bool | None = None
    ) -> Item | None:
        """Return one item, or None."""
        done = await self.abatch([self._get(namespace, key, refresh_ttl)])
        return cast("Item | None", done[0])

    def search(
        self,
        namespace_prefix: tuple[str, ...],
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """Return the items under a prefix, nearest to the query or last updated first.

        Args:
            namespace_prefix: The first labels of the namespace; () is everything.
            query: Text to be near to. Each item gets its cosine similarity, from -1 to 1, as
                `score`; of several vectors the nearest counts. Items without vectors come last.
            filter: See `filters.matches`.
            limit: At most so many.
            offset: After so many.
            refresh_ttl: Whether reading prolongs their lives; the store's default when None.
        """
        op = self._search(namespace_prefix, query, filter, limit, offset, refresh_ttl)
        return cast("list[SearchItem]", self.batch([op])[0])

    async def asearch(
        self,
        namespace_prefix: tuple[str, ...],
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """Return what `search` returns."""
        op = self._search(namespace_prefix, query, filter, limit, offset, refresh_ttl)
        return cast("list[SearchItem]", (await self.abatch([op]))[0])

    def put(
        self,
        namespace: tuple[str, ...],
        key: str,
        value: Mapping[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Put an item in, or another value in its place.

        Args:
            namespace: Non-empty strings; the first is not "langgraph".
            key: Its name there.
            value: Strings as keys; what JSON can hold.
            index: Embed nothing (False), these JSON paths, or the store's `fields` (None).
            ttl: Minutes that it lives after it was last read or written; None is for ever, the
                default is the store's.
        """
        self.batch([self._put(namespace, key, value, index, ttl)])

    async def aput(
        self,
        namespace: tuple[str, ...],
        key: str,
        value: Mapping[str, Any],
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Do what `put` does."""
        await self.abatch([self._put(namespace, key, value, index, ttl)])

    def delete(self, namespace: tuple[str, ...], key: str) -> None:
        """Delete an item, if there is one."""
        self.batch([PutOp(namespace, str(key), None)])

    async def adelete(self, namespace: tuple[str, ...], key: str) -> None:
        """Delete an item, if there is one."""
        await self.abatch([PutOp(namespace, str(key), None)])

    def list_namespaces(
        self,
        *,
        prefix: NamespacePath | None = None,
        suffix: NamespacePath | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[tuple[str, ...]]:
        """Return the namespaces that hold items, sorted.

        Args:
            prefix: What they begin with; "*" stands for any one label.
            suffix: What they end with.
            max_depth: Cut them to so many labels, and name each once.
            limit: At most so many.
            offset: After so many.
        """
        op = _list(prefix, suffix, max_depth, limit, offset)
        return cast("list[tuple[str, ...]]", self.batch([op])[0])

    async def alist_namespaces(
        self,
        *,
        prefix: NamespacePath | None = None,
        suffix: NamespacePath | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[tuple[str, ...]]:
        """Return what `list_namespaces` returns."""
        op = _list(prefix, suffix, max_depth, limit, offset)
        return cast("list[tuple[str, ...]]", (await self.abatch([op]))[0])

    def _get(self, namespace: tuple[str, ...], key: str, refresh: bool | None) -> GetOp:
        return GetOp(namespace, str(key), self._refreshes(refresh))

    def _search(
        self,
        prefix: tuple[str, ...],
        query: str | None,
        filter: dict[str, Any] | None,
        limit: int,
        offset: int,
        refresh: bool | None,
    ) -> SearchOp:
        return SearchOp(prefix, filter, limit, offset, query, self._refreshes(refresh))

    def _put(
        self,
        namespace: tuple[str, ...],
        key: str,
        value: Mapping[str, Any],
        index: Literal[False] | list[str] | None,
        ttl: float | NotProvided | None,
    ) -> PutOp:
        check_not_reserved(namespace)
        if isinstance(ttl, NotProvided):
            ttl = (self.ttl_config or {}).get("default_ttl")
        return PutOp(namespace, str(key), value, index, ttl)

    def _refreshes(self, asked: bool | None) -> bool:
        return (self.ttl_config or {}).get("refresh_on_read", True) if asked is None else asked


def _list(
    prefix: NamespacePath | None,
    suffix: NamespacePath | None,
    max_depth: int | None,
    limit: int,
    offset: int,
) -> ListNamespacesOp:
    conditions = [MatchCondition("prefix", prefix)] if prefix else []
    conditions += [MatchCondition("suffix", suffix)] if suffix else []
    return ListNamespacesOp(tuple(conditions), max_depth, limit, offset)
