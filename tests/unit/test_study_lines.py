"""What a study says of its progress, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from ingrained.agent.ui.events import describe


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            {"phase": "quiz", "event": "drafts", "asked": 69, "usable": 55},
            "quiz      69 asked for, 55 usable",
        ),
        (
            {"phase": "vary", "event": "drafts", "asked": 74, "usable": 55},
            "vary      74 asked for, 55 usable",
        ),
        (
            {"phase": "attempt", "event": "votes", "asked": 55, "hopeful": 26, "gaps": 0, "quoting": 5,
             "guessed": 0, "read_again": True},
            "attempt   26 of 55 answered from their passage, 5 quote it at length",
        ),
        (
            {"phase": "attempt", "event": "votes", "asked": 25, "hopeful": 21, "gaps": 30, "quoting": 0,
             "guessed": 0, "read_again": True},
            "attempt   21 of 25 answered from their passage, 30 gaps to fill",
        ),
        (
            {"phase": "attempt", "event": "votes", "asked": 5, "hopeful": 5, "gaps": 1, "quoting": 0,
             "guessed": 2, "read_again": False},
            "attempt   5 of 5 fit to be asked, 1 gap to fill, 2 of all guessed without their topic or "
            "borne out by no quote",
        ),
        (
            {"phase": "attempt", "event": "votes", "asked": 0, "hopeful": 0, "gaps": 5, "quoting": 0,
             "guessed": 0, "read_again": True},
            "attempt   5 gaps to fill",
        ),
        (
            {"phase": "attempt", "event": "votes", "asked": 0, "hopeful": 0, "gaps": 0, "quoting": 0,
             "guessed": 0, "read_again": True},
            "",
        ),
        ({"phase": "grade", "event": "verdicts"}, ""),
        (
            {"phase": "grade", "event": "verdicts", "gap": 45, "doubt": 6},
            "grade     45 to be learnt, 0 known already, 6 in doubt",
        ),
    ],
)  # fmt: skip
def test_a_batch_is_told_in_numbers_that_follow_from_each_other(
    event: dict[str, Any], line: str
) -> None:
    assert describe(event) == line


def test_a_stage_of_a_training_method_is_one_line():
    stage = {
        "phase": "consolidate", "event": "stage", "name": "round-1", "rows": 7, "sealed": 0.5,
        "facts": {"pass_at_1": 0.25, "problems_kept": 3},
    }  # fmt: skip
    assert (
        describe(stage) == "stage     round-1: 7 rows, sealed 50 %, pass at 1 0.25, problems kept 3"
    )
    assert describe({**stage, "sealed": None, "facts": {}}) == "stage     round-1: 7 rows"
