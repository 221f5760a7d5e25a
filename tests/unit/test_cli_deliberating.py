"""`ingrained ask` and `ingrained chat` with `--votes` and `--refine`."""

from __future__ import annotations

import io
import json
import re

import pytest
from cli_student import QUESTION

from ingrained.agent.cli import run

FEEDBACK = "Place: Ada Kern\nFix: She built it. Name the heron."


@pytest.fixture
def told(agent, capsys, monkeypatch):
    """Run a command in the home; return what was shown as the result, and beside it."""
    home, behind = agent

    def command(*words: str, typed: tuple[str, ...] = (), code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        assert run([*words, "--home", str(home)], behind) == code
        return capsys.readouterr()

    return command


@pytest.fixture
def wavers(agent):
    """Let the model say these one after the other, and find what it then says of its answer at fault."""
    _, behind = agent

    def says(*replies: str, feedback: str = FEEDBACK, better: str = "Pip") -> None:
        left = iter(replies)

        def script(prompt: str) -> str:
            if prompt.startswith("Check the draft"):
                return feedback
            return better if "Heed the feedback" in prompt else next(left)

        behind.model.script = script

    return says


def test_ask_shows_the_share_of_the_votes(told, wavers):
    wavers("Pip", "Ada Kern", "Pip", "Pip", "a heron")
    out, err = told("ask", QUESTION, "--votes", "5")
    assert out.startswith("Pip\n")
    assert "\n3 of 5 votes for this answer: confidence 0.60.\n" in out
    assert "5 replies vote on the answer …" in err


def test_ask_shows_that_it_was_refined(told, wavers):
    wavers("Ada Kern")
    out, err = told("ask", QUESTION, "--refine")
    assert out.startswith("Pip\n")
    assert "\nRefined after feedback of the model's own.\n" in out
    assert "The model looks over its answer …" in err
    assert "votes" not in out


def test_ask_shows_why_it_was_not(told, wavers):
    wavers("Pip", feedback="Nothing to fix.")
    out, _ = told("ask", QUESTION, "--refine")
    assert "\nNot refined: the feedback found nothing to fix.\n" in out


def test_programs_are_told_all_of_it(told, wavers):
    wavers("Ada Kern", "Ada Kern", "Pip", "Ada Kern")
    out, _ = told("ask", QUESTION, "--votes", "4", "--refine", "--json")
    answer = json.loads(out)
    known = ("reply", "votes", "confidence", "refined", "draft", "feedback", "unrefined")
    assert [answer[name] for name in known] == ["Pip", 4, 0.75, True, "Ada Kern", FEEDBACK, ""]


def test_one_vote_is_an_answer_as_ever(told, agent):
    plain, _ = told("ask", QUESTION)
    asked = len(agent[1].model.asked)
    out, err = told("ask", QUESTION, "--votes", "1", "--json")
    assert (json.loads(out)["votes"], json.loads(out)["confidence"]) == (1, None)
    assert len(agent[1].model.asked) == asked + 1
    assert "vote" not in plain + err


@pytest.mark.parametrize("command", [("ask", QUESTION), ("chat",)])
def test_no_votes_are_refused_before_anything_is_loaded(told, agent, command):
    before = len(agent[1].model.asked)
    _, err = told(*command, "--votes", "0", code=2)
    assert "votes must be at least 1, got 0" in err
    assert "five replies vote" in err
    assert len(agent[1].model.asked) == before


@pytest.mark.parametrize("command", ["ask", "chat"])
def test_help_says_what_they_cost(command, capsys):
    assert run([command, "--help"]) == 0
    out = " ".join(re.sub(r"[│\s]+", " ", capsys.readouterr().out).split())
    assert "M calls" in out
    assert "one more call, and another if it wants a better one" in out


def test_chat_shows_progress_and_then_the_final_answer_only(told, wavers):
    wavers("Ada Kern", "Ada Kern", "Pip")
    out, err = told("chat", "--votes", "3", "--refine", typed=(QUESTION,))
    assert out.startswith("Pip\n[1] teskow.md")
    assert "\n2 of 3 votes for the answer before it was refined: confidence 0.67.\n" in out
    assert err.index("3 replies vote") < err.index("looks over its answer")


def test_why_shows_the_feedback_and_the_answer_before_it(told, wavers):
    wavers("Ada Kern")
    out, _ = told("chat", "--refine", typed=(QUESTION, "/why"))
    before, why = out.split(f"“{QUESTION}”: cell memory, no adapter\n")
    assert "Feedback:" not in before
    assert why.startswith(
        "Refined after feedback of the model's own.\nBefore: “Ada Kern”\n"
        "Feedback: “Place: Ada Kern Fix: She built it. Name the heron.”\n"
    )


def test_feedback_cannot_steer_the_terminal(told, wavers):
    wavers("Pip", feedback="\x1b[2JNothing to fix.")
    out, _ = told("chat", "--refine", typed=(QUESTION, "/why"))
    assert "Nothing to fix." in out
    assert "\x1b" not in out
