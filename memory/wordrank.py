"""How well a few texts match a question by their words: BM25 over just these texts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from .lexical import clean, match_expression, terms


def bm25(query: str, texts: Sequence[str]) -> list[float]:
    """Return the BM25 of each text (Robertson and Zaragoza 2009, section 3), counted over these texts.

    It is SQLite's, with its constants k1 = 1.2 and b = 0.75, over Porter's stems; stop-words of the
    query do not count.

    Returns:
        A score for each text, the higher the better; 0.0 for one that shares no word.
    """
    wanted = match_expression(terms(query))
    scores = [0.0] * len(texts)
    if not wanted:
        return scores
    with closing(sqlite3.connect(":memory:")) as words:
        words.execute(
            "CREATE VIRTUAL TABLE texts USING fts5(body, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        rows = ((number, clean(text)) for number, text in enumerate(texts))
        words.executemany("INSERT INTO texts (rowid, body) VALUES (?, ?)", rows)
        found = words.execute("SELECT rowid, -bm25(texts) FROM texts WHERE texts MATCH ?", [wanted])
        for number, score in found:
            scores[number] = score
    return scores
