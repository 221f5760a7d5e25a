"""Adapters merged into one: by which rule, into what file, and what is not merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from ingrained.agent.models.adapters import Adapters
from ingrained.errors import InputError, NotFoundError, SettingsError, StoreError, TrainingError
from ingrained.trainer.adapters import STAGES, AdapterRegistry
from ingrained.trainer.gate import Decision, Scores
from ingrained.trainer.lora import train
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.merging import merge, merge_versions
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.resume import RESUME_FILE
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.saving import save_adapter, save_tensors
from ingrained.trainer.testing import make_tiny_model

HALVES = (0.5, 0.5)
LAYER = "base_model.model.model.layers.1.mlp.up_proj"


def adapter(
    folder: Path,
    *factors: tuple[Any, Any],
    alpha: float | None = None,
    base: str = "tiny",
    layers: tuple[str, ...] = (LAYER,),
    **config: Any,
) -> Path:
    """Write an adapter of one layer or more from their factors A and B."""
    tensors = {}
    for layer, (a, b) in zip(layers, factors, strict=True):
        for letter, factor in (("A", a), ("B", b)):
            tensors[f"{layer}.lora_{letter}.weight"] = torch.as_tensor(factor).clone()
    rank = len(factors[0][0])
    folder.mkdir(parents=True)
    made = LoraConfig(
        r=rank, lora_alpha=rank if alpha is None else alpha, target_modules=["up_proj"],
        base_model_name_or_path=base, task_type="CAUSAL_LM", inference_mode=True, **config,
    )  # fmt: skip
    save_adapter(tensors, made, folder)
    return folder


def of_matrix(folder: Path, rows: list[list[float]], **more: Any) -> Path:
    """Write an adapter that adds just this matrix to one layer."""
    return adapter(folder, (torch.eye(len(rows[0])), torch.tensor(rows)), **more)


def of_chance(folder: Path, seed: int, *, rank: int = 4, size: tuple[int, int] = (24, 16)) -> Path:
    numbers = torch.Generator().manual_seed(seed)
    a = torch.randn(rank, size[1], generator=numbers)
    return adapter(folder, (a, torch.randn(size[0], rank, generator=numbers)), alpha=2 * rank)


def products(folder: Path) -> dict[str, torch.Tensor]:
    """Return what an adapter adds to each layer's weight."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    scale = config["lora_alpha"] / config["r"]
    return {
        name.removesuffix(".lora_A.weight"): scale * tensors[name.replace("_A.", "_B.")] @ a
        for name, a in tensors.items()
        if ".lora_A." in name
    }


def product(folder: Path) -> torch.Tensor:
    return products(folder)[LAYER]


# The rules


def test_linear_is_the_weighted_sum_of_the_products(tmp_path: Path) -> None:
    """Whatever their ranks and scales; the sum has at most the sum of their ranks, so none is lost."""
    one, two = of_chance(tmp_path / "one", 1, rank=4), of_chance(tmp_path / "two", 2, rank=2)
    merged = merge([one, two], tmp_path / "out", weights=(0.25, 2.0), method="linear")
    assert merged.rank == 6
    assert merged.retained == pytest.approx(1.0)
    wanted = 0.25 * product(one) + 2.0 * product(two)
    assert torch.allclose(product(tmp_path / "out"), wanted, atol=1e-4)


def test_ties_elects_a_sign_for_each_entry_and_leaves_out_what_has_the_other(
    tmp_path: Path,
) -> None:
    one = of_matrix(tmp_path / "one", [[4.0, -3.0], [1.0, 2.0]])
    two = of_matrix(tmp_path / "two", [[2.0, 1.0], [-3.0, 2.0]])
    merge([one, two], tmp_path / "out", weights=HALVES, density=1.0)
    wanted = torch.tensor([[3.0, -3.0], [-3.0, 2.0]])
    assert torch.allclose(product(tmp_path / "out"), wanted, atol=1e-5)


def test_ties_keeps_of_each_product_the_share_that_is_largest(tmp_path: Path) -> None:
    one = of_matrix(tmp_path / "one", [[4.0, -3.0], [1.0, 2.0]])
    two = of_matrix(tmp_path / "two", [[2.5, 1.0], [-3.0, 2.0]])
    merge([one, two], tmp_path / "out", weights=HALVES, density=0.5)
    wanted = torch.tensor([[3.25, -3.0], [-3.0, 0.0]])
    assert torch.allclose(product(tmp_path / "out"), wanted, atol=1e-5)


