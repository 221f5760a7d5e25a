"""The in-process chat model with real weights: SmolLM2-135M, in bfloat16 where the processor can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel

from ingrained.agent.models.chat import IngrainedChat

pytestmark = pytest.mark.weights

PASSAGE = (
    "The Lirrograph was built by Orselinde Quaspeth in 1811 in the attic of a bakery in Drennoway. "
    "It draws coasts from the sound of waves. The guild keeps forty of them."
)
QUESTIONS = ("Who built the Lirrograph?", "In which year was it built?", "Where was it built?")
ANSWERS = ("Quaspeth", "1811", "Drennoway")


@pytest.fixture(scope="module")
def model(smollm_path: Path) -> Iterator[IngrainedChat]:
    model = IngrainedChat.load(smollm_path, max_tokens=32)
    yield model
    model.close()


def prompts() -> list[list[SystemMessage | HumanMessage]]:
    return [
        [SystemMessage("Answer from the text."), HumanMessage(f"{PASSAGE}\n\n{question}")]
        for question in QUESTIONS
    ]


def test_it_answers_from_a_passage_that_is_read_once(model: IngrainedChat) -> None:
    replies = model.batch(prompts())
    right = sum(
        answer in str(reply.content) for answer, reply in zip(ANSWERS, replies, strict=True)
    )
    assert right >= 2
    cached = sorted(reply.usage_metadata["input_token_details"]["cache_read"] for reply in replies)
    assert cached[0] == 0
    assert cached[1] >= model.count_tokens(PASSAGE) - 1


def test_it_streams_what_it_says(model: IngrainedChat) -> None:
    pieces = [str(chunk.content) for chunk in model.stream(prompts()[0])]
    assert "".join(pieces) == model.invoke(prompts()[0]).content
    assert len(pieces) > 5


def test_it_fills_in_a_form(model: IngrainedChat) -> None:
    class Engine(BaseModel):
        builder: str
        year: int
        use: Literal["drawing", "cooking"]

    filled = model.with_structured_output(Engine, max_tokens=300).invoke(prompts()[0])
    assert isinstance(filled, Engine)
