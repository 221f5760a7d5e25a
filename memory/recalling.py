"""Recall: from a query to the few memories worth showing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from ingrained.errors import InputError

from .embedding import Embedder
from .entries import indexed_text
from .filters import Where
from .gathering import gather
from .index import Searchable
from .lexical import clean, normalise
from .lookups import Lookups
from .ranking import POOL, Candidates, Ranker, Room, diversified, fitting, rerank
from .records import DEFAULT_NAMESPACE, Memory
from .results import Considered, Recalled, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .reranking import Reranker

    Vector = NDArray[np.float32]

_NEAR = 8
"""Memories looked at for each that is compared with what is known."""
MOST = 10_000
"""Most memories that one query may ask for."""
RERANKED = 20
"""Most candidates that a reranker reads for one query."""


class RecallOptions(TypedDict, total=False):
    """What may be asked of a recall beside the query."""

    k: int
    """At most so many memories; 5 when left out."""
    namespace: tuple[str, ...]
    """Only memories of exactly this one; the default namespace when left out."""
    where: Where | None
    """Only memories that meet these conditions."""
    document: str | None
    """Only memories resting on this document: short for `where`."""
    floor: float | None
    """Lowest cosine similarity; the calibrated one, or `ranking.DENSE_FLOOR`, when None. A memory
    below it is still recalled when it shares most of the query's content words."""
    search: Literal["both", "meaning", "words"]
    """Which searches find candidates; both when left out."""
    reranker: Reranker | None
    """Reads query and candidates together and orders them anew; the store's when left out."""
    diversity: float
    """From 0 (the default: the best by score) to 1, maximal marginal relevance: how much a memory
    loses for being like one that was chosen before it."""
    max_chars: int | None
    """Together at most so many characters; what does not fit is passed over."""
    max_tokens: int | None
    """Together at most so many tokens."""
    count_tokens: Callable[[str], int] | None
    """Counts the tokens of a text; four characters are taken for one when left out."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One set of options, complete.

    Raises:
        InputError: When an option is out of range.
    """

    k: int = 5
    namespace: tuple[str, ...] = DEFAULT_NAMESPACE
    where: Where | None = None
    document: str | None = None
    floor: float | None = None
    search: Literal["both", "meaning", "words"] = "both"
    reranker: Reranker | None = None
    diversity: float = 0.0
    max_chars: int | None = None
    max_tokens: int | None = None
    count_tokens: Callable[[str], int] | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.k > MOST:
            raise InputError(f"k must be at most {MOST}, got {self.k}")
        if not 0.0 <= self.diversity <= 1.0:
            raise InputError(f"diversity must be in [0, 1], got {self.diversity}")
        if self.search not in ("both", "meaning", "words"):
            raise InputError(f"search must be both, meaning or words, got {self.search!r}")

    @property
    def conditions(self) -> Where | None:
        """The conditions, with the document among them."""
        if self.document is None:
            return self.where
        return dataclasses.replace(self.where or Where(), document=self.document)

    @property
    def tried(self) -> int:
        """How many of the best are looked at: more where more than their rank decides."""
        if self.reranker:
            return max(RERANKED, self.k)
        budget = self.max_chars is not None or self.max_tokens is not None
        return max(POOL, self.k) if budget or self.diversity else self.k

    @property
    def room(self) -> Room:
        """How much may be recalled."""
        return Room(
            k=self.k, max_chars=self.max_chars, max_tokens=self.max_tokens,
            count_tokens=self.count_tokens,
        )  # fmt: skip