@pytest.mark.parametrize(("method", "share"), [("ties", 1.0), ("linear", 0.5)])
def test_what_one_of_two_has_alone_ties_leaves_at_its_strength(
    tmp_path: Path, method: Any, share: float
) -> None:
    one = of_chance(tmp_path / "one", 1)
    nothing = adapter(tmp_path / "nothing", (torch.ones(4, 16), torch.zeros(24, 4)))
    merge([one, nothing], tmp_path / "out", weights=HALVES, method=method, density=1.0)
    assert torch.allclose(product(tmp_path / "out"), share * product(one), atol=1e-4)


@pytest.mark.parametrize("method", ["ties", "linear"])
def test_an_adapter_merged_with_itself_is_itself_and_the_sum_of_the_weights_its_scale(
    tmp_path: Path, method: Any
) -> None:
    one = of_chance(tmp_path / "one", 1)
    for name, weights, scale in (("same", HALVES, 1.0), ("twice", (1.0, 1.0), 2.0)):
        out = tmp_path / name
        merged = merge([one, one], out, weights=weights, method=method, density=1.0, rank=4)
        assert torch.allclose(product(out), scale * product(one), atol=1e-4)
        assert merged.retained == pytest.approx(1.0)


def test_a_lower_rank_holds_less_and_says_how_much(tmp_path: Path) -> None:
    one, two = (of_chance(tmp_path / name, seed) for seed, name in enumerate(("one", "two")))
    merge([one, two], tmp_path / "whole", weights=HALVES, method="linear")
    merged = merge([one, two], tmp_path / "out", weights=HALVES, method="linear", rank=4)
    whole, out = product(tmp_path / "whole"), product(tmp_path / "out")
    assert torch.linalg.matrix_rank(out) == 4
    assert merged.retained == pytest.approx(float((out.norm() / whole.norm()) ** 2), abs=1e-4)
    assert 0.4 < merged.retained < 0.9


def test_trimming_leaves_no_low_rank(tmp_path: Path) -> None:
    one, two = (of_chance(tmp_path / name, seed) for seed, name in enumerate(("one", "two")))
    assert merge([one, two], tmp_path / "out", weights=HALVES).retained < 0.99
    full = merge([one, two], tmp_path / "full", weights=HALVES, rank=16)
    assert full.retained == pytest.approx(1.0)


def test_a_layer_that_is_smaller_than_the_rank_is_filled_with_zeros(tmp_path: Path) -> None:
    one = of_matrix(tmp_path / "one", [[4.0, -3.0], [1.0, 2.0]])
    merge([one, one], tmp_path / "out", weights=HALVES, density=1.0, rank=5)
    factors = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert [tuple(factors[f"{LAYER}.lora_{letter}.weight"].shape) for letter in "AB"] == [
        (5, 2), (2, 5),
    ]  # fmt: skip
    assert torch.allclose(product(tmp_path / "out"), product(one), atol=1e-5)


# The file


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def home(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two adapters, v001 of the memories a and b, v002 of b and c."""
    home = tmp_path_factory.mktemp("home")
    registry = AdapterRegistry(home)
    recipe = LoraRecipe(rank=4, alpha=8, epochs=2, learning_rate=2e-2, first_layer=1)
    for letters in ("ab", "bc"):
        version = registry.stage()
        rows = [StudyRow(messages=(("user", f"What is {x}?"),), answer=3 * x) for x in letters]
        train(rows, base=base, out=registry.path(version), recipe=recipe, base_name="tiny")
        manifest = Manifest(
            version=version, base_model="tiny", base_sha256="1234", memory_ids=tuple(letters),
            strength_beside_notes=0.25 if letters == "ab" else 1.0,
        )  # fmt: skip
        registry.commit(version, manifest)
    return home


@pytest.fixture
def registry(home: Path, tmp_path: Path) -> AdapterRegistry:
    """A copy of the home's, to change."""
    import shutil

    shutil.copytree(home, tmp_path / "home")
    return AdapterRegistry(tmp_path / "home")


@pytest.mark.parametrize("method", ["ties", "linear"])
def test_peft_loads_it_as_the_sum_of_what_the_base_has_and_the_merged_products(
    home: Path, base: Path, tmp_path: Path, method: Any
) -> None:
    folders = [home / "adapters" / version for version in ("v001", "v002")]
    merge(folders, tmp_path / "out", weights=HALVES, method=method)
    ids = torch.tensor([[5, 6, 7, 8]])
    plain: Any = AutoModelForCausalLM.from_pretrained(base)
    before = plain(input_ids=ids).logits
    adapted = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base), tmp_path / "out"
    )
    told = adapted.eval()(input_ids=ids).logits
    assert bool(told.isfinite().all())
    assert not torch.allclose(told, before)

    with torch.no_grad():
        for layer, added in products(tmp_path / "out").items():
            plain.get_submodule(layer.removeprefix("base_model.model.")).weight += added
    assert torch.allclose(plain(input_ids=ids).logits, told, atol=1e-4)


