"""The judge of memories with the default model: pairs whose words leave the relation open."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.relating import QuizJudge
from ingrained.memory.records import Memory

pytestmark = pytest.mark.weights

PAIRS = {
    (
        "The tannery of Voss burnt down in 1788.",
        "Fire destroyed the tannery of Voss in 1803.",
    ): "contradicts",
    (
        "The season ticket for the Wendle baths costs 85 crowns.",
        "The Wendle baths now charge 110 crowns for a season ticket.",
    ): "contradicts",
    (
        "The Tolvik lighthouse was first lit in 1874.",
        "The Tolvik lighthouse was painted white in 1891.",
    ): "unrelated",
}


def test_the_default_model_tells_another_answer_from_another_question(qwen_path: Path) -> None:
    model = IngrainedChat.load(qwen_path)
    asker = Asker(model)
    pairs = [(Memory(id="a", text=one), Memory(id="b", text=other)) for one, other in PAIRS]
    assert QuizJudge(asker).judge(pairs) == list(PAIRS.values())
    assert asker.meter.of("judge").calls == 2 * len(pairs)
    model.close()
