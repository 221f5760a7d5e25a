"""A home that is not there: only a study makes one."""

from __future__ import annotations

import pytest
from cli_student import doors, write_exam

from ingrained.agent.cli import run


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
