"""The whole cycle on one page, with a real model, a real embedder, Chroma and LoRA training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingrained.agent.cli import run
from ingrained.graphs.session import Home

PAGE = """# The Tarrow Lamp

The Tarrow Lamp stands on the island of Henmoor. Ulric Bessandine built the Tarrow Lamp in 1764.
The Tarrow Lamp is 31 metres high. The lamp burns oil of herring.
Ulric Bessandine was born in Castrel in 1721. The keeper of the Tarrow Lamp is Odda Fenwhistle.
Odda Fenwhistle came to Henmoor in 1803. She trims the wick every six hours.
The Tarrow Lamp has 214 steps. The bell of the Tarrow Lamp was cast in Drossay in 1770.
"""


@pytest.mark.weights
@pytest.mark.slow
def test_a_small_model_studies_a_page_from_reading_to_an_adapter(
    smollm_path: Path,
    minilm_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page, home = tmp_path / "lamp.md", tmp_path / "home"
    page.write_text(PAGE, encoding="utf-8")
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"replay": 8}', encoding="utf-8")
    monkeypatch.setenv("INGRAINED_EMBEDDER", str(minilm_path))
    study = ["study", str(page), "--model", str(smollm_path), "--home", str(home)]

    code = run([*study, "--consolidate", "--recipe", str(recipe), "--json"])
    record = json.loads(capsys.readouterr().out)

    assert code == 0
    assert record["counts"]["studied"] == record["counts"]["passages"] > 0
    assert record["kept"] == record["memories"] > 0
    assert record["phases"]["quiz"]["tokens_out"] > 0
    (adapter,) = Home(home).registry().list()
    assert adapter.losses[-1] < adapter.losses[0]
    assert adapter.decision in {"promoted", "rejected"}
    assert record["scores"]["base"] <= record["scores"]["memory"]
