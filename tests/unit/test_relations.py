"""Which memories are compared, and which of two that contradict each other stands."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ingrained.memory.records import Memory
from ingrained.memory.relations import CANDIDATE_FLOOR, TRUST_MARGIN, candidates, settle
from ingrained.memory.results import Recalled

OLD = Memory(id="old", text="The Swan inn has nine rooms.", created=100.0, title="Swan inn")
NEW = Memory(id="new", text="The Swan inn has twelve rooms.", created=200.0)


def changed(memory: Memory, **fields: Any) -> Memory:
    return dataclasses.replace(memory, **fields)


def test_the_newer_stands_and_the_older_ends_where_it_begins() -> None:
    settled = settle(OLD, NEW, "contradicts")
    assert settled is not None
    assert settled.winner == changed(NEW, supersedes=("old",))
    assert settled.loser == changed(OLD, status="superseded", superseded_by="new", valid_to=200.0)


@pytest.mark.parametrize("relation", ["same", "refines", "unrelated"])
def test_what_can_both_be_true_both_stands(relation: Any) -> None:
    assert settle(OLD, NEW, relation) is None


def test_a_clearly_better_source_stands_against_a_later_remark() -> None:
    remark = changed(NEW, trust=0.7)
    settled = settle(OLD, remark, "contradicts")
    assert settled is not None
    assert settled.winner.id == "old"
    assert (settled.loser.status, settled.loser.valid_to) == ("superseded", remark.created)


def test_a_little_more_trust_weighs_less_than_the_order_of_time() -> None:
    settled = settle(OLD, changed(NEW, trust=OLD.trust - TRUST_MARGIN / 2), "contradicts")
    assert settled is not None
    assert settled.winner.id == "new"


def test_an_old_chronicle_read_late_does_not_supersede() -> None:
    chronicle = changed(NEW, valid_from=50.0)
    settled = settle(OLD, chronicle, "contradicts")
    assert settled is not None
    assert settled.winner.id == "old"
    assert settled.loser.valid_to == OLD.created


def test_the_winner_remembers_all_that_it_took_the_place_of() -> None:
    settled = settle(OLD, changed(NEW, supersedes=("older still",)), "contradicts")
    assert settled is not None
    assert settled.winner.supersedes == ("older still", "old")


def recalled(memory: Memory, dense: float = 0.8) -> Recalled:
    return Recalled(memory=memory, score=0.5, dense=dense, lexical=0.5, retention=1.0, rank=1)


def test_near_memories_that_share_a_word_are_compared() -> None:
    assert candidates(NEW, [recalled(OLD)]) == [OLD]


@pytest.mark.parametrize(
    "other",
    [
        recalled(OLD, dense=CANDIDATE_FLOOR - 0.01),
        recalled(changed(OLD, kind="insight")),
        recalled(changed(OLD, namespace=("somebody else",))),
        recalled(changed(OLD, status="superseded")),
        recalled(changed(OLD, text=NEW.text.upper())),
        recalled(changed(OLD, text="Nobody sleeps here.")),
    ],
    ids=["far", "kind", "namespace", "superseded", "same text", "no word in common"],
)
def test_others_are_not_worth_a_call(other: Recalled) -> None:
    assert candidates(NEW, [other]) == []
