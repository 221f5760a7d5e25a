"""Accepted questions, drawn for a reader to judge, and what is kept of the verdicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli_student import PAGE

from ingrained.agent.library import Library
from ingrained.agent.reading.documents import Document
from ingrained.agent.reading.passages import split

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import reading

    return reading


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def call(script: ModuleType, *words: str | Path) -> None:
        monkeypatch.setattr("sys.argv", [f"{script.__name__}.py", *map(str, words)])
        script.main()

    return call


def put_home(folder: Path, text: str, *questions: tuple[str, str]) -> Path:
    """A home that has read one page of two passages and accepted questions on the second."""
    library = Library(folder / "library.sqlite")
    page = Document.of(id="page.md", title="Teskow", text=text)
    passages = split(page)
    library.put_document(page, passages)
    first, last = passages[0].id, passages[-1].id
    library.put_questions(
        {
            "id": question, "passage": last, "passages": [last, first], "kind": "two-hop",
            "round": 1, "sealed": False, "closed": False, "recalled": True,
            "question": question, "answer": answer,
        }
        for question, answer in questions
    )  # fmt: skip
    library.close()
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The work folder of two studies, which accepted some questions both, and of a placebo."""
    folder = tmp_path / "kept"
    asked = [(f"What is {number}?", f"It is {number}.") for number in range(6)]
    put_home(folder / "seed0" / "k", PAGE, *asked[:5])
    put_home(folder / "seed1" / "k", PAGE, *asked[3:], ("What is 1?", "It is one."))
    put_home(folder / "placebo" / "k", "Mill the at.", ("What is shuffled?", "This."))
    return folder


def test_questions_are_drawn_with_what_they_are_to_be_judged_by(reading, work, call, tmp_path):
    call(reading, work, "--count", "3", "--seed", "1", "--out", tmp_path / "a.csv")
    call(reading, work, "--count", "3", "--seed", "1", "--out", tmp_path / "b.jsonl")
    call(reading, work, "--count", "3", "--seed", "2", "--out", tmp_path / "c.csv")

    rows = reading.read_rows(tmp_path / "a.csv")
    assert list(rows[0]) == ["id", "kind", "question", "answer", "passage", "right"]
    assert len(rows) == 3
    shown = rows[0]["passage"]
    assert shown.index("The Ferry") < shown.index("forty goats") < shown.index("nine sacks")
    assert all(row["right"] == "" for row in rows)
    assert reading.read_rows(tmp_path / "b.jsonl") == rows
    assert reading.read_rows(tmp_path / "c.csv") != rows


def test_what_two_studies_accepted_alike_is_read_once_and_a_placebo_not_at_all(reading, work):
    rows = reading.accepted(work)
    assert sorted(row["answer"] for row in rows) == [
        *(f"It is {number}." for number in range(6)),
        "It is one.",
    ]
    assert len(reading.draw(rows, 100, 0)) == 7
    assert [row["answer"] for row in reading.accepted(work / "placebo" / "k")] == ["This."]


def test_a_folder_without_a_home_is_refused(reading, tmp_path):
    with pytest.raises(SystemExit, match="no home"):
        reading.accepted(tmp_path)


def test_a_spreadsheet_computes_nothing_of_a_document(reading, tmp_path):
    row = dict.fromkeys(reading.COLUMNS, "") | {"answer": "=1+1", "question": "Why?"}
    reading.write_rows([row], tmp_path / "read.csv")
    (shown,) = reading.read_rows(tmp_path / "read.csv")
    assert (shown["answer"], shown["question"]) == ("'=1+1", "Why?")


def judged(*verdicts: object) -> list[dict[str, Any]]:
    kinds = ("cloze", "answer-first")
    return [
        {"id": f"q{n}", "kind": kinds[n % 2], "question": "Secret?", "answer": "Hidden",
         "passage": "A text.", "right": verdict}
        for n, verdict in enumerate(verdicts)
    ]  # fmt: skip


def test_the_share_right_comes_with_wilsons_interval(reading):
    share = reading.wilson([True] * 9 + [False])
    assert share.value == 0.9
    assert (share.low, share.high) == (
        pytest.approx(0.596, abs=1e-3),
        pytest.approx(0.982, abs=1e-3),
    )
    assert reading.wilson([True] * 100).high == 1


def test_what_is_kept_holds_verdicts_and_no_text(reading, call, tmp_path, capsys):
    filled = tmp_path / "squad20.csv"
    reading.write_rows(judged("yes", "No ", "1", "", "y"), filled)
    call(reading, "--score", filled, "--folder", tmp_path / "read")

    kept = (tmp_path / "read" / "squad20.csv").read_text()
    hashed = reading.digest("Hidden")
    assert "Hidden" not in kept
    assert kept.splitlines() == [
        "id,kind,answer,right",
        f"q0,cloze,{hashed},yes",
        f"q1,answer-first,{hashed},no",
        f"q2,cloze,{hashed},yes",
        f"q4,cloze,{hashed},yes",
    ]
    out = capsys.readouterr().out
    assert "4 judged of 5" in out
    assert "cloze (3)" in out


def test_verdicts_count_for_the_studies_that_accepted_the_very_question(reading, tmp_path):
    home = put_home(
        tmp_path / "home", PAGE, *((f"q{n}", "Other" if n == 2 else "Hidden") for n in range(5))
    )
    reading.keep(
        reading.verdicts([*judged("yes", "no", "yes", "yes"), *judged("yes")]), tmp_path / "k.csv"
    )
    told = reading.read_figures(tmp_path / "k.csv", [home])

    assert {label: figure.value for label, figure in told.items()} == {
        "accepted_right_share": 0.75,
        "accepted_read": 4,
        "accepted_right_share_worded": 0.5,
        "accepted_read_worded": 2,
    }
    assert reading.read_figures(tmp_path / "k.csv", [put_home(tmp_path / "new", PAGE)]) == {}


def test_verdicts_in_json_may_be_true_and_false(reading):
    found = reading.verdicts(judged(True, False, None))
    assert [one.right for one in found] == [True, False]


def test_a_verdict_that_is_neither_is_refused(reading):
    with pytest.raises(SystemExit, match="q0: right must be yes or no, not 'maybe'"):
        reading.verdicts(judged("maybe"))


def test_nothing_judged_is_no_share(reading, tmp_path):
    assert reading.read_figures(tmp_path / "none.csv", []) == {}
    reading.write_rows(judged("", ""), tmp_path / "open.csv")
    with pytest.raises(SystemExit, match="no question"):
        reading.score(tmp_path / "open.csv", tmp_path / "kept.csv")
