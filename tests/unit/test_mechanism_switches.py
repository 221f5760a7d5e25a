"""Switching mechanisms by name: the names, and the options of `ingrained study`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_student import doors, write_page

from ingrained.agent.cli import run
from ingrained.agent.mechanisms import (
    DEFAULT_MECHANISMS,
    MECHANISMS,
    QUESTION_KINDS,
    check_mechanisms,
    chosen,
)
from ingrained.agent.tasks.kinds import KINDS
from ingrained.errors import SettingsError
from ingrained.graphs.context import StudyPolicy


def test_every_kind_of_question_has_a_switch() -> None:
    assert set(QUESTION_KINDS) == set(KINDS)
    assert QUESTION_KINDS.keys() <= MECHANISMS.keys()


def test_what_is_used_by_default_exists() -> None:
    assert MECHANISMS.keys() >= DEFAULT_MECHANISMS
    assert chosen() == DEFAULT_MECHANISMS == StudyPolicy().mechanisms


def test_mechanisms_are_added_and_taken_away() -> None:
    without = DEFAULT_MECHANISMS - {"cloze"}
    assert chosen(plus=["star"], minus=["cloze"]) == without | {"star"}
    assert chosen(plus=["star"], of=["cloze"]) == {"star", "cloze"}


def test_the_same_name_cannot_be_wanted_and_not() -> None:
    with pytest.raises(SettingsError, match="both wanted and not: cloze, star"):
        chosen(plus=["star", "cloze"], minus=["cloze", "star"])


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match="no such mechanism: 'alchemy', 'magic'") as caught:
        check_mechanisms(["magic", "star", "alchemy"])
    assert all(name in str(caught.value.hint) for name in MECHANISMS)
    with pytest.raises(SettingsError, match="magic"):
        StudyPolicy(mechanisms=frozenset(["cloze", "magic"]))


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return ["study", str(write_page(tmp_path)), "--home", str(tmp_path / "home")]


def told(capsys: pytest.CaptureFixture[str], command: list[str]) -> dict[str, dict[str, object]]:
    """Run a study and return its settings, as it says them."""
    assert run([*command, "--json"], doors()) == 0
    settings: dict[str, dict[str, object]] = json.loads(capsys.readouterr().out)["settings"]
    return settings


def test_the_options_of_a_study_reach_it_and_are_told(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    options = ["--with", "star", "--with", "reflexion", "--without", "cloze", "--votes", "5"]
    settings = told(capsys, [*command, *options, "--autonomy", "low"])

    used = str(settings["mechanisms"]["value"]).split(", ")
    assert set(used) == (DEFAULT_MECHANISMS | {"star", "reflexion"}) - {"cloze"}
    assert settings["mechanisms"]["origin"] == "given"
    assert settings["votes"] == {"value": 5, "origin": "given"}
    assert settings["autonomy"] == {"value": "low", "origin": "given"}


def test_without_them_the_defaults_are_told(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    settings = told(capsys, command)

    assert set(str(settings["mechanisms"]["value"]).split(", ")) == DEFAULT_MECHANISMS
    assert {settings[name]["origin"] for name in ("mechanisms", "votes", "autonomy")} == {"default"}


def test_an_option_without_effect_is_told_of(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert run([*command, "--with", "cloze", "--dry-run"], doors()) == 0
    assert "--with cloze: it is on already." in capsys.readouterr().err


def test_the_settings_are_shown(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert run([*command, "--without", "cloze"], doors()) == 0

    shown = capsys.readouterr().err
    (line,) = (one for one in shown.splitlines() if one.startswith("mechanisms "))
    used = DEFAULT_MECHANISMS - {"cloze"}
    assert f" {', '.join(name for name in MECHANISMS if name in used)} (" in line
    assert "(given)" in line
    assert "autonomy       medium (default)" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--with", "magic"], ["no such mechanism: 'magic'", "answer-first", "reflexion"]),
        (["--without", "magic"], ["no such mechanism: 'magic'", "self-consistency"]),
        (["--with", "star", "--without", "star"], ["both wanted and not: star"]),
        (["--autonomy", "total"], ["autonomy must be one of low, medium, high, got 'total'"]),
        (["--votes", "0"], ["votes must be at least 1, got 0"]),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    options: list[str],
    said: list[str],
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    tmp_path: Path,
) -> None:
    assert run([*command, *options], doors()) == 2

    error = capsys.readouterr().err
    assert all(part in error for part in said), error
    assert not (tmp_path / "home").exists()


NO_KIND = [option for kind in QUESTION_KINDS for option in ("--without", kind)]


def test_a_study_without_any_kind_of_question_is_refused_before_anything_is_done(
    command: list[str], tmp_path: Path
) -> None:
    assert run([*command, *NO_KIND], doors()) == 2
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("options", "resumed"),
    [([], True), (["--with", "star"], False), (["--autonomy", "low"], False)],
)
def test_a_run_cut_short_goes_on_only_with_the_same_mechanisms(
    options: list[str],
    resumed: bool,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingrained.memory.store.MemoryStore.insert", interrupted)
        assert run(command, doors()) == 130
    capsys.readouterr()
    assert run([*command, *options, "--json"], doors()) == 0
    assert json.loads(capsys.readouterr().out)["resumed"] is resumed
