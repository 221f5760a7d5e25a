"""The recipe says all that is wrong with it at once."""

from __future__ import annotations

import dataclasses

import pytest

from ingrained.errors import SettingsError
from ingrained.trainer.gate import GateLimits
from ingrained.trainer.probes import replay_prompts
from ingrained.trainer.recipe import STATEMENT_KINDS, LoraRecipe


def test_the_defaults_are_a_valid_recipe() -> None:
    recipe = LoraRecipe()
    assert (recipe.rank, recipe.alpha, recipe.learning_rate) == (32, 64, 5e-4)
    assert "down_proj" in recipe.target_names


def test_the_recipe_of_a_study_replays_and_holds_the_drift() -> None:
    recipe = LoraRecipe.for_depth(24, seed=3)
    assert (recipe.first_layer, recipe.seed) == (12, 3)
    assert recipe.replay == len(replay_prompts())
    assert recipe.max_drift == GateLimits().drift


def test_all_faults_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        LoraRecipe(rank=0, dropout=1.0, learning_rate=float("nan"), targets="everything")
    for name in ("rank", "dropout", "learning_rate", "targets"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0}, {"batch_rows": 0}, {"batch_tokens": 0}, {"max_length": 0}, {"alpha": 0},
        {"clip": 0.0}, {"warmup": 1.0}, {"weight_decay": -1.0}, {"checkpoint_seconds": -1.0},
        {"seed": -1}, {"seed": 2**31}, {"stop_loss": 0.0}, {"max_seconds": 0.0}, {"max_drift": 0.0}, {"distil": 1.5}, {"dpo": -1.0}, {"beta": 0.0}, {"first_layer": -1}, {"targets": ()},
        {"statements": ("rewrite", "song")}, {"statements": ("link", "link")}, {"statements": "link"},
        {"statements_per_memory": 0}, {"statement_weight": 0.0},
    ],
    ids=lambda setting: next(iter(setting)),
)  # fmt: skip
def test_each_setting_is_checked(setting: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=next(iter(setting))):
        dataclasses.replace(LoraRecipe(), **setting)  # type: ignore[arg-type]


def test_targets_may_be_named_one_by_one() -> None:
    assert LoraRecipe(targets=("up_proj",)).target_names == ("up_proj",)
    assert LoraRecipe(targets="mlp").target_names == ("gate_proj", "up_proj", "down_proj")


def test_statements_are_off_until_a_file_names_their_kinds() -> None:
    assert LoraRecipe.for_depth(24).statements == ()
    changed = LoraRecipe().changed({"statements": ["rewrite", "link"], "statement_weight": 0.5})
    assert (changed.statements, changed.statement_weight) == (("rewrite", "link"), 0.5)
    assert LoraRecipe(statements=STATEMENT_KINDS).statements == STATEMENT_KINDS
