"""`ingrained doctor`."""

from __future__ import annotations

import json

import pytest
from cli_student import doors, studied

from ingrained.agent import doctor
from ingrained.agent.cli import run
from ingrained.agent.doctor import Check, examine
from ingrained.memory.locking import write_lock
from ingrained.settings import Settings


@pytest.fixture(autouse=True)
def no_helper_programs(monkeypatch):
    """Asking pip takes a second."""
    monkeypatch.setattr(doctor, "_out_of_range", lambda: [])


def found(settings: Settings, name: str) -> list[Check]:
    return [check for check in examine(settings) if check.name == name]


def test_a_new_installation_is_well_but_has_no_weights(tmp_path):
    checks = examine(Settings())
    assert not [check for check in checks if check.state == "fail"]
    assert [check.state for check in found(Settings(), "home")] == ["ok"]
    missing = [check for check in found(Settings(), "weights") if check.state == "warn"]
    assert [check.hint.split("`")[1] for check in missing] == [
        "ingrained models pull qwen2.5-coder-0.5b",
        "ingrained models pull all-minilm-l6-v2",
    ]
    assert not (tmp_path / "home").exists()


def test_a_home_is_counted_and_its_index_compared(tmp_path):
    settings = Settings(home=studied(tmp_path / "home"))
    assert "2 of 2 passages studied" in found(settings, "home")[0].detail
    assert found(settings, "lock")[0].detail == "free"
    assert found(settings, "index")[0].detail == "in step with the ledger"


def test_an_index_that_lags_is_told(tmp_path):
    from ingrained.memory.ledger import Ledger

    settings = Settings(home=studied(tmp_path / "home"))
    ledger = Ledger(settings.home / "memory" / "ledger.sqlite")
    ledger._db.execute("UPDATE memories SET digest = 'other' WHERE seq = 1")
    ledger.close()
    (index,) = found(settings, "index")
    assert index.state == "warn"
    assert "differ" in index.detail


def test_adapters_are_counted_and_damaged_ones_named(tmp_path):
    settings = Settings(home=studied(tmp_path / "home"))
    assert [check.detail for check in found(settings, "adapters")] == ["0 made, in use: none"]
    folder = tmp_path / "home" / "adapters"
    folder.mkdir()
    (folder / "active.json").write_text("half")
    (check,) = found(settings, "adapters")
    assert (check.state, "damaged" in check.detail) == ("fail", True)


def test_a_busy_home_is_told(tmp_path):
    settings = Settings(home=studied(tmp_path / "home"))
    with write_lock(settings.home / "memory"):
        (lock,) = found(settings, "lock")
    assert lock.state == "warn"
    assert "is writing to" in lock.detail


def test_a_home_of_a_newer_version_fails(tmp_path, capsys):
    home = studied(tmp_path / "home", doors())
    (home / "home.json").write_text('{"version": 99}')
    capsys.readouterr()
    assert run(["doctor", "--home", str(home), "--json"]) == 1
    failed = [one for one in json.loads(capsys.readouterr().out) if one["state"] == "fail"]
    assert [one["name"] for one in failed] == ["home"]
    assert "99" in failed[0]["detail"]


def test_a_missing_package_fails(monkeypatch):
    monkeypatch.setattr(doctor, "_version_of", lambda name: "" if name == "peft" else "1")
    failed = [check for check in found(Settings(), "packages") if check.state == "fail"]
    assert [check.detail for check in failed] == ["missing: peft"]


def test_packages_are_counted_and_their_versions_given_to_programs(monkeypatch, capsys):
    wrong = "ingrained 0.1.0 has requirement peft<0, but you have peft 1."
    monkeypatch.setattr(doctor, "_out_of_range", lambda: [wrong])
    monkeypatch.setattr(doctor, "_version_of", lambda _name: "1")
    run(["doctor", "--json"])
    told = [one for one in json.loads(capsys.readouterr().out) if one["name"] == "packages"]
    assert told[0]["detail"] == f"{len(told[0]['versions']) - 1} packages as required"
    assert told[0]["versions"]["peft"] == "1"
    assert told[1]["detail"] == wrong


def test_little_memory_and_little_disk_warn(monkeypatch):
    monkeypatch.setattr(doctor, "memory_bytes", lambda: 10**9)
    monkeypatch.setattr(doctor, "LEAST_DISK", 10**18)
    assert found(Settings(), "main memory")[0].state == "warn"
    (disk,) = found(Settings(), "disk")
    assert disk.state == "warn"
    assert "INGRAINED_CACHE" in disk.hint


def test_the_lines_say_what_to_do(capsys):
    assert run(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "ok   python" in out
    assert "→ Run `ingrained models pull qwen2.5-coder-0.5b`" in out


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("qwen2.5-coder-0.5b", "ok"),
        ("openai:any", "ok"),
        ("hf:nope/nope", "warn"),
        ("hf:nope", "fail"),
        ("nope", "fail"),
        ("all-minilm-l6-v2", "fail"),
    ],
)
def test_a_model_must_be_one_that_can_be_found(name, state):
    (check,) = found(Settings(model=name), "model")
    assert check.state == state


def test_the_network_is_asked_only_when_told_to(monkeypatch):
    asked = [Check(name="network", state="ok", detail="asked")]
    monkeypatch.setattr(doctor, "_sources", lambda: asked)
    assert not found(Settings(), "network")
    assert examine(Settings(), network=True)[-1:] == asked


def test_a_purge_that_was_cut_short_is_told(tmp_path):
    home = studied(tmp_path / "home")
    assert found(Settings(home=home), "purge") == []
    (home / "purge.json").write_text('{"ids": ["abc"]}')
    (check,) = found(Settings(home=home), "purge")
    assert (check.state, check.detail) == ("warn", "one was cut short: abc")
    (home / "purge.json").write_text('{"ids": "abc"}')
    assert [one.state for one in found(Settings(home=home), "purge")] == ["fail"]
