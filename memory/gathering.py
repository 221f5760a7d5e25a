"""Asking both searches, by meaning and by words, for candidates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Literal

from .filters import Where
from .in_memory import search_exactly
from .index import Hits, Searchable
from .lexical import terms
from .lookups import Lookups
from .ranking import Candidates

_MATCHES = 750
"""Most matches of the leading words, unless the rarest alone has more."""
_WEIGHED = 12_000
"""Most memories that the other words stand in together, unless the rarest of them alone stands in
more: to weigh a word, BM25 walks through all that hold it."""


def gather(
    ledger: Lookups,
    index: Searchable,
    queries: Mapping[str, Sequence[float]],
    *,
    pool: int,
    enough: int,
    namespace: tuple[str, ...],
    where: Where | None,
    fingerprint: str,
    search: Literal["both", "meaning", "words"],
    aside: Executor | None,
) -> list[Candidates]:
    """Return the candidates of each query, in order.

    Args:
        ledger: Searched by words; and by meaning, where there are conditions.
        index: Searched by meaning, once for all queries.
        queries: The vector of each query.
        pool: At most so many candidates from each search.
        enough: With fewer matches of a rare word and another one, a rare word alone will do.
        namespace: Only memories of exactly this one.
        where: Only memories that meet it.
        fingerprint: Of the embedder that made the vectors.
        search: Which of the two is asked.
        aside: Runs one search while the other runs; one comes after the other when None.
    """
    asked = list(queries)
    within: dict[str, Any] = {"pool": pool, "namespace": namespace, "where": where}
    by_words = partial(_matching, ledger, asked, enough=enough, **within)
    by_meaning = partial(
        _nearest, ledger, index, list(queries.values()), fingerprint=fingerprint, **within
    )
    dense, lexical = _both(by_meaning, by_words, len(asked), search, None if where else aside)
    return [
        Candidates(query=query, dense=hits, lexical=ids, search=search)
        for query, hits, ids in zip(asked, dense, lexical, strict=True)
    ]


def _both(
    by_meaning: Callable[[], list[Hits]],
    by_words: Callable[[], list[list[str]]],
    count: int,
    search: Literal["both", "meaning", "words"],
    aside: Executor | None,
) -> tuple[list[Hits], list[list[str]]]:
    """Run the searches that were asked for, side by side where that is possible.

    SQLite and the index are two libraries that both let go of the interpreter's lock. The index has
    threads of its own to wait for, so it is the one that is asked from the second thread: the other
    way round little was won, measured on two cores.
    """
    if search == "both" and aside is not None:
        waiting = aside.submit(by_meaning)
        try:
            lexical = by_words()
        finally:
            dense = waiting.result()
        return dense, lexical
    nothing: list[list[Any]] = [[] for _ in range(count)]
    lexical = nothing if search == "meaning" else by_words()
    return nothing if search == "words" else by_meaning(), lexical


def _matching(
    ledger: Lookups,
    queries: Sequence[str],
    *,
    pool: int,
    enough: int,
    namespace: tuple[str, ...],
    where: Where | None,
) -> list[list[str]]:
    words = {query: terms(query) for query in queries}
    counts = ledger.frequencies({word for found in words.values() for word in found})
    most = max(ledger.at_most() // 2, pool)
    found = []
    for query in queries:
        lead, rest = leading(words[query], counts, most=most)
        both = ledger.search(lead, rest, namespace=namespace, where=where, limit=pool)
        if rest and len(both) < enough:
            alone = ledger.search(lead, [], namespace=namespace, where=where, limit=pool)
            both = list(dict.fromkeys([*both, *alone]))[:pool]
        found.append(both)
    return found


def leading(
    words: Sequence[str], counts: Mapping[str, int], *, most: int
) -> tuple[list[str], list[str]]:
    """Return the rarest words of a query, one of which a memory must hold, and the others.

    BM25 takes its time for every match, and nearly all matches are of common words, which weigh
    little. So only memories are ranked that hold a rare word and another one; then those with a
    rare word alone. Over 100,000 memories the right one is among ten for 97.7 % of the questions
    (98.7 % with all words and matches), in an eighth of the time.

    Args:
        words: Of one query.
        counts: How many memories hold each.
        most: Words that more memories hold say nothing, and are left out, but for the rarest of a
            query that has no other. One that seems to be in none may only be written otherwise.
    """
    unknown = [word for word in words if not counts[word]]
    held = sorted((word for word in words if counts[word]), key=counts.__getitem__)
    rare = [word for word in held if counts[word] <= most] or held[:1]
    lead = _within(_MATCHES, rare, counts)
    return [*unknown, *lead], _within(_WEIGHED, rare[len(lead) :], counts)


def _within(matches: int, ordered: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """Return the first of some words, at least one, that so many memories hold together."""
    sums = itertools.accumulate(counts[word] for word in ordered)
    return [
        word
        for n, (word, sum_) in enumerate(zip(ordered, sums, strict=True))
        if not n or sum_ <= matches
    ]


def _nearest(
    ledger: Lookups,
    index: Searchable,
    vectors: Sequence[Sequence[float]],
    *,
    pool: int,
    namespace: tuple[str, ...],
    where: Where | None,
    fingerprint: str,
) -> list[Hits]:
    if not where:
        return index.query(vectors, k=pool, namespace=namespace)
    return search_exactly(
        ledger, vectors, k=pool, namespace=namespace, where=where, fingerprint=fingerprint
    )