class Recollection:
    """Searches one ledger and its index. Not synchronised: the store's lock guards it.

    Args:
        ledger: Searched by words; holds the memories.
        index: Searched by meaning.
        embedder: Turns queries into vectors.
        ranker: Makes what ranks the candidates; given the floor that was asked for.
    """

    def __init__(
        self,
        ledger: Lookups,
        index: Searchable,
        embedder: Embedder,
        ranker: Callable[[float | None], Ranker],
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._embedder = embedder
        self._ranker = ranker
        self._last: dict[str, list[float]] = {}
        self._aside: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="recall")

    def close(self) -> None:
        """Let go of the second thread; a second call does nothing."""
        if self._aside is not None:
            self._aside.shutdown()
            self._aside = None

    def recall(self, queries: Sequence[str], request: Request) -> list[list[Recalled]]:
        """Return what is recalled for each query, with one embedding batch and one index query."""
        found = self._gather(queries, request)
        ranker = self._ranker(request.floor)
        ranked = {
            query: fitting(self._ordered(one, ranker, request), request.room)
            for query, one in found.items()
        }
        return [list(ranked.get(query, ())) for query in queries]

    def consider(self, query: str, request: Request) -> list[Considered]:
        """Return every candidate of a query and what became of it, those recalled first."""
        found = self._gather([query], request)
        if query not in found:
            return []
        ranker = self._ranker(request.floor)
        tried = self._ordered(found[query], ranker, request)
        recalled = fitting(tried, request.room)
        seen = {one.memory.id for one in tried}
        chosen = {one.memory.id for one in recalled}
        passed_over: Verdict = "beyond k" if len(recalled) >= request.k else "no room"
        untried = [one for one in ranker.every(found[query]) if one.memory.id not in seen]
        return [
            *(Considered(found=one, verdict="recalled") for one in recalled),
            *(
                Considered(found=one, verdict=passed_over)
                for one in tried
                if one.memory.id not in chosen
            ),
            *(Considered(found=one, verdict="beyond k") for one in untried if ranker.passes(one)),
            *(
                Considered(found=one, verdict="below the floors")
                for one in untried
                if not ranker.passes(one)
            ),
        ]

    def near(self, memories: Sequence[Memory]) -> dict[str, list[Recalled]]:
        """Return what is near to each memory by meaning, by its id.

        The memories need not be known; those before each in the order given are near it as well.
        """
        import numpy as np

        own = np.asarray(
            self._embedder.embed([indexed_text(memory) for memory in memories]), dtype=np.float32
        )
        ranker = self._ranker(-1.0)
        found: dict[str, list[Recalled]] = {}
        for place, memory in enumerate(memories):
            known = self._like(memory, own[place], ranker)
            fresh = [
                ranker.alike(memories[row], similarity)
                for row, similarity in _nearest_rows(own[:place] @ own[place])
                if memories[row].namespace == memory.namespace
            ]
            found[memory.id] = sorted([*known, *fresh], key=lambda one: -one.dense)[:_NEAR]
        return found

    def _like(self, memory: Memory, vector: Vector, ranker: Ranker) -> list[Recalled]:
        """Return the known memories that are nearest to a new one."""
        (hits,) = self._index.query([vector.tolist()], k=_NEAR, namespace=memory.namespace)
        candidates = Candidates(query=memory.text, dense=hits, lexical=[], search="meaning")
        return ranker.best(candidates, _NEAR)

    def _gather(self, queries: Sequence[str], request: Request) -> dict[str, Candidates]:
        asked = [query for query in dict.fromkeys(queries) if normalise(query)]
        if not asked or request.k <= 0:
            return {}
        found = gather(
            self._ledger,
            self._index,
            dict(zip(asked, self._vectors(asked, request), strict=True)),
            pool=max(POOL, 4 * request.k),
            enough=request.tried,
            namespace=request.namespace,
            where=request.conditions,
            fingerprint=self._embedder.fingerprint,
            search=request.search,
            aside=self._aside,
        )
        return {one.query: one for one in found}

    def _vectors(self, queries: Sequence[str], request: Request) -> list[list[float]]:
        if request.search == "words":
            return [[] for _ in queries]
        texts = [clean(query) for query in queries]
        self._embed(texts)
        return [self._last[text] for text in texts]

    def _embed(self, texts: Sequence[str]) -> None:
        """Make the vectors of queries; those of the last ones are there, as one question is put often."""
        fresh = list(dict.fromkeys(text for text in texts if text not in self._last))
        made = dict(zip(fresh, self._embedder.embed(fresh), strict=True)) if fresh else {}
        self._last = {text: made[text] if text in made else self._last[text] for text in texts}

    def _ordered(self, one: Candidates, ranker: Ranker, request: Request) -> list[Recalled]:
        """Return the best in the order in which they are tried for room."""
        best = ranker.best(one, request.tried)
        if request.reranker and best:
            texts = [found.memory.text for found in best]
            best = rerank(best, request.reranker.scores(one.query, texts))
        if request.diversity:
            best = self._diversified(best, request)
        return best

    def _diversified(self, best: Sequence[Recalled], request: Request) -> list[Recalled]:
        import numpy as np

        memories: Mapping[str, Memory] = {one.memory.id: one.memory for one in best}
        kept = self._ledger.vectors(memories, fingerprint=self._embedder.fingerprint)
        arrays = {id_: np.asarray(vector, dtype=np.float32) for id_, vector in kept.items()}

        def likeness(one: str, other: str) -> float:
            gone = one not in arrays or other not in arrays
            return 0.0 if gone else float(arrays[one] @ arrays[other])

        return diversified(best, likeness, diversity=request.diversity)


def _nearest_rows(similarities: Vector) -> list[tuple[int, float]]:
    """Return the rows of the most similar, with the similarity, nearest first."""
    rows = (-similarities).argsort(kind="stable")[:_NEAR].tolist()
    return [(row, float(similarities[row])) for row in rows]
