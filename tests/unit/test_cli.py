"""The command itself: help, errors, exit codes, settings."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cli_student import doors, studied, write_page
from typer.testing import CliRunner

from ingrained.agent.cli import INTERRUPTED, app, run
from ingrained.errors import FetchError, HomeBusyError
from ingrained.memory.locking import write_lock

COMMANDS = (
    "study",
    "exam",
    "ask",
    "chat",
    "mcp",
    "memory",
    "metrics",
    "adapters",
    "models",
    "report",
    "doctor",
)


def test_help_lists_every_command():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert all(f"  {command} " in shown.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_mcp_says_how_to_get_what_only_it_needs(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    assert run(["mcp"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert 'pip install "ingrained[mcp]"' in err


def test_help_loads_nothing_heavy():
    code = (
        "import sys, ingrained.agent.cli; "
        "print([m for m in ('torch', 'langgraph', 'chromadb', 'pydantic', 'plotly', 'jinja2') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "ingrained 0.1.0\n"


def test_an_error_is_one_message_and_a_hint_on_stderr(capsys):
    assert run(["memory", "list"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: no agent lives in ")
    assert "ingrained study PATH" in err


def test_an_error_as_json_goes_to_stdout(capsys):
    assert run(["study", "nowhere", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "CorpusError"
    assert "nowhere" in told["error"]
    assert told["hint"]


def test_a_wrong_setting_in_the_environment_is_named(capsys, monkeypatch):
    monkeypatch.setenv("INGRAINED_THREADS", "-3")
    assert run(["models", "list"]) == 2
    assert "INGRAINED_THREADS" in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error(capsys):
    assert run(["study", "--bogus", "x"]) == 2
    assert "bogus" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(capsys, monkeypatch, tmp_path):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("ingrained.agent.commands.recording.run_study", interrupted)
    assert run(["study", str(write_page(tmp_path))], doors()) == INTERRUPTED
    assert "Run the same command again to go on." in capsys.readouterr().err


def test_an_unexpected_exception_is_not_swallowed(monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("ingrained.agent.weights.list_models", broken)
    with pytest.raises(ZeroDivisionError):
        run(["models", "list"])


def test_a_second_writer_is_told_that_the_home_is_busy(capsys, tmp_path):
    home = studied(tmp_path / "home")
    with write_lock(home / "memory"):
        code = run(["study", str(tmp_path / "corpus"), "--home", str(home)], doors())
    assert code == HomeBusyError.exit_code
    assert "is writing to" in capsys.readouterr().err


def test_a_home_of_a_newer_version_is_left_alone(capsys, tmp_path):
    home = studied(tmp_path / "home")
    (home / "home.json").write_text('{"version": 99}')
    assert run(["memory", "list", "--home", str(home)], doors()) == 4
    assert "version 99" in capsys.readouterr().err
    assert (home / "home.json").read_text() == '{"version": 99}'


def test_a_model_that_does_not_exist(capsys, tmp_path):
    home = studied(tmp_path / "home")
    behind = doors()
    only_embedder = type(behind)(embedder=behind.embedder)
    assert run(["ask", "Who?", "--home", str(home), "--model", "qwen9"], only_embedder) == 3
    err = capsys.readouterr().err
    assert "'qwen9'" in err
    assert "ingrained models list" in err


def test_models_path_of_what_is_not_fetched(capsys):
    assert run(["models", "path", "smollm2-135m"]) == FetchError.exit_code
    assert "ingrained models pull smollm2-135m" in capsys.readouterr().err


def test_models_list_as_json(capsys):
    assert run(["models", "list", "--json"]) == 0
    assert {one["name"]: one["cached"] for one in json.loads(capsys.readouterr().out)} == {
        "qwen2.5-coder-0.5b": False,
        "smollm2-135m": False,
        "all-minilm-l6-v2": False,
    }


def test_models_pull_offline_says_so(capsys):
    assert run(["models", "pull", "smollm2-135m"]) == FetchError.exit_code
    assert "offline" in capsys.readouterr().err
