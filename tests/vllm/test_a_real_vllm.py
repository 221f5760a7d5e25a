"""`ingrained serve` with a real vLLM, a real model and a real adapter: `make test-vllm`."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from serving_world import Command, all_end, free_port

from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.lora import train
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

MODEL = "smollm2-135m"
ROW = StudyRow(
    messages=(("user", "What is the capital of Yarvelund?"),), answer="Drennoway, on the river Ost."
)


def replied(address: str, model: str) -> str:
    asked = {
        "model": model, "max_tokens": 12, "temperature": 0,
        "messages": [{"role": role, "content": content} for role, content in ROW.messages],
    }  # fmt: skip
    told = httpx.post(f"{address}/v1/chat/completions", json=asked, timeout=300)
    return str(told.json()["choices"][0]["message"]["content"])


def trained(home: Path, base: Path) -> AdapterRegistry:
    """A home whose adapter knows one thing."""
    registry = AdapterRegistry(home)
    version = registry.stage()
    recipe = LoraRecipe(rank=8, alpha=16, epochs=8, learning_rate=2e-3)
    train([ROW], base=base, out=registry.path(version), recipe=recipe)
    registry.commit(version, Manifest(version=version, base_model=MODEL, recipe={"rank": 8}))
    registry.promote(version, force=True)
    return registry


@pytest.mark.vllm
@pytest.mark.weights
@pytest.mark.slow
def test_a_trained_adapter_answers_until_it_is_rolled_back(
    real_vllm: Path, smollm_path: Path, real_cache: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    registry, port = trained(home, smollm_path), free_port()
    options = [
        "--home", str(home), "--model", MODEL, "--vllm", str(real_vllm), "--port", str(port),
        "--memory-share", "0.15", "--max-len", "512",
    ]  # fmt: skip
    with Command(*options, patience=1200, INGRAINED_CACHE=str(real_cache)) as serving:
        serving.next("starting")
        address = serving.next("ready")["address"]
        adapter = serving.next("adapter")
        assert adapter["version"] == "v001"
        assert "Drennoway" in replied(address, adapter["model"])
        assert "Drennoway" not in replied(address, MODEL)
        registry.rollback()
        assert serving.next("unloaded")["model"] == adapter["model"]
        assert serving.end() == 0
    log = (home / "serve" / "vllm.log").read_text(errors="replace")
    pids = [int(pid) for pid in set(re.findall(r"pid=(\d+)", log))]
    assert pids
    assert all_end(pids)
