"""Asking both searches, by meaning and by words, for candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .index import Index
from .ledger import Ledger
from .lexical import match_expression, terms
from .ranking import Candidates
from .records import Memory


def gather(
    ledger: Ledger,
    index: Index,
    queries: Mapping[str, Sequence[float]],
    *,
    pool: int,
    namespace: tuple[str, ...],
    document: str | None,
) -> tuple[list[Candidates], dict[str, Memory]]:
    """Return the candidates of each query, and all active memories among them by id.

    Args:
        ledger: Searched by words; also says what is active.
        index: Searched by meaning, once for all queries.
        queries: The vector of each query.
        pool: At most so many candidates from each search.
        namespace: Only memories of exactly this one.
        document: Only memories resting on this document; any when None.
    """
    dense = index.query(list(queries.values()), k=pool, namespace=namespace, document=document)
    words = {query: terms(query) for query in queries}
    common = _common(ledger, {word for found in words.values() for word in found}, pool)
    found = []
    for query, hits in zip(queries, dense, strict=True):
        expression = match_expression(word for word in words[query] if word not in common)
        lexical = ledger.search(expression, namespace=namespace, document=document, limit=pool)
        found.append(Candidates(query=query, dense=hits, lexical=lexical))
    ids = {id_ for item in found for id_, _ in item.dense}
    ids.update(id_ for item in found for id_ in item.lexical)
    loaded = ledger.load(sorted(ids))
    return found, {id_: memory for id_, memory in loaded.items() if memory.status == "active"}


def _common(ledger: Ledger, words: Iterable[str], pool: int) -> frozenset[str]:
    """Return the words that more than half of the memories hold, and too many to rank.

    Their weight in BM25 is nought, yet scoring every match takes nearly all of the time of a
    search; the name that runs through the only document read is such a word.
    """
    many = max(ledger.searchable() / 2, pool)
    return frozenset(word for word in words if ledger.frequency(word) > many)
