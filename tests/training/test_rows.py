"""Study rows in a file, and the command that trains from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingrained.errors import InputError, SettingsError, TrainingError
from ingrained.trainer.__main__ import main
from ingrained.trainer.recipe import LoraRecipe, default_recipe
from ingrained.trainer.reports import StepReport
from ingrained.trainer.rows import StudyRow, read_rows, write_rows
from ingrained.trainer.testing import make_tiny_model

ROWS = [
    StudyRow(
        messages=(("system", "Short."), ("user", "Wer?\u2028")), answer="Ada",
        kind="cloze", memory_ids=("m1", "m2"), weight=0.5, rejected="Bob",
        source=(("user", "It was Ada. Who?"),),
    ),
    StudyRow(messages=(), answer="A text as it stands.\nTwo lines.", kind="text"),
]  # fmt: skip


def test_rows_come_back_from_a_file_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, ROWS)
    assert read_rows(path) == ROWS


def test_a_line_has_what_differs_from_the_defaults_and_turns_as_chats_have_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, [StudyRow(messages=(("user", "Who?"),), answer="Ada")])
    (line,) = path.read_text().splitlines()
    assert json.loads(line) == {
        "messages": [{"role": "user", "content": "Who?"}], "answer": "Ada",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Expecting"),
        ("[]", "not a JSON object"),
        ('{"answer": "Ada", "message": []}', "a row has no 'message'"),
        ('{"messages": []}', "it has no 'answer'"),
        ('{"messages": [], "answer": ""}', "it has no 'answer'"),
        ('{"answer": 3}', "'answer' cannot be 3"),
        (
            '{"answer": "Ada", "messages": [{"role": "bob", "content": "Who?"}]}',
            "'messages' cannot be",
        ),
        ('{"answer": "Ada", "kind": "riddle"}', "'kind' cannot be \"riddle\""),
        ('{"answer": "Ada", "kind": []}', "'kind' cannot be"),
        ('{"answer": "Ada", "weight": true}', "'weight' cannot be true"),
        ('{"answer": "Ada", "memory_ids": "m1"}', "'memory_ids' cannot be"),
        ('{"answer": "Ada", "messages": [["user", "Who?"]]}', "'messages' cannot be"),
        ('{"answer": "Ada", "source": [{"role": "user"}]}', "'source' cannot be"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"answer": "a text", "kind": "text"}\n\n' + line + "\n")
    with pytest.raises(InputError, match=r"rows\.jsonl, line 3 is no study row") as caught:
        read_rows(path)
    assert said in str(caught.value)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\xff\xfe")
    for unreadable in (path, tmp_path / "missing.jsonl"):
        with pytest.raises(InputError, match="No study rows can be read"):
            read_rows(unreadable)


def test_a_recipe_is_changed_by_name() -> None:
    recipe = LoraRecipe()
    assert recipe.changed(LoraRecipe(rank=4).to_dict()) == LoraRecipe(rank=4)
    with pytest.raises(SettingsError, match="no ranks"):
        recipe.changed({"ranks": 4})
    with pytest.raises(SettingsError, match="rank must be at least 1, not 0"):
        recipe.changed({"rank": 0})
    assert recipe.changed({"targets": ["up_proj"]}) == LoraRecipe(targets=("up_proj",))
    assert recipe.changed({"alpha": 8, "dropout": 0, "max_drift": None}) == LoraRecipe(alpha=8)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"rank": "4"}, "rank must be an integer, not '4'"),
        ({"rank": 4.5}, "rank must be an integer, not 4.5"),
        ({"seed": 1.5}, "seed must be an integer"),
        ({"epochs": 1.5}, "epochs must be an integer"),
        ({"batch_rows": 2.5}, "batch_rows must be an integer"),
        ({"epochs": None}, "epochs must be an integer, not None"),
        ({"alpha": True}, "alpha must be an integer, not True"),
        ({"first_layer": 0.5}, "first_layer must be an integer or None"),
        ({"learning_rate": "1e-3"}, "learning_rate must be a number"),
        ({"clip": True}, "clip must be a number"),
        ({"max_seconds": []}, "max_seconds must be a number or None"),
        ({"targets": 5}, "targets must be a word or a tuple of words, not 5"),
        ({"targets": [1]}, r"targets must be a word or a tuple of words, not \(1,\)"),
        ({"rank": 0.5, "seed": "x"}, "rank must be .*; seed must be "),
    ],
    ids=str,
)
def test_a_setting_of_the_wrong_type_is_named(setting: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        LoraRecipe().changed(setting)


def test_the_default_recipe_needs_the_number_of_layers(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="how many layers"):
        default_recipe(tmp_path, seed=0)


def test_the_command_says_what_is_wrong_and_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, rows, recipe = (
        make_tiny_model(tmp_path / "base"), tmp_path / "rows.jsonl", tmp_path / "recipe.json",
    )  # fmt: skip
    command = [str(rows), "--base", str(base), "--out", str(tmp_path / "a")]
    assert main(command) == InputError.exit_code
    assert "No study rows can be read" in capsys.readouterr().err
    write_rows(rows, ROWS)
    for text, said in (("{", "No recipe can be read"), ("[]", "holds no recipe")):
        recipe.write_text(text)
        assert main([*command, "--recipe", str(recipe)]) == SettingsError.exit_code
        assert said in capsys.readouterr().err
    (tmp_path / "a").write_text("a file, where a folder is to be")
    assert main(command) == TrainingError.exit_code
    told = capsys.readouterr().err
    assert f"{tmp_path / 'a'}" in told
    assert "--out must be a folder" in told


def test_the_command_trains_by_the_default_recipe_and_the_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, rows, recipe = (
        make_tiny_model(tmp_path / "base"), tmp_path / "rows.jsonl", tmp_path / "recipe.json",
    )  # fmt: skip
    write_rows(rows, ROWS)
    recipe.write_text('{"epochs": 2, "seed": 3}')
    losses = {}
    for name, more in {"a": [], "b": ["--seed", "3"], "c": ["--seed", "4"]}.items():
        command = [str(rows), "--base", str(base), "--out", str(tmp_path / name), *more]
        assert main([*command, "--recipe", str(recipe)]) == 0
        told, told_of_steps = capsys.readouterr()
        losses[name] = json.loads(told)["losses"]
        assert "step 2 of 2: loss " in told_of_steps
        assert set(read_layers(tmp_path / name)) == {1}, "the upper half of two"
    assert losses["a"] == losses["b"] != losses["c"]


def test_interrupted_the_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    base, rows = make_tiny_model(tmp_path / "base"), tmp_path / "rows.jsonl"
    write_rows(rows, ROWS)
    command = [str(rows), "--base", str(base), "--out", str(tmp_path / "a")]

    def interrupt(report: StepReport) -> None:
        if report.step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ingrained.trainer.__main__._tell", interrupt)
        assert main(command) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert main(command) == 0
    assert "step 3 of 5" in capsys.readouterr().err.splitlines()[0]


def read_layers(adapter: Path) -> list[int]:
    config = json.loads((adapter / "adapter_config.json").read_text())
    return list(config["layers_to_transform"])
