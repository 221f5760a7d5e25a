"""Precision and recall of superseding are counted on what the store made of the pairs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from ingrained.memory.records import Memory
from ingrained.memory.relations import Relation
from ingrained.memory.testing import HashEmbedder

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RELATIONS = {"same", "contradicts", "refines", "unrelated"}


@pytest.fixture
def superseding(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import superseding

    return superseding


class SeesRed:
    """Finds a contradiction in whatever newer text is red."""

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        return ["contradicts" if "red" in newer.text else "unrelated" for _, newer in pairs]


ROWS = [
    ("The old mill door is painted green.", "The old mill door is painted red.", "contradicts"),
    ("The garden gate is painted green.", "The garden gate is painted blue.", "contradicts"),
    ("The tower roof is painted green.", "The tower roof is painted green and red.", "refines"),
    ("The castle wall is painted green.", "The castle wall is very old.", "unrelated"),
]


def test_precision_and_recall_are_those_of_the_store(
    superseding: ModuleType, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.jsonl"
    keys = ("older", "newer", "relation")
    file.write_text("".join(json.dumps(dict(zip(keys, row, strict=True))) + "\n" for row in ROWS))
    pairs = superseding.read_pairs(file)
    figures = superseding.superseding_figures(tmp_path, pairs, SeesRed(), HashEmbedder())
    values = {label: figure.value for label, figure in figures.items()}
    assert values["supersede_precision"] == 0.5
    assert values["supersede_recall"] == 0.5
    assert values["supersede_pairs"] == 4
    assert {"supersede_by_cosine_precision", "supersede_by_cosine_recall"} <= values.keys()


def test_the_threshold_of_the_baseline_is_the_best_there_is(superseding: ModuleType) -> None:
    pairs = [
        superseding.Pair(older="", newer="", relation=relation)
        for relation in ("unrelated", "contradicts", "contradicts", "same")
    ]
    assert superseding.best_threshold([0.2, 0.7, 0.8, 0.9], pairs) == 0.7


@pytest.mark.parametrize("name", ["relations", "relations_check", "relations_free"])
def test_development_pairs_are_all_different_and_of_every_relation(
    superseding: ModuleType, name: str
) -> None:
    pairs = superseding.read_pairs(BENCHMARKS / "dev" / f"{name}.jsonl")
    assert {pair.relation for pair in pairs} == RELATIONS
    assert len({(pair.older, pair.newer) for pair in pairs}) == len(pairs)