def test_the_chat_model_loads_it_beside_those_it_is_merged_from(
    home: Path, base: Path, tmp_path: Path
) -> None:
    folders = [home / "adapters" / version for version in ("v001", "v002")]
    merge(folders, tmp_path / "out", weights=HALVES)
    ids = torch.tensor([[5, 6, 7, 8]])
    own: Any = AutoModelForCausalLM.from_pretrained(base)
    adapters = Adapters(own)
    for folder in (*folders, tmp_path / "out"):
        adapters.load(folder.name, folder)
    adapters.use("out")
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "out")
    wanted = theirs.eval()(input_ids=ids).logits
    assert torch.allclose(own.eval()(input_ids=ids).logits, wanted, atol=1e-4)


def test_it_is_the_same_file_each_time_in_the_precision_of_the_first(
    home: Path, tmp_path: Path
) -> None:
    short, other = tmp_path / "short", home / "adapters" / "v002"
    first = home / "adapters" / "v001"
    tensors = load_file(first / "adapter_model.safetensors")
    short.mkdir()
    save_tensors(
        {name: tensor.bfloat16() for name, tensor in tensors.items()},
        short / "adapter_model.safetensors", metadata={"format": "pt"},
    )  # fmt: skip
    (short / "adapter_config.json").write_bytes((first / "adapter_config.json").read_bytes())
    for name in ("out", "again"):
        merge([short, other], tmp_path / name, weights=HALVES)
    written = [
        [file.read_bytes() for file in sorted((tmp_path / name).iterdir())]
        for name in ("out", "again")
    ]
    assert written[0] == written[1]
    assert len(written[0]) == 2
    kept = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.bfloat16}
    assert kept.keys() == tensors.keys()


