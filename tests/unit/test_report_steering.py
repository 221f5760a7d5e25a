"""The rounds in the report: objective, scores, acceptance, and the model's review of its failures."""

from __future__ import annotations

import re
from contextlib import closing
from io import StringIO

import pytest
from cli_student import doors, studied
from rich.console import Console

from ingrained.agent.cli import run
from ingrained.agent.library import Library
from ingrained.agent.planning import Planner, brief, evaluation, open_round, plan_round
from ingrained.agent.report.steering import counted
from ingrained.agent.ui.memories import quiz_score, show_list, show_memory
from ingrained.agent.ui.summary import show_run
from ingrained.memory.records import Evidence, Memory

HOSTILE = "<script>alert(1)</script>"


def traced(library: Library, planner: Planner) -> str:
    """Record a round as the study does; return the id of the question that was reviewed."""
    book, question = library.gradebook, library.questions()[0]["id"]
    open_round(2, library, planner)
    book.count({"asked": {"cloze": 8}}, model=planner.model, batch="a")
    book.count({"accepted": {"cloze": 2}}, model=planner.model, batch="a")
    book.record("filter", {"dropped": {"asked twice": 3}}, batch="a")
    book.record("filter", {"dropped": {"asked twice": 4}}, batch="b")
    sealed = {"memory": {"reversed": {"passed": 3, "asked": 7}}}
    book.record("evaluation", {**evaluation(library, {"memory": 0.25}), "sealed": sealed})
    book.record("next_objective", plan_round(3, library, planner).to_dict())
    book.put_review({question: f"I took another number. {HOSTILE}"})
    return str(question)


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """The page of a home with a round on record, and the id of the question that was reviewed."""
    home = studied(tmp_path_factory.mktemp("steering") / "home")
    with closing(Library(home / "library.sqlite")) as library:
        question = traced(library, Planner(kinds=("cloze", "reversed"), limit=4, model="m"))
    assert run(["report", "--home", str(home)], doors()) == 0
    page = (home / "report.html").read_text()
    return page[page.index("<body>") :], question


def test_a_round_tells_what_it_was_for_and_what_came_of_it(reported):
    page, _ = reported
    shown = page[page.rindex("<summary>Round ") : page.index("Questions that were reviewed")]
    for text in ("autonomy medium", "Planned: by scores: ", "memory 25 %",
                 "<b>Filter</b>: dropped: asked twice 7", "Set for the next round: by scores: "):  # fmt: skip
        assert text in shown, text
    assert re.search(r'<td class="name">reversed</td><td class="n">\d+ %</td>', shown)
    assert re.search(r'<td class="n">\d+ of \d+</td>', shown)
    assert '<th class="n">sealed, memory</th>' in shown
    assert re.search(r'<td class="name">reversed</td>.*<td class="n">3 of 7</td></tr>', shown)


def test_acceptance_is_shown_by_model_and_kind(reported):
    row = re.search(r"<tr><td>m</td>.*cloze.*", reported[0])
    assert row is not None
    assert ">8</td>" in row[0]
    assert "0.25 [0.07, 0.59]" in row[0]


def test_each_claim_links_to_its_question(reported):
    page, question = reported
    assert f'<a href="#q-{question}">' in page
    assert page.count(f'id="q-{question}"') == 1
    anchors = re.findall(r'id="(q-\w+)"', page)
    assert len(anchors) == len(set(anchors))


def test_a_claims_markup_is_shown_not_obeyed(reported):
    assert HOSTILE not in reported[0]
    assert "I took another number. &lt;script&gt;" in reported[0]


def test_each_memory_shows_its_quiz_score(reported):
    assert re.search(r"<summary>.*quiz 0/\d → \d/\d</span></summary>", reported[0])


def test_counts_in_one_line():
    facts = {"asked": 20, "by kind": {"cloze": 3, "reversed": 4}, "votes": 0.5}
    assert counted(facts) == "asked 20, by kind: cloze 3, reversed 4, votes 0.50"


def memory(*passed: tuple[bool, bool]) -> Memory:
    return Memory(
        id="a" * 16,
        text="The bridge is old.",
        evidence=tuple(
            Evidence(question="?", answer="old", passed_before=before, passed_after=after)
            for before, after in passed
        ),
    )


def test_the_quiz_score_of_a_memory():
    three = memory((False, True), (False, True), (True, True))
    assert quiz_score(three) == "1/3 → 3/3"
    assert quiz_score(memory((False, True), (False, False))) == "0/2 → 1/2"
    assert quiz_score(memory()) == ""
    console = Console(file=StringIO(), width=100)
    show_list([three], more=False, console=console)
    show_memory(three, [], console=console)
    assert console.file.getvalue().count("1/3 → 3/3") == 2


def test_a_runs_summary_tells_of_planning(tmp_path, capsys):
    home = studied(tmp_path / "home")
    capsys.readouterr()
    assert run(["study", str(tmp_path / "corpus"), "--home", str(home), "--json"], doors()) == 0
    import json

    record = json.loads(capsys.readouterr().out)
    with closing(Library(home / "library.sqlite")) as library:
        (question, *_) = library.questions()
        library.put_questions([{**question, "recalled": False}])
        traced(library, Planner(kinds=("cloze",), limit=4, model="m"))
        told = brief(library, "m")
    console = Console(file=StringIO(), width=200)
    show_run({**record, "planning": told}, console)
    shown = console.file.getvalue()
    assert "cloze 2/8" in shown
    assert re.search(r"weakest topics \(answered\)\s+.* \(\d+ of \d+\)", shown)
    assert re.search(r"planned next\s+by scores: \d+ passages", shown)
    show_run(record, console)
