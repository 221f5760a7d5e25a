"""What tells the weights behind a name, without loading them."""

from __future__ import annotations

from pathlib import Path

from ingrained.agent.bench.running import weights_of
from ingrained.settings import DEFAULT_EMBEDDER, DEFAULT_MODEL, Settings

OFFLINE = Settings(cache=Path("nowhere"), offline=True)


def model(folder: Path, weights: str = "weights") -> str:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    return str(folder)


def test_a_folder_is_told_by_what_is_in_it_wherever_it_lies(tmp_path: Path) -> None:
    one = weights_of(model(tmp_path / "one"), OFFLINE)
    assert one == weights_of(model(tmp_path / "two"), OFFLINE)
    assert one != weights_of(model(tmp_path / "three", "others"), OFFLINE)
    (tmp_path / "one" / "notes.md").write_text("Mine.")
    (tmp_path / "one" / "logs").mkdir()
    (tmp_path / "one" / "logs" / "run.json").write_text("{}")
    assert one == weights_of(str(tmp_path / "one"), OFFLINE)


def test_the_parts_of_an_embedder_belong_to_it(tmp_path: Path) -> None:
    name = model(tmp_path / "one")
    (tmp_path / "one" / "modules.json").write_text("[]")
    (tmp_path / "one" / "1_Pooling").mkdir()
    told = set()
    for pooling in ("cls", "mean"):
        (tmp_path / "one" / "1_Pooling" / "config.json").write_text(pooling)
        told.add(weights_of(name, OFFLINE))
    assert len(told) == 2


def test_a_catalogue_model_is_told_by_its_pins_and_need_not_be_there() -> None:
    assert weights_of(DEFAULT_MODEL, OFFLINE) != weights_of(DEFAULT_EMBEDDER, OFFLINE)


def test_of_a_model_behind_an_api_only_the_name_is_known() -> None:
    assert weights_of("openai:gpt-5-mini", OFFLINE) == ""
