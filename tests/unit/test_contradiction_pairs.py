"""The pairs of statements on which superseding is scored have the shape that the score relies on."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

Row = dict[str, str]


@pytest.fixture(scope="module")
def pairs(root: Path) -> list[Row]:
    text = (root / "benchmarks" / "contradictions.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_half_of_the_hundred_pairs_contradict(pairs: list[Row]) -> None:
    assert Counter(pair["relation"] for pair in pairs) == {
        "contradicts": 50, "same": 15, "refines": 15, "unrelated": 20,
    }  # fmt: skip


def test_every_pair_has_an_id_of_its_own_and_two_statements(pairs: list[Row]) -> None:
    assert all(set(pair) == {"id", "older", "newer", "relation"} for pair in pairs)
    assert len({pair["id"] for pair in pairs}) == 100
    statements = [pair[end] for pair in pairs for end in ("older", "newer")]
    assert len(set(statements)) == 200
    assert all(8 <= len(statement.split()) <= 30 for statement in statements)


def test_the_order_of_the_file_does_not_give_the_relation_away(pairs: list[Row]) -> None:
    first_half = Counter(pair["relation"] for pair in pairs[:50])
    assert 15 <= first_half["contradicts"] <= 35
