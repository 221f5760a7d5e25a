"""`ingrained ask`, `chat` and `exam`."""

from __future__ import annotations

import io
import json

import pytest
from cli_student import doors, studied, write_exam

from ingrained.agent.cli import run
from ingrained.graphs.session import Home

QUESTION = "Who belongs to Teskow: A heron named lives on the?"


@pytest.fixture
def agent(tmp_path, capsys):
    """A home and what stands behind it, after a study."""
    behind = doors()
    home = studied(tmp_path / "home", behind)
    capsys.readouterr()
    return home, behind


def test_ask_answers_with_numbered_quoted_sources(agent, capsys):
    home, behind = agent
    assert run(["ask", QUESTION, "--home", str(home)], behind) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Pip\n")
    assert "[1] teskow.md, characters " in out
    assert "“A heron named Pip lives on the roof of the mill.”" in out
    assert "No adapter is promoted: answering from memory alone." in err


def test_the_sources_are_numbered_as_in_the_prompt(agent, capsys):
    home, behind = agent
    assert run(["ask", QUESTION, "--home", str(home), "--json"], behind) == 0
    told = json.loads(capsys.readouterr().out)
    prompt = behind.model.asked[-1]
    assert told["sources"]
    for source in told["sources"]:
        excerpt = prompt.split(f"[{source['number']}] ")[1].split("\n[")[0]
        assert source["quote"] in excerpt
    page = (home.parent / "corpus" / "teskow.md").read_text()
    assert all(page[s["start"] : s["end"]] == s["quote"] for s in told["sources"])


def test_ask_says_when_it_does_not_know_and_nothing_was_recalled(agent, capsys):
    home, behind = agent
    assert run(["ask", "xyzzy plugh?", "--home", str(home), "--cell", "memory"], behind) == 0
    out = capsys.readouterr().out
    assert "The agent does not know." in out
    assert "Nothing was recalled" in out


def test_ask_in_the_base_cell_recalls_nothing(agent, capsys):
    home, behind = agent
    assert run(["ask", QUESTION, "--home", str(home), "--cell", "base"], behind) == 0
    assert "no sources" in capsys.readouterr().out
    assert "Pip" not in behind.model.asked[-1]


@pytest.mark.parametrize(("cell", "code"), [("adapter", 4), ("nonsense", 2), ("open", 2)])
def test_ask_in_a_cell_that_cannot_answer(agent, capsys, cell, code):
    home, behind = agent
    before = len(behind.model.asked)
    assert run(["ask", QUESTION, "--home", str(home), "--cell", cell], behind) == code
    assert cell in capsys.readouterr().err
    assert len(behind.model.asked) == before


def test_chat_answers_each_line_and_obeys_its_commands(agent, capsys, monkeypatch):
    home, behind = agent
    typed = ["/sources\n", f"{QUESTION}\n", "/cell base\n", f"{QUESTION}\n", "\n", "/cell x\n"]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join([*typed, "/quit\n", "never asked\n"])))
    assert run(["chat", "--home", str(home)], behind) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Pip\n[1] teskow.md")
    assert "I don't know." in out
    assert "Nothing was answered yet." in err
    assert "Answering in the cell base." in err
    assert "there is no cell 'x'" in err
    assert "never asked" not in behind.model.asked[-1]


EXAM = [
    {"id": "1", "question": QUESTION, "answers": ["Pip"], "document": "teskow.md", "topic": "bird"},
    {"id": "2", "question": "Who is the moon?", "answers": [], "topic": "unanswerable"},
]


def test_exam_scores_the_cells_that_can_be_sat(agent, capsys, tmp_path):
    home, behind = agent
    out_file = tmp_path / "report.json"
    exam = write_exam(tmp_path, EXAM)
    assert run(["exam", str(exam), "--home", str(home), "--out", str(out_file)], behind) == 0
    out, err = capsys.readouterr()
    assert "1.00 [1.00, 1.00]" in out
    assert "adapter: not sat, no adapter is promoted." in out
    assert "bird" in out
    report = json.loads(out_file.read_text())
    assert report["sha256"][:16] in err
    assert {c: of["contained"]["value"] for c, of in report["cells"].items()} == {
        "base": 0.0,
        "memory": 1.0,
        "open": 1.0,
    }
    assert report["cells"]["memory"]["abstained_rightly"]["value"] == 1.0
    assert report["cells"]["memory"]["tokens"] > 0
    assert len(report["rows"]) == 6
    assert json.loads((home / "exams" / "exam.json").read_text()) == report


def test_exam_sits_only_the_cells_asked_for(agent, capsys, tmp_path):
    home, behind = agent
    command = ["exam", str(write_exam(tmp_path, EXAM)), "--home", str(home), "--json"]
    assert run([*command, "--cells", "open,base"], behind) == 0
    assert list(json.loads(capsys.readouterr().out)["cells"]) == ["open", "base"]


def test_exam_in_a_home_that_has_studied_nothing_has_only_the_base(capsys, tmp_path):
    Home(tmp_path / "new")
    command = ["exam", str(write_exam(tmp_path, EXAM)), "--home", str(tmp_path / "new"), "--json"]
    assert run(command, doors()) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["cells"]) == ["base"]
    assert told["skipped"]["memory"] == "nothing is remembered yet"
    assert told["skipped"]["open"] == "no question names a document that was read"


BLANK = '{"id": "1", "question": " ", "answers": []}'


@pytest.mark.parametrize("text", ["{", '{"id": "1"}\n', "", BLANK])
def test_an_exam_that_does_not_parse(capsys, tmp_path, text):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    assert run(["exam", str(path)]) == 2
    assert "bad.jsonl" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_told_before_the_exam_is_sat(agent, capsys, tmp_path):
    home, behind = agent
    asked = len(behind.model.asked)
    command = ["exam", str(write_exam(tmp_path, EXAM)), "--home", str(home), "--out", str(tmp_path)]
    assert run(command, behind) == 4
    assert "it is a folder" in capsys.readouterr().err
    assert len(behind.model.asked) == asked


def test_an_unknown_cell_is_refused_at_once(capsys, tmp_path):
    assert run(["exam", str(write_exam(tmp_path, EXAM)), "--cells", "base,moon"]) == 2
    assert "'moon'" in capsys.readouterr().err
