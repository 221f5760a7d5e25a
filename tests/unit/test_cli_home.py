"""A home that is not there, which only a study makes, and one whose marker is damaged."""

from __future__ import annotations

import pytest
from cli_student import doors, write_exam

from ingrained.agent.cli import run
from ingrained.disk import DAMAGED


@pytest.mark.parametrize(
    "command",
    [
        ["exam", "exam.jsonl"],
        ["ask", "Who?"],
        ["chat"],
        ["report"],
        ["memory", "list"],
        ["memory", "search", "heron"],
        ["memory", "show", "abcd"],
        ["memory", "forget", "abcd", "--yes"],
        ["memory", "restore", "abcd"],
        ["adapters", "list"],
        ["adapters", "show", "v001"],
        ["adapters", "promote", "v001"],
        ["adapters", "rollback"],
    ],
    ids=" ".join,
)
def test_a_mistyped_home_is_refused_and_not_made(command, capsys, tmp_path):
    write_exam(tmp_path / "work", [{"id": "1", "question": "Who?", "answers": ["Ada"]}])
    home = tmp_path / "typo"
    assert run([*command, "--home", str(home)], doors()) == 4
    assert f"no agent lives in {str(home)!r}" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize("text", ["half", "[]", "{}", '{"version": "new"}'])
def test_a_damaged_marker_is_told_from_a_folder_that_cannot_be_used(text, capsys, tmp_path):
    (tmp_path / "home.json").write_text(text)
    assert run(["memory", "list", "--home", str(tmp_path)], doors()) == 4
    err = capsys.readouterr().err
    assert "home.json' is damaged" in err
    assert DAMAGED in err
    assert (tmp_path / "home.json").read_text() == text
