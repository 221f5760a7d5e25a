"""The copy of an adapter at a strength, as a server reads it, is what the process makes of the strength."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from ingrained.agent.models.adapters import Adapters
from ingrained.agent.models.vllm_adapters import at_strength
from ingrained.trainer.lora import train
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.testing import make_tiny_model

ROWS = [StudyRow(messages=(("user", f"What is {letter}?"),), answer=letter * 3) for letter in "abc"]


def test_a_copy_at_a_strength_gives_the_logits_of_that_strength(tmp_path: Path) -> None:
    base, made = make_tiny_model(tmp_path / "tiny"), tmp_path / "v001"
    recipe = LoraRecipe(rank=4, alpha=8, epochs=2, learning_rate=2e-2)
    train(ROWS, base=base, out=made, recipe=recipe, base_name="tiny")
    ids = torch.tensor([[5, 6, 7, 8]])

    def fresh() -> torch.nn.Module:
        return AutoModelForCausalLM.from_pretrained(base)

    served = (
        PeftModel.from_pretrained(fresh(), at_strength(made, 0.25)).eval()(input_ids=ids).logits
    )
    whole = PeftModel.from_pretrained(fresh(), made).eval()(input_ids=ids).logits
    model = fresh().eval()
    adapters = Adapters(model)  # type: ignore[arg-type]
    adapters.load("v001", made, strength=0.25)
    adapters.use("v001")
    assert torch.allclose(served, model(input_ids=ids).logits, atol=1e-5)
    assert not torch.allclose(served, whole, atol=1e-3)
