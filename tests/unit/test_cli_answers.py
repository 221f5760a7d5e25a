"""`ingrained ask`, `chat` and `exam`."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest
from cli_student import QUESTION, doors, write_exam
from rich.console import Console

from ingrained.agent.cells import settled_cell
from ingrained.agent.chatting import Conversation
from ingrained.agent.citing import Answer, Source
from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.testing import ScriptedModel
from ingrained.agent.ui.answers import show_answer, show_passages
from ingrained.agent.ui.exam_table import show_exam
from ingrained.errors import NotFoundError
from ingrained.graphs.session import Home


def test_ask_answers_with_numbered_quoted_sources(agent, capsys):
    home, behind = agent
    assert run(["ask", QUESTION, "--home", str(home)], behind) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Pip\n")
    assert "[1] teskow.md, characters " in out
    assert "“A heron named Pip lives on the roof of the mill.”" in out
    assert "No adapter is promoted: answering from memory alone." in err
    assert out.endswith("The model read each in the passage around it.\ncell memory\n")


def test_a_question_may_do_without_quotation_marks(agent):
    home, behind = agent
    assert run(["ask", *QUESTION.split(), "--home", str(home)], behind) == 0
    assert behind.model.asked[-1].endswith(f"Question: {QUESTION}")


def test_ask_says_that_it_does_not_know_what_you_said(agent, capsys):
    home, behind = agent
    assert run(["ask", "Which film did I like?", "--home", str(home)], behind) == 0
    assert "What you said yourself, `ingrained chat` knows." in capsys.readouterr().err


def shown(answer: Answer) -> str:
    console = Console(file=io.StringIO(), width=80)
    show_answer(answer, console)
    return console.file.getvalue()


def cited(quote: str, start: int, **more) -> Source:
    return Source(
        number=1, memory="m", title="", document="mill.md", start=start, end=start + len(quote),
        quote=quote, score=1.0, **more,
    )  # fmt: skip


def test_a_quote_within_another_is_shown_once():
    told = Answer(
        question="Who?", reply="Ada", cell="both", abstained=False,
        sources=(
            cited("Ada Kern", 0),
            cited("Ada Kern built it.", 0),
            cited("Ada Kern built it.", 0),
            cited("Ada Kern", 90),
        ),
    )  # fmt: skip
    out = shown(told)
    assert out.count("mill.md") == 2
    assert "characters 0 to 18" in out
    assert "characters 90 to 98" in out
    assert "passage around" not in out
    assert len(told.to_dict()["sources"]) == 4


WHEEL = "Its wheel came from Orrelsund."


def test_what_is_quoted_has_the_answer_and_the_whole_passage_can_be_shown(agent, capsys):
    home, behind = agent
    behind.model.script = lambda _: "Orrelsund"
    command = ["ask", QUESTION, "--home", str(home)]
    assert run(command, behind) == 0
    out = capsys.readouterr().out
    assert f"“{WHEEL}”" in out
    assert "nine sacks" not in out

    assert run([*command, "--passages"], behind) == 0
    assert "nine sacks of barley a week. Its wheel came from\n  │ Orrelsund. A heron" in (
        capsys.readouterr().out
    )
    assert run([*command, "--json"], behind) == 0
    (first, *_) = json.loads(capsys.readouterr().out)["sources"]
    assert " ".join(WHEEL.split()) in " ".join(first["passage"].split())
    page = (home.parent / "corpus" / "teskow.md").read_text()
    assert first["passage"] in page


def test_a_passage_cannot_steer_the_terminal():
    console = Console(file=io.StringIO(), width=80)
    show_passages({"1": cited("Ada", 0, passage="\x1b[2JAda\n[bold]Kern\u202e")}, console)
    assert console.file.getvalue().splitlines()[1:] == ["  │ \ufffd[2JAda", "  │ [bold]Kern\ufffd"]


def test_the_name_of_a_document_is_one_line():
    console = Console(file=io.StringIO(), width=80)
    named = dataclasses.replace(cited("Ada", 0), document="a.md\n[2] b.md")
    show_passages({"1": named}, console)
    assert console.file.getvalue() == "[1] a.md [2] b.md, characters 0 to 3\n  │ Ada\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_no_line_of_a_passage_passes_for_one_of_ours(terminal):
    forged = (
        "Old.\n[2] handbook.md, characters 0 to 40\n\n> /forget 1\n" + "a b " * 20 + "Forgotten."
    )
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None)
    show_passages({"1": cited("Old.", 0, passage=forged)}, console)
    place, *rows = console.file.getvalue().splitlines()
    assert place == "[1] mill.md, characters 0 to 4"
    assert all(row.startswith("  │ ") for row in rows)
    assert [len(row) <= 80 for row in rows].count(False) == (0 if terminal else 1)
    assert " ".join(row[4:].strip() for row in rows).split() == forged.split()


def test_what_was_read_alone_is_told_from_what_was_read_in_its_passage():
    sources = cited("A.", 0, in_passage=True), dataclasses.replace(cited("B.", 9), number=2)
    answer = Answer(question="?", reply="A", cell="memory", abstained=False, sources=sources)
    assert "The model read [1] in the passage around it." in shown(answer)


def test_a_reply_names_no_source_that_was_not_shown(agent, capsys):
    home, behind = agent
    behind.model.script = lambda _: "Pip [1][7], as [8, 1] proves."
    assert run(["ask", QUESTION, "--home", str(home)], behind) == 0
    assert capsys.readouterr().out.startswith("Pip [1], as [1] proves.\n[1] teskow.md")


def test_a_reply_cannot_hide_letters_or_turn_the_direction_of_writing(agent, capsys):
    home, behind = agent
    behind.model.script = lambda _: "P\u200bi\u202ep\u200f, \U000e0041\ufeff \u0646\u200c\u0645"
    assert run(["ask", QUESTION, "--home", str(home)], behind) == 0
    shown, *_ = capsys.readouterr().out.split("\n")
    assert shown == "P\ufffdi\ufffdp\ufffd, \ufffd\ufffd \u0646\u200c\u0645", (
        "scripts that join need it"
    )


class Adaptable(ScriptedModel):
    """Scripted, and able to switch adapters."""

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        """Take any."""


@pytest.mark.parametrize(
    ("cell", "adapter", "last"),
    [("both", "v001", "cell both, adapter v001\n"), ("base", None, "cell base\n")],
)
def test_an_answer_names_its_cell_and_the_adapter_that_was_used(cell, adapter, last):
    from ingrained.agent.asking import Asker

    asker = Asker(Adaptable(script={"mill": "Ada"}))
    answer = Conversation(asker, None, adapter="v001", cell=cell).answer("Whose mill?")
    assert answer.to_dict()["adapter"] == adapter
    assert shown(answer).endswith(last)


@pytest.mark.parametrize(
    ("unused", "way"),
    [((), "ingrained study PATH --consolidate"), (("v001", "v002"), "adapters promote v002")],
)
def test_without_an_adapter_in_use_the_way_to_one_is_told(unused, way):
    with pytest.raises(NotFoundError, match="no adapter is promoted") as refused:
        settled_cell("adapter", None, lambda: unused)
    assert way in refused.value.hint


def test_loading_a_model_is_told_before_it_takes_its_time(agent, capsys, monkeypatch):
    home, behind = agent
    told = []

    def load(*_given):
        told.append(capsys.readouterr().err)
        return behind.model

    monkeypatch.setattr("ingrained.graphs.session.load_chat_model", load)
    command = ["ask", QUESTION, "--home", str(home), "--model", "some-model"]
    assert run(command, Doors(embedder=behind.embedder)) == 0
    assert told == ["Loading some-model …\n"]


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
    typed = [
        "/sources\n",
        f"{QUESTION}\n",
        "/cell base\n",
        f"{QUESTION}\n",
        "\n",
        "/cell x\n",
        "/cell\n",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join([*typed, "/quit\n", "never asked\n"])))
    assert run(["chat", "--home", str(home)], behind) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Pip\n[1] teskow.md")
    assert "I don't know." in out
    assert "Nothing was answered since the chat was opened." in err
    assert "Answering in the cell base: the untouched model alone." in err
    assert "there is no cell 'x'" in err
    assert (
        "The cell is base (the untouched model alone), of base, memory, adapter, both."
        in " ".join(err.split())
    )
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


def test_documents_that_an_exam_names_and_nobody_read_are_told_of(agent, capsys, tmp_path):
    home, behind = agent
    lost = {**EXAM[0], "id": "3", "document": "tesko.md"}
    exam = write_exam(tmp_path, [*EXAM, lost])
    run(["exam", str(exam), "--home", str(home), "--cells", "open", "--json"], behind)
    assert json.loads(capsys.readouterr().out)["unknown_documents"] == ["tesko.md"]
    assert run(["exam", str(exam), "--home", str(home), "--cells", "open"], behind) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "1 document that the exam names, not read or more than one of that name: tesko.md." in told
    )
    run(["exam", str(write_exam(tmp_path, EXAM)), "--home", str(home), "--cells", "open"], behind)
    assert "that the exam names" not in capsys.readouterr().out


def test_the_scores_fit_into_eighty_columns():
    some = {"value": 0.62, "low": 0.5, "high": 0.73, "n": 60}
    names = ("contained", "exact", "f1", "choice", "abstained_rightly", "abstained_wrongly")
    one = {**dict.fromkeys(names, some), "seconds": 7630.1, "tokens": 123456, "topics": {}}
    console = Console(file=io.StringIO(), width=80)
    report = {"exam": "e", "items": 60, "model": "m", "skipped": {}}
    show_exam({**report, "cells": dict.fromkeys(("adapter", "both"), one)}, console)
    out = console.file.getvalue()
    assert "…" not in out
    row = next(line for line in out.splitlines() if line.startswith("adapter"))
    assert row.split() == [
        "adapter", "0.62", "[0.50,", "0.73]", "0.62", "0.62", "62", "%", "62", "%", "62", "%",
        "7,630.1", "123,456",
    ]  # fmt: skip


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


def test_an_exam_that_is_not_there(capsys):
    assert run(["exam", "nothing.jsonl"]) == 2
    err = capsys.readouterr().err
    assert "no such file: 'nothing.jsonl'" in err
    assert "Check the path of the exam" in err


def test_two_questions_of_one_id_are_told_apart_from_a_line_that_does_not_parse(capsys, tmp_path):
    assert run(["exam", str(write_exam(tmp_path, [EXAM[0], EXAM[0]]))]) == 2
    err = capsys.readouterr().err
    assert "the id '1' more than once" in err
    assert "Give each question an id of its own." in err


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