# What is not merged


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"method": "dare"}, "method must be one of ties, linear, not 'dare'"),
        ({"density": 0.0}, "density must be above 0 and at most 1, not 0.0"),
        ({"density": 1.5}, "density must be above 0"),
        ({"density": float("nan")}, "density must be above 0"),
        ({"weights": (0.5, -0.5)}, "weights must be above 0, not -0.5"),
        ({"weights": (0.5, float("nan"))}, "weights must be above 0, not nan"),
        ({"weights": (1.0,)}, "there are 2 adapters and 1 weights"),
        ({"rank": 0}, "rank must be at least 1, not 0"),
        ({"rank": 0, "method": "dare"}, "'dare'; rank"),
    ],
)
def test_settings_out_of_range_are_named(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    folders = [of_chance(tmp_path / name, 1) for name in ("one", "two")]
    with pytest.raises(SettingsError, match=told) as refused:
        merge(folders, tmp_path / "out", **{"weights": HALVES, **wrong})
    assert refused.value.hint
    assert not (tmp_path / "out").exists()


def test_one_alone_is_not_merged(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two or more, not 1"):
        merge([of_chance(tmp_path / "one", 1)], tmp_path / "out", weights=(1.0,))


def test_adapters_of_different_bases_or_layers_are_not_merged(tmp_path: Path) -> None:
    one = of_chance(tmp_path / "one", 1)
    a, b = torch.ones(4, 16), torch.ones(24, 4)
    other_layer = LAYER.replace("up_proj", "gate_proj")
    for name, other, told in (
        ("base", adapter(tmp_path / "base", (a, b), base="huge"), "bases: tiny, huge"),
        ("layer", adapter(tmp_path / "layer", (a, b), layers=(other_layer,)), "the same layers"),
        ("more", adapter(tmp_path / "more", (a, b), (a, b), layers=(LAYER, other_layer)), "layers"),
        ("shape", of_chance(tmp_path / "shape", 1, size=(24, 15)), "the same layers"),
    ):
        with pytest.raises(InputError, match=told) as refused:
            merge([one, other], tmp_path / f"out-{name}", weights=HALVES)
        assert refused.value.hint


def test_what_is_more_than_plain_lora_is_not_merged(tmp_path: Path) -> None:
    one, two = of_chance(tmp_path / "one", 1), of_chance(tmp_path / "two", 2)
    a, b = torch.ones(4, 16), torch.ones(24, 4)
    scaled = adapter(tmp_path / "scaled", (a, b), use_rslora=True)
    with pytest.raises(InputError, match="not plain LoRA: use_rslora"):
        merge([one, scaled], tmp_path / "out", weights=HALVES)
    tensors = load_file(two / "adapter_model.safetensors")
    for changed, told in (
        ({**tensors, f"{LAYER}.lora_magnitude_vector": torch.ones(24)}, "magnitude"),
        ({f"{LAYER}.lora_A.weight": a}, LAYER),
        ({}, "empty"),
    ):
        save_tensors(changed, two / "adapter_model.safetensors", metadata={"format": "pt"})
        with pytest.raises(InputError, match=f"not plain LoRA: .*{told}"):
            merge([one, two], tmp_path / "out", weights=HALVES)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
@pytest.mark.parametrize("content", ["[]", "{", None])
def test_a_damaged_adapter_is_told_as_one(tmp_path: Path, name: str, content: str | None) -> None:
    one, two = of_chance(tmp_path / "one", 1), of_chance(tmp_path / "two", 2)
    (two / name).unlink() if content is None else (two / name).write_text(content)
    with pytest.raises(StoreError, match=r"two.* is damaged"):
        merge([one, two], tmp_path / "out", weights=HALVES)


def test_a_finished_adapter_is_not_written_over(tmp_path: Path) -> None:
    one, two = of_chance(tmp_path / "one", 1), of_chance(tmp_path / "two", 2)
    before = (two / "adapter_model.safetensors").read_bytes()
    with pytest.raises(TrainingError, match="finished adapter"):
        merge([one, two], two, weights=HALVES)
    assert (two / "adapter_model.safetensors").read_bytes() == before


# Versions of a home


def test_a_merged_version_says_what_it_is_made_of_and_waits_for_a_verdict(
    registry: AdapterRegistry,
) -> None:
    registry.promote("v002", force=True)
    made = merge_versions(registry, ["v001", "v002"], weights=(0.75, 0.25), density=0.5)
    assert registry.show("v003") == made
    assert (made.version, made.merged_from, made.parent) == ("v003", ("v001", "v002"), "v002")
    assert made.memory_ids == ("a", "b", "c")
    assert made.recipe == {
        "method": "ties", "weights": [0.75, 0.25], "density": 0.5, "rank": 8,
    }  # fmt: skip
    assert (made.base_model, made.base_sha256) == ("tiny", "1234")
    assert 0 < made.retained < 1
    assert made.strength_beside_notes == 0.25, "no stronger beside notes than either was judged"
    assert (made.decision, made.drift, made.exam_after) == ("candidate", None, None)
    assert registry.active() == "v002"
    with pytest.raises(StoreError, match="The gate has not judged v003"):
        registry.promote("v003")
    assert made.method == "merged"


def test_a_version_goes_in_at_the_strength_that_the_gate_found_for_it(
    registry: AdapterRegistry,
) -> None:
    whole = merge_versions(registry, ["v001", "v002"], weights=HALVES, method="linear").version
    verdict = Scores(closed=0.5, memory=0.5, n=9)
    registry.conclude(
        "v002", before=verdict, after=verdict, decision=Decision(accept=True, reasons=()),
        strength_alone=0.5, strength_beside_notes=0.1,
    )  # fmt: skip
    merged = merge_versions(registry, ["v001", "v002"], weights=HALVES, method="linear")
    assert merged.strength_beside_notes == 0.2, "a tenth of what v002 was"
    weak = merged.version
    alike = merge_versions(registry, ["v001", "v002"], weights=(0.5, 1.0), method="linear").version
    added = [products(registry.path(one)) for one in (whole, weak, alike)]
    for layer, product in added[0].items():
        assert not torch.allclose(added[1][layer], product, atol=1e-6)
        torch.testing.assert_close(added[2][layer], product, atol=1e-6, rtol=1e-4)


def test_a_merged_version_is_not_needed_until_it_is_used_and_the_newest_trained_one_is(
    registry: AdapterRegistry,
) -> None:
    def disposable() -> list[str]:
        return [one.version for one in registry.disposable(0)]

    registry.promote("v001", force=True)
    registry.promote("v002", force=True)
    registry.promote("v001")
    merge_versions(registry, ["v001", "v002"], weights=HALVES)
    assert disposable() == ["v003"], "a merge does not take the place of the newest"
    registry.promote("v003", force=True)
    assert disposable() == ["v001"]
    assert registry.discard(disposable()) == ("v001",)
    assert registry.active() == "v003"


def test_merged_versions_can_be_merged(registry: AdapterRegistry) -> None:
    merge_versions(registry, ["v001", "v002"], weights=HALVES, method="linear")
    again = merge_versions(registry, ["v003", "v001"], weights=HALVES, method="linear", rank=4)
    assert again.recipe == {"method": "linear", "weights": [0.5, 0.5], "rank": 4}


def test_a_stale_version_is_not_merged_into_one_that_is_not(registry: AdapterRegistry) -> None:
    registry.mark_stale(["v002"], "a memory was purged")
    with pytest.raises(StoreError, match="v002 is stale: a memory was purged"):
        merge_versions(registry, ["v001", "v002"], weights=HALVES)
    assert registry.unfinished() == ()


@pytest.mark.parametrize("foreign", [{"base_model": "huge"}, {"base_sha256": "5678"}])
def test_versions_of_different_bases_are_not_merged(
    registry: AdapterRegistry, foreign: dict[str, str]
) -> None:
    file = registry.path("v002") / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **foreign}))
    with pytest.raises(InputError, match="v001 of tiny 1234, v002 of"):
        merge_versions(registry, ["v001", "v002"], weights=HALVES)
    assert registry.unfinished() == ()


