"""Objectives: from the corpus to topics to passages, and the kinds that work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planning_corpus import TITLES, ask, ask_all, corpus, page, put

from ingrained.agent.library import Library
from ingrained.agent.planning import Objective, Planner, Sitting, evaluation, open_round, plan_round
from ingrained.agent.planning.acceptance import Acceptance
from ingrained.agent.planning.kinds import EXPLORATION, answers_now, is_given_up
from ingrained.agent.planning.scores import (
    standing,
    topics,
)
from ingrained.agent.reading.documents import Document
from ingrained.errors import SettingsError

KINDS = ("cloze", "reversed", "two-hop")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path / "library.sqlite")
    yield opened
    opened.close()


def planner(**fields: Any) -> Planner:
    return Planner(**{"kinds": KINDS, "limit": 6, "model": "m", **fields})


def counted(library: Library, **by_kind: tuple[int, int]) -> None:
    """Record asked and accepted of kinds, each in a round."""
    book = library.gradebook
    book.begin({"number": book.latest()})
    for name, (asked, accepted) in by_kind.items():
        kind = name.replace("_", "-")
        book.count({"asked": {kind: asked}}, model="m", batch="a")
        book.count({"accepted": {kind: accepted}}, model="m", batch="a")


@pytest.mark.parametrize("weak", TITLES)
def test_making_a_topic_weak_moves_the_next_tasks_there(library: Library, weak: str) -> None:
    pages = corpus(library)
    ask_all(library, pages, dict.fromkeys(TITLES, 1))
    even = plan_round(2, library, planner())
    ask_all(library, pages, {**dict.fromkeys(TITLES, 1), weak: 4})
    shifted = plan_round(2, library, planner())

    assert set(even.topics.values()) == {2}
    assert shifted.topics[f"{weak.lower()}.md"] == 3
    assert shifted.passages[:3] == tuple(one.id for one in pages[weak])


def test_an_examination_alone_moves_the_next_tasks(library: Library) -> None:
    pages = corpus(library)
    ask_all(library, pages, {})
    library.gradebook.begin({"number": 1})
    failed = [one["id"] for one in library.questions() if one["passage"] == pages["Mill"][1].id]
    library.gradebook.record_sittings(
        "memory", [Sitting(question=id_, passed=False, f1=0.0) for id_ in failed]
    )
    objective = plan_round(2, library, planner())
    assert (dict(objective.topics), objective.passages) == ({"mill.md": 1}, (pages["Mill"][1].id,))


def test_within_a_topic_the_weakest_passages_come_first(library: Library) -> None:
    one, two, three = put(library, page("Bridge"))
    ask(library, put(library, page("Mill", 1))[0], [True])
    ask(library, one, [True, True])
    ask(library, two, [True, False])
    assert plan_round(2, library, planner()).passages == (three.id, two.id)
    assert plan_round(2, library, planner(limit=1)).passages == (three.id,)


def test_one_failed_question_is_no_proof_of_weakness(library: Library) -> None:
    one, two, three = put(library, page("Bridge"))
    ask(library, put(library, page("Mill", 1))[0], [True])
    ask(library, one, [False])
    ask(library, two, [False] * 8)
    ask(library, three, [True])
    scores = standing(library).passages
    assert scores[one.id].share == scores[two.id].share == 0
    assert plan_round(2, library, planner(limit=1)).passages == (two.id,)
    assert scores[three.id].shrunk < 1


def test_what_is_mastered_is_not_taken_up_again(library: Library) -> None:
    pages = corpus(library)
    ask_all(library, pages, {"Mill": 1})
    assert dict(plan_round(2, library, planner()).topics) == {"mill.md": 3}
    ask_all(library, pages, {})
    assert plan_round(2, library, planner()).passages == ()


def test_topics_are_titles_or_the_first_headings_under_the_only_title(library: Library) -> None:
    text = "# Town\n\n## Bridge\n\nIt is old.\n\n### Arch\n\nIt is wide.\n\n## Mill\n\nIt is red."
    passages = put(library, Document.of(id="town.md", title="Town", text=text))
    assert [(one.name, len(one.passages)) for one in topics(library)] == [
        ("Bridge", 2),
        ("Mill", 1),
    ]
    assert topics(library)[1].id == passages[2].id

    put(library, page("Press"))
    put(library, Document.of(id="z.md", title="Town", text="It is green."))
    assert [(one.id, one.name, len(one.passages)) for one in topics(library)] == [
        ("press.md", "Press", 3), ("town.md", "Town", 4),
    ]  # fmt: skip


def test_scores_count_what_nobody_could_ask_about_as_failed(library: Library) -> None:
    bridge = put(library, page("Bridge", 2))
    put(library, page("Mill", 1))
    put(library, page("Press", 1), studied=False)
    ask(library, bridge[0], [True, False])
    ask(library, bridge[1], [True], kind="two-hop")
    scores = standing(library).topics
    assert {id_: (one.passed, one.asked) for id_, one in scores.items()} == {
        "bridge.md": (2, 3), "mill.md": (0, 1),
    }  # fmt: skip
    assert {kind: one.share for kind, one in standing(library).kinds.items()} == {
        "cloze": 0.5, "two-hop": 1.0,
    }  # fmt: skip


def test_the_first_round_takes_what_was_never_studied(library: Library) -> None:
    put(library, page("Bridge"))
    new = put(library, page("Mill", 2), studied=False)
    objective = plan_round(1, library, planner())
    assert objective.passages == tuple(one.id for one in new)
    assert (dict(objective.topics), set(objective.kinds)) == ({"mill.md": 2}, set(KINDS))


def test_kinds_that_work_are_preferred(library: Library) -> None:
    counted(library, cloze=(10, 9), reversed=(10, 2))
    shares = plan_round(1, library, planner()).kinds
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["cloze"] > shares["two-hop"] > shares["reversed"]


def test_kinds_whose_questions_fail_are_preferred(library: Library) -> None:
    one, *_ = put(library, page("Bridge"))
    ask(library, one, [True] * 6)
    ask(library, one, [False] * 6, kind="reversed")
    shares = plan_round(2, library, planner()).kinds
    assert shares["reversed"] > shares["two-hop"] > shares["cloze"]


@pytest.mark.parametrize(
    ("asked", "accepted", "given_up"),
    [(29, 0, False), (40, 0, True), (200, 8, True), (40, 2, False)],
)
def test_a_kind_is_given_up_when_it_surely_does_not_work(
    library: Library, asked: int, accepted: int, given_up: bool
) -> None:
    counted(library, two_hop=(asked, accepted))
    assert is_given_up(library.gradebook.acceptance("m")["two-hop"]) is given_up
    share = plan_round(1, library, planner()).kinds["two-hop"]
    assert (share == EXPLORATION) is given_up
    assert share > 0


def test_kinds_that_all_fail_are_asked_evenly(library: Library) -> None:
    counted(library, cloze=(99, 0), reversed=(99, 0), two_hop=(99, 0))
    assert dict(plan_round(1, library, planner()).kinds) == dict.fromkeys(KINDS, 1 / 3)


def test_a_fixed_plan_goes_round_whatever_the_scores_are(library: Library) -> None:
    pages = corpus(library)
    order = [one.id for passages in pages.values() for one in passages]
    fixed = planner(autonomy="low", limit=4)
    before = plan_round(2, library, fixed)
    ask_all(library, pages, {"Press": 4})
    counted(library, cloze=(99, 99), reversed=(99, 0))
    assert plan_round(2, library, fixed) == before
    assert before.passages == tuple(order[:4])
    assert plan_round(4, library, fixed).passages == (order[8], *order[:3])
    assert dict(before.kinds) == dict.fromkeys(KINDS, 1 / 3)


def test_what_the_evaluation_sets_is_the_next_rounds_objective(library: Library) -> None:
    pages, book = corpus(library), library.gradebook
    open_round(1, library, planner())
    ask_all(library, pages, {"Mill": 2})
    book.record("evaluation", evaluation(library, {"base": 0.0, "memory": 0.8}))
    following = plan_round(2, library, planner())
    book.record("next_objective", following.to_dict())
    ask_all(library, pages, {"Press": 4})
    assert open_round(2, library, planner()) == following
    first, second = book.traces()
    assert first["next_objective"] == second["objective"]
    assert first["evaluation"]["topics"]["mill.md"] == {"passed": 6, "asked": 12}
    assert first["evaluation"]["kinds"] == {"cloze": {"passed": 30, "asked": 36}}


def test_a_new_run_begins_with_what_is_unread(library: Library) -> None:
    corpus(library)
    library.gradebook.begin({"number": 1})
    library.gradebook.record("next_objective", plan_round(2, library, planner()).to_dict())
    assert open_round(1, library, planner()).passages == ()


def test_an_objective_survives_json_and_holds_no_text(library: Library) -> None:
    ask_all(library, corpus(library), {"Mill": 2})
    objective = plan_round(2, library, planner())
    plain = json.dumps(objective.to_dict())
    assert Objective.from_dict(json.loads(plain)) == objective
    assert not any(title in plain for title in TITLES)


@pytest.mark.parametrize("fault", [{"autonomy": "full"}, {"kinds": ()}, {"limit": 0}])
def test_a_planner_that_cannot_plan_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        planner(**fault)


@pytest.mark.parametrize(
    ("asked", "accepted", "answers"),
    [(0, 0, 4), (29, 0, 4), (30, 0, 1), (100, 9, 1), (100, 20, 2), (100, 40, 4), (100, 90, 4)],
)
def test_the_fewer_questions_are_accepted_the_fewer_answers_are_asked_for(asked, accepted, answers):
    fared = Acceptance(asked=asked, usable=asked, accepted=accepted)
    assert answers_now(4, fared) == answers
    assert answers_now(1, fared) == 1


def test_all_answers_are_asked_for_while_nothing_is_known():
    assert answers_now(4, None) == 4
