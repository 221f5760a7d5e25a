"""The gradebook: ids and numbers of every round, kept through killed runs, gone with their text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from planning_corpus import ask, page, put

from ingrained.agent.burying import bury
from ingrained.agent.library import Library
from ingrained.agent.planning import Acceptance, Gradebook, Sitting

GOAL = {"level": "medium", "passages": ["a"]}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path / "library.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def book(library: Library) -> Gradebook:
    return library.gradebook


def sat(book: Gradebook, cell: str, **passed: bool) -> None:
    book.record_sittings(
        cell, [Sitting(question=id_, passed=one, f1=float(one)) for id_, one in passed.items()]
    )


def test_rounds_are_numbered_over_all_runs(book: Gradebook) -> None:
    assert book.latest() == 0
    assert book.begin(GOAL) == 1
    book.record("evaluation", {"cells": {"base": 0.5}})
    assert book.begin(GOAL) == 2
    assert [one["round"] for one in book.traces()] == [1, 2]


def test_a_round_that_was_killed_is_opened_again_and_counts_once(book: Gradebook) -> None:
    for _ in range(2):
        assert book.begin(GOAL) == 1
        book.record("filter", {"dropped": {"asked twice": 2}}, batch="a")
        book.count({"asked": {"cloze": 4}}, model="m", batch="a")
    assert book.trace(1)["filter"] == {"dropped": {"asked twice": 2}}
    assert book.acceptance("m")["cloze"].asked == 4
    assert book.begin({**GOAL, "passages": ["b"]}) == 2


def test_the_batches_of_a_round_add_up(book: Gradebook) -> None:
    book.begin(GOAL)
    book.record("filter", {"dropped": {"asked twice": 2, "no answer": 1}, "done": True}, batch="a")
    book.record("filter", {"dropped": {"asked twice": 3}, "done": False}, batch="b")
    assert book.trace(1)["filter"] == {
        "dropped": {"asked twice": 5, "no answer": 1}, "done": False,
    }  # fmt: skip


def test_acceptance_is_told_by_model_kind_and_round(book: Gradebook) -> None:
    book.begin(GOAL)
    book.count({"asked": {"cloze": 10, "reversed": 5}}, model="m", batch="a")
    book.count({"usable": {"cloze": 8}}, model="m", batch="a")
    book.count({"accepted": {"cloze": 6}}, model="m", batch="a")
    book.count({"asked": {"cloze": 3}}, model="other", batch="a")
    book.record("evaluation", {})
    book.begin(GOAL)
    book.count({"asked": {"cloze": 2}}, model="m", batch="a")

    assert book.models() == ["m", "other"]
    assert book.acceptance("m") == {
        "cloze": Acceptance(asked=12, usable=8, accepted=6),
        "reversed": Acceptance(asked=5, usable=0, accepted=0),
    }
    assert book.acceptance("m", round=2) == {"cloze": Acceptance(asked=2, usable=0, accepted=0)}
    assert book.acceptance("nobody") == {}


@pytest.mark.parametrize(
    ("accepted", "asked", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 30, 0.0, 0.1135), (5, 10, 0.2366, 0.7634), (30, 30, 0.8865, 1.0)],
)
def test_the_interval_is_wilsons(accepted: int, asked: int, low: float, high: float) -> None:
    found = Acceptance(asked=asked, usable=asked, accepted=accepted)
    assert found.interval == pytest.approx((low, high), abs=1e-4)
    assert found.share == (accepted / asked if asked else 0.0)


def test_a_failure_recurs_when_the_last_sittings_failed(library: Library, book: Gradebook) -> None:
    passage = put(library, page("Bridge", 1))[0]
    always, never, better, worse = ask(library, passage, [False] * 4)
    for now in (False, True):
        book.begin(GOAL)
        sat(book, "memory", **{always: True, never: False, better: now, worse: not now})
        sat(book, "base", **{always: False})
        book.record("evaluation", {})

    assert book.recurring_failures() == [never]
    assert book.recurring_failures(1) == [never, worse]
    assert book.recurring_failures(3) == []
    assert book.recurring_failures(cell="base") == [always]


def test_the_last_sitting_with_memory_says_how_a_question_stands(
    library: Library, book: Gradebook
) -> None:
    passage = put(library, page("Bridge", 1))[0]
    one, two = ask(library, passage, [True, False])
    assert {got.question: got.passed for got in book.outcomes()} == {one: True, two: False}
    book.begin(GOAL)
    sat(book, "memory", **{one: False, two: True})
    sat(book, "base", **{one: True, two: False})
    assert {got.question: got.passed for got in book.outcomes()} == {one: False, two: True}


def test_of_the_reflections_on_a_question_the_last_three_stay(
    library: Library, book: Gradebook
) -> None:
    one, two = ask(library, put(library, page("Bridge", 1))[0], [False, False])
    for text in ("first", "second", "third", "second", "fourth"):
        book.add_reflection(one, text)
    book.add_reflection(two, "other")
    assert book.reflections([one, two, "none"]) == {
        one: ["third", "second", "fourth"], two: ["other"],
    }  # fmt: skip


def test_a_reflection_that_a_step_makes_again_is_kept_once(
    library: Library, book: Gradebook
) -> None:
    (one,) = ask(library, put(library, page("Bridge", 1))[0], [False])
    for text in ("first", "second", "second"):
        book.add_reflection(one, text)
    assert book.reflections([one]) == {one: ["first", "second"]}


def test_a_question_asked_again_keeps_what_was_written_about_it(
    library: Library, book: Gradebook
) -> None:
    passage = put(library, page("Bridge", 1))[0]
    (one,) = ask(library, passage, [False])
    book.begin(GOAL)
    book.add_reflection(one, "Look at the part.")
    book.put_review({one: "I took another part."})
    ask(library, passage, [True])
    assert book.reflections([one]) == {one: ["Look at the part."]}
    assert book.reviews() == {1: {one: "I took another part."}}
    assert book.outcomes()[0].passed


def test_texts_go_with_their_document(library: Library, book: Gradebook) -> None:
    (one,) = ask(library, put(library, page("Bridge", 1))[0], [False])
    (two,) = ask(library, put(library, page("Mill", 1))[0], [False])
    book.begin(GOAL)
    for id_ in (one, two):
        book.add_reflection(id_, "Look at the part.")
    book.put_review({one: "I took another.", two: "I took another."})
    sat(book, "memory", **{one: False, two: False})
    library.drop_document("bridge.md")
    assert list(book.reflections([one, two])) == [two]
    assert book.reviews() == {1: {two: "I took another."}}
    assert book.recurring_failures(1) == [two]


def test_a_purge_takes_out_what_was_written_about_the_text(
    library: Library, book: Gradebook, tmp_path: Path
) -> None:
    secret = "The Bridge has a part 0."
    (one,) = ask(library, put(library, page("Bridge", 1))[0], [False])
    (two,) = ask(library, put(library, page("Mill", 1))[0], [False])
    (three,) = ask(library, put(library, page("Press", 1))[0], [False])
    book.begin(GOAL)
    book.add_reflection(one, "Something about spans.")
    book.add_reflection(two, f"I had read: {secret}")
    book.add_reflection(three, "Look at the press.")
    book.put_review({two: f"I mixed it up with: {secret}"})
    bury(library, [secret], [])
    assert book.reflections([one, two, three]) == {three: ["Look at the press."]}
    assert book.reviews() == {}
    library.close()
    left = b"".join(path.read_bytes() for path in tmp_path.glob("library.sqlite*"))
    assert secret.encode() not in left
    assert b"Something about spans" not in left


def test_a_library_of_the_third_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite"
    old = Library(path)
    (one,) = ask(old, put(old, page("Bridge", 1))[0], [True])
    old.close()
    make_third(path)
    looked = Library(path, read_only=True)
    assert (looked.gradebook.latest(), looked.gradebook.traces()) == (0, [])
    assert looked.gradebook.acceptance("m") == {}
    assert [got.question for got in looked.gradebook.outcomes()] == [one]
    looked.close()

    again = Library(path)
    assert [got["id"] for got in again.questions()] == [one]
    assert again.gradebook.begin(GOAL) == 1
    sat(again.gradebook, "memory", **{one: False})
    assert again.gradebook.recurring_failures(1) == [one]
    again.close()


def make_third(path: Path) -> None:
    """Make a library as version 3 had it."""
    database = sqlite3.connect(path)
    for table in ("acceptance", "sittings", "traces", "reflections", "reviews"):
        database.execute(f"DROP TABLE {table}")
    database.execute("PRAGMA user_version=3")
    database.commit()
    database.close()
