"""Likeness of texts by an embedder."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingrained.memory.likeness import Likeness
from ingrained.memory.testing import HashEmbedder


class Counting(HashEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.batches.append(list(texts))
        return super().embed(texts)


def test_a_text_is_most_like_itself_and_more_like_what_shares_its_words() -> None:
    mill, same, other = "a mill on the hill", "the mill on a hill", "seven grey herons"
    likeness = Likeness(HashEmbedder(), [mill, same, other])
    assert likeness.between(mill, mill) == pytest.approx(1.0)
    assert likeness.between(mill, same) > likeness.between(mill, other)
    assert likeness.between(mill, other) == likeness.between(other, mill)


def test_each_text_is_embedded_once_in_one_batch() -> None:
    embedder = Counting()
    Likeness(embedder, ["mill", "heron", "mill", " "])
    assert embedder.batches == [["mill", "heron"]]


def test_without_texts_nothing_is_embedded() -> None:
    embedder = Counting()
    Likeness(embedder, ["", " "])
    assert embedder.batches == []
