"""Choices that change nothing are told of."""

from __future__ import annotations

import pytest

from ingrained.agent.commands.remarks import remarks
from ingrained.agent.mechanisms import chosen
from ingrained.graphs.context import StudyPolicy


@pytest.mark.parametrize(
    ("plus", "minus", "policy", "said"),
    [
        (["cloze"], None, {}, ["--with cloze: it is on already."]),
        (["star"], None, {}, []),
        (None, ["star"], {}, ["--without star: it is off already."]),
        (None, ["cloze"], {}, []),
        (None, None, {"autonomy": "high", "rounds": 2}, []),
        (None, None, {"votes": 3}, []),
        (None, None, {"approve": True, "consolidate": True, "every_documents": 3}, []),
        (
            None, None, {"every_documents": 3},
            ["--every: without --consolidate nothing is trained."],
        ),
        (
            None, None, {"approve": True},
            ["--approve: without --consolidate nothing is trained."],
        ),
        (
            None, None, {"method": "star"},
            ["--method: without --consolidate nothing is trained."],
        ),
        (None, None, {"method": "star", "consolidate": True}, []),
        (
            None, ["self-consistency"], {"votes": 3},
            ["--votes: without self-consistency nothing votes."],
        ),
        (
            ["metric-filter"], ["round-trip"], {},
            ["--with metric-filter: without round-trip nothing is read again that it could weigh."],
        ),
        (
            None, None, {"autonomy": "high"},
            ["--autonomy high: the model plans from the second round on; --rounds 2 has one."],
        ),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_said(
    plus: list[str] | None, minus: list[str] | None, policy: dict[str, object], said: list[str]
) -> None:
    mechanisms = chosen(plus=plus or [], minus=minus or [])
    came_to = StudyPolicy(mechanisms=mechanisms, **policy)  # type: ignore[arg-type]
    assert list(remarks(came_to, plus=plus, minus=minus, recipe={})) == said


@pytest.mark.parametrize(
    ("consolidate", "said"),
    [(True, []), (False, ["--recipe: without --consolidate nothing is trained."])],
)
def test_a_recipe_is_of_use_to_a_training_only(consolidate: bool, said: list[str]) -> None:
    policy = StudyPolicy(consolidate=consolidate)
    assert list(remarks(policy, plus=None, minus=None, recipe={"rank": 8})) == said
