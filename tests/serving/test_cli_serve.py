"""`ingrained serve`: starts vLLM, keeps it in step, and leaves nothing running."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from serving_world import BASE, Command, alive, all_end

from ingrained.agent.cli import run
from ingrained.agent.serving import finding
from ingrained.errors import InputError
from ingrained.memory.locking import write_lock


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the started vLLM notes what it was started with."""
    monkeypatch.setenv("FAKE_VLLM_NOTES", str(tmp_path / "notes.json"))
    return tmp_path / "notes.json"


@pytest.fixture
def words(vllm: Path, base: str, home: Any, port: int) -> list[str]:
    return [
        "--home", str(home.path), "--model", base, "--vllm", str(vllm), "--port", str(port),
    ]  # fmt: skip


def test_it_follows_promotions_and_stops_all_that_it_started(words, home, notes):
    home.promote(rank=64)
    with Command(*words) as serving:
        assert serving.next("starting")["model"] == BASE
        assert serving.next("ready")["version"] == "0.33.0"
        assert serving.next("adapter")["version"] == "v001"
        home.promote(-0.4)
        assert serving.next("adapter")["version"] == "v002"
        assert serving.next("unloaded")["model"].startswith("v001-")
        told = json.loads(notes.read_text())
        assert all(map(alive, told["pids"]))
        assert serving.end() == 0
        assert serving.next("stopped")["ended"] is True
    assert all_end(told["pids"])
    assert "--max-lora-rank=64" in told["words"]
    assert told["variables"]["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"
    assert "Loading weights" in (home.path / "serve" / "vllm.log").read_text()


def test_ctrl_c_while_it_starts_stops_it_too(words, home, notes):
    with Command(*words, wrong={"ill": True}) as serving:
        log = Path(serving.next("starting")["log"])
        while not (log.is_file() and "Somebody asks" in log.read_text()):
            time.sleep(0.05)
        assert serving.end(signal.SIGINT) == 130
    assert all_end(json.loads(notes.read_text())["pids"])


def test_the_end_of_the_terminal_stops_it_too(words, home, notes):
    home.promote()
    with Command(*words) as serving:
        for kind in ("starting", "ready", "adapter"):
            serving.next(kind)
        assert serving.end(signal.SIGHUP) == 0
    assert all_end(json.loads(notes.read_text())["pids"])


def test_a_name_with_an_address_means_a_server_that_runs(words, capsys):
    assert run(["serve", *words, "--model", "vllm:tiny-base@http://gpu-2:8000"]) == 2
    assert "--connect http://gpu-2:8000" in capsys.readouterr().err


def test_a_program_called_vllm_in_this_folder_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(finding, "_usual_places", lambda: (tmp_path / ".venv-vllm",))
    program = tmp_path / "vllm"
    program.touch(mode=0o755)
    with pytest.raises(InputError):
        finding.find_vllm(None)
    assert finding.find_vllm(program) == program


def test_a_vllm_that_does_not_listen_is_killed_after_a_grace(words, notes, monkeypatch, capsys):
    monkeypatch.setattr("ingrained.agent.commands.serving.GRACE", 0.1)
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"deaf": True, "ill": True}))
    assert run(["serve", *words, "--wait", "1"]) == 3
    error = capsys.readouterr().err
    assert "did not answer within 1 seconds" in error
    assert "--wait" in error
    assert all_end(json.loads(notes.read_text())["pids"])


@pytest.mark.parametrize(
    ("death", "said", "hint"),
    [
        ("memory", "too little memory", "--memory-share"),
        ("killed", "too little memory", "--memory-share"),
        ("model", "cannot read the model", "--model"),
        ("odd", "the moon is in the wrong house", "vllm.log"),
    ],
)
def test_a_vllm_that_dies_says_why(words, notes, monkeypatch, capsys, death, said, hint):
    monkeypatch.setenv("FAKE_VLLM", json.dumps({"dies": death}))
    assert run(["serve", *words]) == 3
    error = capsys.readouterr().err
    assert said in error
    assert hint in error
    assert all_end(json.loads(notes.read_text())["pids"])


def test_a_port_in_use_is_told_before_anything_starts(words, port, notes, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert run(["serve", *words]) == 2
    assert f"port {port}" in capsys.readouterr().err
    assert not notes.exists()


def test_without_vllm_it_says_how_to_get_it(words, tmp_path, capsys):
    assert run(["serve", *words, "--vllm", str(tmp_path)]) == 2
    assert "make vllm" in capsys.readouterr().err


def test_a_model_without_weights_here_cannot_be_served(words, capsys):
    assert run(["serve", *words, "--model", "openai:gpt-5-mini"]) == 3
    assert "no weights on this machine" in capsys.readouterr().err


def test_other_machines_are_let_in_only_when_that_is_said(words, capsys):
    assert run(["serve", *words, "--host", "0.0.0.0"]) == 2
    assert "any folder of this machine" in capsys.readouterr().err


def test_a_home_is_served_once(words, home, capsys):
    with write_lock(home.path / "serve"):
        assert run(["serve", *words]) == 4
    told = capsys.readouterr().err
    assert "served already" in told
    assert f"pid {os.getpid()}" in told


def test_a_server_that_runs_is_kept_in_step_and_runs_on(server, home):
    home.promote()
    options = ["--home", str(home.path), "--model", BASE, "--connect", server.address]
    with Command(*options) as serving:
        serving.next("ready")
        serving.next("adapter")
        assert serving.end() == 0
        assert serving.next("stopped")["ended"] is False
    assert server.runs


def test_a_server_that_serves_another_model_is_not_touched(server, home, capsys):
    assert (
        run(["serve", "--home", str(home.path), "--model", "other", "--connect", server.address])
        == 3
    )
    assert f"vllm:{BASE}" in capsys.readouterr().err


def test_the_name_that_the_other_commands_use_means_the_model_behind_it(server, home):
    options = ["--home", str(home.path), "--model", f"vllm:{BASE}", "--connect", server.address]
    with Command(*options) as serving:
        assert serving.next("ready")["model"] == BASE


def test_a_key_is_asked_of_all(words, home, monkeypatch):
    monkeypatch.setenv("INGRAINED_VLLM_KEY", "hush")
    home.promote()
    with Command(*words) as serving:
        serving.next("starting")
        serving.next("ready")
        serving.next("adapter")
