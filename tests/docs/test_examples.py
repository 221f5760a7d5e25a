"""The example applications run as they are, without weights, and say what they are there to show."""

from __future__ import annotations

import itertools
import runpy
from pathlib import Path

import pytest

FOLDER = Path("examples") / "langgraph_app"


def output(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    runpy.run_path(str(root / FOLDER / name), run_name="__main__")
    return capsys.readouterr().out


def test_the_agent_with_a_middleware_remembers_each_user_s_own(root: Path, capsys):
    lines = output(root, "middleware.py", capsys).splitlines()
    answers = dict(itertools.pairwise(lines))

    assert "  replace 'The user keeps a fox.' by 'The user keeps a wolf.'? yes" in lines
    assert lines.count("  The user keeps a fox. [1]") == 1
    assert lines.count("  The user keeps a wolf. [1]") == 1
    assert answers["bob@example.org: What does the user keep?"] == "  I don't know."
    assert answers["bob@example.org: Where do visitors report?"].endswith("at the gate house. [1]")


def test_the_host_s_graph_answers_from_what_its_study_kept(root: Path, capsys):
    said = output(root, "subgraph.py", capsys)

    assert "'answer': 'Mara Vint built the Orlan Bridge in 1402.'" in said
    assert "'kept': 1" in said


def test_every_example_application_is_shown_in_a_document(root: Path):
    shown = (root / "docs" / "langgraph.md").read_text(encoding="utf-8")
    names = {path.name for path in (root / FOLDER).glob("*.py")}
    assert {name for name in names if f"{FOLDER.as_posix()}/{name}" not in shown} == set()
