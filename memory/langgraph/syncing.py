"""Keeping Chroma equal to the vectors in SQLite, through crashes and through Chroma's own failures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ingrained.errors import StoreError

from .chroma import VectorCache
from .items import Items

if TYPE_CHECKING:
    from .embedding import TextEmbedder, Vector

_LOG = logging.getLogger(__name__)
BEHIND = 256
"""Changed vectors that wait for one another."""
_AT_ONCE = 1000
_COLLECTION = "collection"
_DROPPED = "dropped_collection"
_PROBE = "probe"


class SyncedCache:
    """Chroma as it follows SQLite: when it is far enough behind, and when the store is closed.

    To put one vector into Chroma takes as long as to put in dozens. So the last changes wait, and
    until then a search counts them in.

    Args:
        items: The truth.
        place: A folder, or the address of a Chroma server.

    Attributes:
        repaired: How many vectors had to be put in or taken out when the store was opened.

    Raises:
        StoreError: When Chroma cannot be used.
    """

    def __init__(self, items: Items, place: Path | str) -> None:
        self._items = items
        self._cache = VectorCache(place, _collection(items))
        try:
            self.repaired = self._repair()
        except StoreError:
            self._cache.close()
            raise

    def after_change(self) -> None:
        """Follow, if enough has changed; should Chroma fail, the next change tries again."""
        if self._items.pending_count() >= BEHIND:
            self._try_to_follow()

    def nearest(self, vector: Vector, k: int) -> list[int]:
        """Return the ids of some `k` nearest vectors, and of all that Chroma does not know yet."""
        pending = self._items.pending()
        return [*self._cache.nearest(vector, k + len(pending)), *pending]

    def close(self) -> None:
        """Follow, and let go of Chroma; should it fail, the next open tries again."""
        self._try_to_follow()
        self._cache.close()

    def _try_to_follow(self) -> None:
        try:
            self._follow()
        except StoreError as error:
            _LOG.warning("The index stays behind the items for now: %s", error)

    def _follow(self) -> int:
        pending = self._items.pending()
        if pending:
            self._put(pending)
            with self._items.transaction():
                self._items.forget_pending()
        return len(pending)

    def _put(self, ids: Sequence[int]) -> None:
        """Put those of these vectors into Chroma that SQLite has, take out the others."""
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            rows = self._items.vectors_by_id(some)
            self._cache.upsert([id_ for id_, _ in rows], [_array(blob) for _, blob in rows])
            self._cache.delete(set(some) - {id_ for id_, _ in rows})

    def _repair(self) -> int:
        repaired = self._follow()
        if self._cache.count() != self._items.vector_count():
            differing = self._cache.ids().symmetric_difference(self._items.vector_ids())
            self._put(sorted(differing))
            repaired += len(differing)
        self._drop_old()
        return repaired

    def _drop_old(self) -> None:
        if dropped := self._items.setting(_DROPPED):
            self._cache.drop(dropped.decode())
            with self._items.transaction():
                self._items.put_setting(_DROPPED, None)


class EmbedderCheck:
    """Tells the embedder that made the vectors from another one, by what both make of one text.

    Args:
        items: Keeps that vector.

    Attributes:
        done: Whether the embedder in use has been found to be the right one.
    """

    _ALIKE = 0.99
    """Cosine similarity; the same model on other hardware gives more."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self.done = False

    def check_dims(self, dims: int | None) -> None:
        """Refuse vectors of another length than those of the store.

        Raises:
            StoreError: When `dims` is another length.
        """
        kept = self._kept()
        if kept is not None and dims is not None and len(kept) != dims:
            raise _other_embedder(
                f"dims is {dims}, and the store's vectors have {len(kept)} numbers"
            )

    def check(self, vector: Vector) -> None:
        """Compare with the kept vector; keep this one when there is none.

        Raises:
            StoreError: When they differ.
        """
        import numpy as np

        kept = self._kept()
        if kept is None:
            self._items.put_setting(_PROBE, vector.astype("<f4").tobytes())
        elif len(kept) != len(vector):
            raise _other_embedder(
                f"it gives {len(vector)} numbers, and the store's vectors have {len(kept)}"
            )
        elif kept @ vector < self._ALIKE * np.linalg.norm(kept) * np.linalg.norm(vector):
            raise _other_embedder("it gives another vector for the same text")

    def _kept(self) -> Vector | None:
        blob = self._items.setting(_PROBE)
        return None if blob is None else _array(blob)


def embed_anew(items: Items, embedder: TextEmbedder) -> None:
    """Give all items new vectors, in one transaction: until it ends, the old ones are there.

    The new ones go into a new collection of Chroma, since their length may differ.
    """
    with items.transaction():
        items.drop_vectors()
        for some in items.all_values():
            texts = {id_: embedder.texts(value, indexing) for id_, value, indexing in some}
            unique = dict.fromkeys(text for of_item in texts.values() for text in of_item)
            vectors = embedder.embed(list(unique), []).texts
            for id_, of_item in texts.items():
                items.add_vectors(id_, [vectors[text] for text in of_item])
        items.put_setting(_DROPPED, items.setting(_COLLECTION))
        items.put_setting(_COLLECTION, None)
        items.put_setting(_PROBE, None)
        items.forget_pending()


def _collection(items: Items) -> str:
    """Return the name of the store's own collection: no other store has the same."""
    kept = items.setting(_COLLECTION)
    if kept is None:
        kept = f"langgraph-{uuid4().hex}".encode()
        with items.transaction():
            items.put_setting(_COLLECTION, kept)
    return kept.decode()


def _other_embedder(why: str) -> StoreError:
    return StoreError(
        f"This embedder is not the one that the store was filled with: {why}.",
        hint="Give that embedder; or open the store once with reindex=True, "
        "which embeds every item anew.",
    )


def _array(blob: bytes) -> Vector:
    import numpy as np

    return np.frombuffer(blob, dtype="<f4")