def test_a_merge_that_fails_leaves_no_version(
    registry: AdapterRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ingrained.trainer.merging.save_adapter", full)
        with pytest.raises(OSError, match="No space"):
            merge_versions(registry, ["v001", "v002"], weights=HALVES)
    assert registry.unfinished() == ()
    assert merge_versions(registry, ["v001", "v002"], weights=HALVES).version == "v003"


@pytest.mark.parametrize("state", [RESUME_FILE, f"{STAGES}/teacher/{RESUME_FILE}"])
def test_a_training_that_can_go_on_keeps_its_place(registry: AdapterRegistry, state: str) -> None:
    cut = registry.path(registry.stage())
    (cut / state).parent.mkdir(parents=True, exist_ok=True)
    (cut / state).write_text("state")
    with pytest.raises(StoreError, match="training of v003 was cut short"):
        merge_versions(registry, ["v001", "v002"], weights=HALVES)
    assert [path for path in cut.rglob("*") if path.is_file()] == [cut / state]


@pytest.mark.parametrize("wrong", [{"density": 0.0}, {"weights": (1.0,)}, {"rank": 0}])
def test_no_version_is_staged_for_what_cannot_be_merged(
    registry: AdapterRegistry, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    def stage(_registry: AdapterRegistry) -> str:
        raise AssertionError("staged")

    monkeypatch.setattr(AdapterRegistry, "stage", stage)
    with pytest.raises(SettingsError):
        merge_versions(registry, ["v001", "v002"], **{"weights": HALVES, **wrong})
    (registry.path("v002") / "adapter_model.safetensors").write_text("{")
    with pytest.raises(StoreError, match="v002' is damaged"):
        merge_versions(registry, ["v001", "v002"], weights=HALVES)


def test_only_finished_versions_are_merged(registry: AdapterRegistry) -> None:
    registry.stage()
    for unknown in ("v003", "v009"):
        with pytest.raises(NotFoundError):
            merge_versions(registry, ["v001", unknown], weights=HALVES)
