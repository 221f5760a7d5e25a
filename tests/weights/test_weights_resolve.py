"""What a model name means, and how it is told that it means nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from ingrained.agent.weights import CATALOGUE, ensure, is_provider_string, resolve_local
from ingrained.errors import FetchError, UnknownModelError
from ingrained.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache=tmp_path / "cache", offline=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my-model"
    path.mkdir()
    return path


def test_a_folder_with_a_configuration_stands_for_itself(folder: Path, settings: Settings) -> None:
    (folder / "config.json").write_text("{}")

    assert resolve_local(str(folder), settings) == folder


def test_a_folder_without_configuration_is_no_model(folder: Path, settings: Settings) -> None:
    with pytest.raises(UnknownModelError, match=r"holds no config\.json"):
        resolve_local(str(folder), settings)


def test_a_file_is_no_folder_of_weights(folder: Path, settings: Settings) -> None:
    (folder / "model.gguf").write_bytes(b"GGUF")

    with pytest.raises(UnknownModelError, match="is a file"):
        resolve_local(str(folder / "model.gguf"), settings)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~nobody-of-that-name/x"])
def test_a_folder_that_does_not_exist_is_named(name: str, settings: Settings) -> None:
    with pytest.raises(UnknownModelError, match="There is no folder"):
        resolve_local(name, settings)


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b"])
def test_names_that_no_disk_can_hold_are_unknown_models(name: str, settings: Settings) -> None:
    with pytest.raises(UnknownModelError):
        resolve_local(name, settings)


def test_a_misspelt_name_gets_the_closest_one_as_a_hint(settings: Settings) -> None:
    with pytest.raises(UnknownModelError) as caught:
        resolve_local("smolm2-135", settings)

    assert "Did you mean `smollm2-135m`" in caught.value.hint


def test_ensure_knows_catalogue_names_only(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="in the catalogue"):
        ensure("gpt-9", tmp_path, offline=True)


def test_a_catalogue_name_is_fetched_unless_offline(settings: Settings) -> None:
    with pytest.raises(FetchError, match="smollm2-135m is not in the cache"):
        resolve_local("smollm2-135m", settings)


def test_an_embedder_is_no_chat_model(settings: Settings) -> None:
    with pytest.raises(UnknownModelError, match="kind embedder") as caught:
        resolve_local("all-minilm-l6-v2", settings, kind="causal-lm")

    assert "qwen2.5-coder-0.5b" in caught.value.hint


@pytest.mark.parametrize("name", ["openai:gpt-5-mini", "ollama:llama3:8b", "azure_ai:x/y"])
def test_provider_strings_stand_for_no_local_weights(name: str, settings: Settings) -> None:
    assert is_provider_string(name)
    assert resolve_local(name, settings) is None


@pytest.mark.parametrize(
    "name",
    ["hf:org/name", "smollm2-135m", "./folder", "C:\\models\\x", "http://host/v1", "openai:"],
)
def test_other_names_are_no_provider_strings(name: str) -> None:
    assert not is_provider_string(name)


def snapshot(monkeypatch: pytest.MonkeyPatch, folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def fake(repo: str, **options: Any) -> str:
        seen.update(options, repo=repo)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    return seen


def test_a_hub_repository_is_fetched_without_pickles_and_code(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    seen = snapshot(monkeypatch, folder)

    assert resolve_local("hf:org/name", settings) == folder

    assert seen["repo"] == "org/name"
    assert seen["local_files_only"] is True
    assert seen["cache_dir"] == settings.cache / "hub"
    assert not any(pattern.endswith((".bin", ".pt", ".py")) for pattern in seen["allow_patterns"])


def test_a_hub_repository_without_safetensors_is_refused(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.json").write_text("{}")
    snapshot(monkeypatch, folder)

    with pytest.raises(FetchError, match="safetensors"):
        resolve_local("hf:org/name", settings)


def test_a_hub_repository_that_is_not_there_offline_is_a_failed_fetch(settings: Settings) -> None:
    with pytest.raises(FetchError, match="org/name could not be fetched"):
        resolve_local("hf:org/name", settings)


@pytest.mark.parametrize("name", ["hf:", "hf:name", "hf:../../etc", "hf:a/b/c"])
def test_a_hub_name_has_an_organisation_and_a_name(name: str, settings: Settings) -> None:
    with pytest.raises(UnknownModelError, match="hf:ORG/NAME"):
        resolve_local(name, settings)


def test_every_catalogue_file_is_pinned_has_two_sources_and_is_no_pickle() -> None:
    for entry in CATALOGUE.values():
        for file in entry.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size > 0
            assert "/" in file.hub_repo
            assert file.wheels
            assert Path(file.name).suffix in {".gguf", ".safetensors", ".json", ".txt"}
