"""What an insight brings to the curriculum: nothing, unless a quiz has proved it."""

from __future__ import annotations

import dataclasses

from ingrained.agent.answering import closed_book
from ingrained.memory.records import Evidence, Memory
from ingrained.memory.reflecting import insight
from ingrained.trainer.curriculum import build_rows

FACT = Memory(
    id="a",
    text="Mara Vint built the bridge.",
    evidence=(
        Evidence(
            question="Who built it?", answer="Mara Vint", passed_before=False, passed_after=True
        ),
    ),
)
OTHER = Memory(id="b", text="The bridge has nine arches.")
INSIGHT = dataclasses.replace(insight("Mara Vint made nine arches.", [FACT, OTHER]), id="i")


def test_an_insight_without_evidence_makes_no_rows() -> None:
    alone = build_rows([FACT, OTHER], closed_book=closed_book, seed=0)
    assert alone
    assert build_rows([FACT, OTHER, INSIGHT], closed_book=closed_book, seed=0) == alone
