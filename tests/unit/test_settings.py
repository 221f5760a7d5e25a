"""Settings come from the environment and `.env`, once, and do not change."""

import re
from pathlib import Path

import pydantic
import pytest

from ingrained.agent.commands.opening import load_settings
from ingrained.errors import SettingsError
from ingrained.graphs.session import store_options
from ingrained.settings import DEFAULT_EMBEDDER, DEFAULT_MODEL, Settings


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "CACHE", "OFFLINE"):
        monkeypatch.delenv(f"INGRAINED_{name}", raising=False)


@pytest.mark.usefixtures("bare")
def test_without_any_setting_a_home_in_the_working_folder_and_the_default_models():
    settings = Settings()
    assert settings.home == Path(".ingrained")
    assert settings.cache.is_absolute()
    assert (settings.model, settings.embedder) == (DEFAULT_MODEL, DEFAULT_EMBEDDER)
    assert settings.threads == 0
    assert not settings.offline


def test_a_variable_sets_its_field(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INGRAINED_MODEL", "smollm2-135m")
    monkeypatch.setenv("INGRAINED_THREADS", "3")
    settings = Settings()
    assert (settings.model, settings.threads) == ("smollm2-135m", 3)


@pytest.mark.usefixtures("bare")
def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch):
    for name in ("HOME", "MODEL", "THREADS", "OFFLINE"):
        monkeypatch.setenv(f"INGRAINED_{name}", "")
    settings = Settings()
    assert (settings.home, settings.model) == (Path(".ingrained"), DEFAULT_MODEL)
    assert (settings.threads, settings.offline) == (0, False)


def test_a_dotenv_file_sets_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch):
    Path(".env").write_text(
        "INGRAINED_MODEL=from-file\nINGRAINED_EMBEDDER=from-file\nOTHER=1\n", encoding="utf-8"
    )
    monkeypatch.setenv("INGRAINED_MODEL", "from-environment")
    settings = Settings()
    assert (settings.model, settings.embedder) == ("from-environment", "from-file")


def test_an_argument_wins_over_everything(tmp_path: Path):
    assert Settings(home=tmp_path).home == tmp_path


def test_nothing_changes_during_a_run():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Settings().model = "other"


def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INGRAINED_THREADS", "-1")
    with pytest.raises(pydantic.ValidationError, match="threads"):
        Settings()


def test_what_is_done_unattended_is_set_by_kind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INGRAINED_UNATTENDED", '{"promote": "ask"}')
    assert store_options(Settings()).unattended == {"promote": "ask"}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (
            '{"promot": "ask"}',
            "INGRAINED_UNATTENDED (promot): Input should be 'replace', 'purge' or",
        ),
        (
            '{"purge": "no"}',
            "INGRAINED_UNATTENDED (purge): Input should be 'pass', 'ask' or 'refuse'",
        ),
        ("ask", 'error parsing value for field "unattended"'),
    ],
)
def test_of_a_wrong_policy_it_is_told_what_it_may_be(monkeypatch, value, fault):
    monkeypatch.setenv("INGRAINED_UNATTENDED", value)
    with pytest.raises(SettingsError, match=re.escape(fault)) as raised:
        load_settings()
    assert raised.value.hint
