"""Self-Consistency: which replies say the same, who wins, how sure the vote is."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.grading import ABSTENTION
from ingrained.agent.solving import Vote, vote


def test_the_majority_wins_and_its_share_is_the_confidence() -> None:
    got = vote(["Mara Vint", "Halvard", "mara vint.", "The Mara Vint", "Lorne"])
    assert (got.answer, got.share, got.tied) == ("Mara Vint", 0.6, False)
    assert got.replies[1] == "Halvard"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nine sacks", "9 sacks"),
        ("1402", "It was opened in 1402."),
        ("Mara Vint", "designed by Mara Vint"),
        ("I don't know.", "The text does not say."),
        ("I don't know.", ""),
        ("1,400", "1400"),
    ],
)
def test_these_say_the_same(one: str, other: str) -> None:
    assert vote([one, other]).share == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 May 1402 in the old town of Lorne", "13 May 1402 in the old town of Lorne"),
        ("open in winter", "not open in winter"),
        ("The carts can go over it.", "The carts can't go over it."),
        ("Mara Vint", "Mara Voss"),
        ("I don't know.", "Mara Vint"),
        ("peat", "The boiler burned whatever the stokers of the mill brought, peat for one"),
    ],
)
def test_these_do_not(one: str, other: str) -> None:
    assert vote([one, other]).share == 0.5


def test_a_chain_of_likenesses_does_not_join_its_two_ends() -> None:
    got = vote(["Paris", "Paris", "1402", "in Paris, 1402"])
    assert (got.answer, got.share) == ("Paris", 0.75)


def test_words_of_the_question_tell_no_answers_apart() -> None:
    question = "Who ruled the old Duchy of Averley in the far north?"
    replies = [
        "Odo Prane ruled the old Duchy of Averley in the far north.",
        "Mara Vint ruled the old Duchy of Averley in the far north.",
        "It was ruled by Odo Prane.",
    ]
    assert vote(replies).share == pytest.approx(2 / 3)
    assert vote(replies[:2]).share == 1.0
    assert vote(replies[:2], question).share == 0.5
    assert vote(replies, question).share == pytest.approx(2 / 3)
    assert vote(["the north", "It is the north"], question).share == 1.0
    assert vote(["Odo I", "Odo II"], question).share == 0.5


def test_a_tie_goes_to_the_group_of_the_first_reply() -> None:
    assert vote(["peat", "coal"]) == Vote(
        answer="peat", share=0.5, replies=("peat", "coal"), tied=True
    )
    assert vote(["wood", "coal", "peat", "peat", "coal"]).answer == "coal"


def test_an_abstention_can_win() -> None:
    assert vote(["unknown", "I do not know", "peat"]).answer == ABSTENTION


def test_no_replies_are_no_vote() -> None:
    with pytest.raises(ValueError, match="no replies"):
        vote([])


REPLIES = st.lists(
    st.sampled_from(["peat", "the peat", "coal", "no coal", "9", "nine", "9 sacks", "I don't know."]),
    min_size=1, max_size=5,
)  # fmt: skip


@given(REPLIES)
def test_the_order_of_the_replies_matters_to_ties_only(replies: list[str]) -> None:
    first = vote(replies)
    for other in map(vote, itertools.permutations(replies)):
        assert (other.share, other.tied) == (first.share, first.tied)
        assert first.tied or other.answer == first.answer
