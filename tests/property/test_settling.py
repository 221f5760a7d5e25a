"""Settling, for any two memories: one stands, one gives way, nothing else changes."""

from __future__ import annotations

import dataclasses

from hypothesis import assume, given
from hypothesis import strategies as st

from ingrained.memory.records import Memory
from ingrained.memory.relations import TRUST_MARGIN, Settled, holds_from, settle

TIMES = st.floats(0.0, 1e9)


@st.composite
def memories(draw: st.DrawFn, id: str) -> Memory:
    return Memory(
        id=id, text=f"The text of {id}.", created=draw(TIMES), trust=draw(st.floats(0.0, 1.0)),
        valid_from=draw(st.none() | TIMES), pinned=draw(st.booleans()),
        tags=draw(st.sampled_from([(), ("red",)])),
    )  # fmt: skip


PAIRS = st.tuples(memories("older"), memories("newer"))


def settled(pair: tuple[Memory, Memory]) -> Settled:
    found = settle(*pair, "contradicts")
    assert found is not None
    return found


@given(PAIRS)
def test_both_are_kept_and_point_at_each_other(pair: tuple[Memory, Memory]) -> None:
    found = settled(pair)
    before = {memory.id: memory for memory in pair}
    assert {found.winner.id, found.loser.id} == set(before)
    assert found.winner.supersedes == (found.loser.id,)
    assert found.loser.superseded_by == found.winner.id
    assert dataclasses.replace(found.winner, supersedes=()) == before[found.winner.id]
    undone = dataclasses.replace(found.loser, status="active", superseded_by="", valid_to=None)
    assert undone == before[found.loser.id]


@given(PAIRS)
def test_no_memory_ends_before_it_began(pair: tuple[Memory, Memory]) -> None:
    loser = settled(pair).loser
    assert loser.valid_to is not None
    assert loser.valid_to >= holds_from(loser)


@given(PAIRS)
def test_trust_decides_first_and_time_second(pair: tuple[Memory, Memory]) -> None:
    older, newer = pair
    winner = settled(pair).winner
    if abs(older.trust - newer.trust) >= TRUST_MARGIN:
        assert winner.trust == max(older.trust, newer.trust)
    else:
        assert holds_from(winner) == max(map(holds_from, pair))


@given(PAIRS)
def test_who_is_named_first_matters_only_in_a_tie(pair: tuple[Memory, Memory]) -> None:
    older, newer = pair
    assume(holds_from(older) != holds_from(newer))
    assert settled(pair) == settled((newer, older))
