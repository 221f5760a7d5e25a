"""An adapter as a folder that other programs load."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from ingrained.errors import NotFoundError, StoreError
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.exporting import export
from ingrained.trainer.gate import Decision, Scores
from ingrained.trainer.lora import train
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.testing import make_tiny_model

ROWS = [StudyRow(messages=(("user", f"What is {letter}?"),), answer=letter * 3) for letter in "abc"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def home(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With one finished adapter."""
    home = tmp_path_factory.mktemp("home")
    registry = AdapterRegistry(home)
    version = registry.stage()
    recipe = LoraRecipe(rank=4, alpha=8, epochs=2, learning_rate=2e-2)
    train(ROWS, base=base, out=registry.path(version), recipe=recipe, base_name="tiny")
    registry.commit(version, Manifest(version=version, base_model="tiny", memory_ids=("a",)))
    return home


def test_peft_loads_it_to_the_logits_of_the_homes_own(
    home: Path, base: Path, tmp_path: Path
) -> None:
    registry = AdapterRegistry(home)
    folder = export(registry, "v001", tmp_path / "new" / "out", base=str(base))
    assert {path.name for path in folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "manifest.json",
    }  # fmt: skip
    ids = torch.tensor([[5, 6, 7, 8]])
    plain = AutoModelForCausalLM.from_pretrained(base)(input_ids=ids).logits
    told = []
    for source in (registry.path("v001"), folder):
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), source)
        told.append(model.eval()(input_ids=ids).logits)
    assert torch.equal(told[0], told[1])
    assert not torch.allclose(told[1], plain)


def test_it_works_at_the_strength_that_the_gate_found_for_it(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "home")
    registry = AdapterRegistry(tmp_path / "home")
    verdict = Scores(closed=0.5, memory=0.5, n=9)
    registry.conclude(
        "v001", before=verdict, after=verdict, decision=Decision(accept=True, reasons=()),
        strength_alone=0.375, strength_beside_notes=0.25,
    )  # fmt: skip
    folder = export(registry, "v001", tmp_path / "out")
    for source, alpha in ((registry.path("v001"), 8), (folder, 3)):
        config = json.loads((source / "adapter_config.json").read_text())
        assert (config["r"], config["lora_alpha"]) == (4, alpha)
    manifest = Manifest.from_dict(json.loads((folder / "manifest.json").read_text()))
    assert manifest.strength_alone == 1.0, "it is in the weights, and is not to be applied again"
    assert manifest.strength_beside_notes * 0.375 == pytest.approx(0.25)


def test_the_config_calls_the_base_what_it_is_told(home: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(home)
    for name, given in (("tiny", ""), ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B")):
        folder = export(
            registry, "v001", tmp_path / (given.replace("/", "-") or "same"), base=given
        )
        config = json.loads((folder / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == name
        own = json.loads((registry.path("v001") / "adapter_config.json").read_text())
        assert {**config, "base_model_name_or_path": "tiny"} == own
    manifest = Manifest.from_dict(json.loads((folder / "manifest.json").read_text()))
    assert manifest == dataclasses.replace(registry.show("v001"))


def test_what_is_there_already_is_not_written_over(home: Path, tmp_path: Path) -> None:
    registry = AdapterRegistry(home)
    (tmp_path / "empty").mkdir()
    assert export(registry, "v001", tmp_path / "empty").is_dir()
    (tmp_path / "file").write_text("mine")
    for taken in ("empty", "file"):
        with pytest.raises(StoreError, match="there already"):
            export(registry, "v001", tmp_path / taken)
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_half_made_is_left(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: object, _target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(StoreError, match="No space left"):
        export(AdapterRegistry(home), "v001", tmp_path / "there" / "out")
    assert list((tmp_path / "there").iterdir()) == []


def test_an_empty_folder_may_be_the_one_one_is_in_or_a_link(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    monkeypatch.chdir(tmp_path / "here")
    for folder in (Path(), tmp_path / "link"):
        export(AdapterRegistry(home), "v001", folder)
    assert (tmp_path / "here" / "adapter_config.json").is_file()
    assert (tmp_path / "there" / "adapter_config.json").is_file()


@pytest.mark.parametrize(
    ("target", "told"),
    [("x" * 300, "too long"), ("dangling", "link to nothing"), ("home/adapters/v009", "among")],
)
def test_what_cannot_be_a_target_is_refused(
    home: Path, tmp_path: Path, target: str, told: str
) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "home").symlink_to(home)
    with pytest.raises(StoreError, match=told):
        export(AdapterRegistry(home), "v001", tmp_path / target)
    assert [one.version for one in AdapterRegistry(home).list()] == ["v001"]


@pytest.mark.parametrize("content", ["{", "[]", None])
def test_a_damaged_adapter_is_told_as_one(home: Path, tmp_path: Path, content: str | None) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(home, broken)
    file = broken / "adapters" / "v001" / "adapter_config.json"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(StoreError, match="adapter v001 is damaged"):
        export(AdapterRegistry(broken), "v001", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_a_finished_version_is_exported(home: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        export(AdapterRegistry(home), "v002", tmp_path / "out")
    assert not (tmp_path / "out").exists()
