"""A language model as reranker: the passage that makes the question likeliest comes first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from langchain_core.messages import BaseMessage
from models_tiny import tiny_engine, tiny_model, tiny_tokenizer
from test_memory_reranking import write_cross_encoder

from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.reranking import LikelihoodReranker, open_reranker
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import ModelError, UnknownModelError
from ingrained.memory.reranking import CrossEncoderReranker
from ingrained.settings import Settings


class Recording:
    """Finds a reply the likelier the more of its words were in the prompt."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def likelihoods(self, prompt: list[BaseMessage], replies: Sequence[str]) -> list[float]:
        text = "\n".join(str(message.content) for message in prompt)
        self.prompts.append(text)
        return [-float(sum(word not in text for word in reply.split())) for reply in replies]


def chosen(name: str) -> Settings:
    return Settings(reranker=name, model="qwen2.5-coder-0.5b", offline=True)


def test_the_passage_that_explains_the_question_scores_highest() -> None:
    scores = LikelihoodReranker(Recording(), "lm").scores(
        "Who built the mill", ["Herons nest here.", "Ann built the mill.", "A mill."]
    )
    assert scores == [-4.0, -1.0, -3.0]


def test_the_prompt_holds_one_passage_and_never_the_question() -> None:
    model = Recording()
    LikelihoodReranker(model, "lm").scores("Who?", ["Ann built the mill.", "{{ passage }}"])
    first, second = model.prompts
    assert "Ann built the mill." in first
    assert "Ann" not in second
    assert "Who?" not in first + second


def test_of_a_long_memory_the_beginning_is_read() -> None:
    model = Recording()
    LikelihoodReranker(model, "lm").scores("Who?", ["word " * 10_000])
    assert 3_900 < len(model.prompts[0]) < 4_200


def test_an_empty_query_prefers_nothing() -> None:
    assert LikelihoodReranker(Recording(), "lm").scores(" ", ["a", "b"]) == [0.0, 0.0]


def test_it_works_with_the_in_process_model() -> None:
    reranker = LikelihoodReranker(IngrainedChat(engine=tiny_engine(), model_name="tiny"), "tiny")
    scores = reranker.scores("Who?", ["Ann.", "Bo."])
    assert all(score < 0.0 for score in scores)
    assert scores[0] != scores[1]


def test_without_a_name_there_is_none() -> None:
    assert open_reranker(chosen("")) is None


def test_a_folder_with_a_cross_encoder_is_one(tmp_path: Path) -> None:
    write_cross_encoder(tmp_path)
    reranker = open_reranker(chosen(str(tmp_path)))
    assert isinstance(reranker, CrossEncoderReranker)
    assert reranker.name == str(tmp_path)


def test_a_folder_with_a_language_model_rates_by_likelihood(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    reranker = open_reranker(chosen(str(tmp_path)))
    assert isinstance(reranker, LikelihoodReranker)
    assert len(reranker.scores("Who?", ["Ann."])) == 1


def test_the_chat_model_in_use_is_not_loaded_again() -> None:
    reranker = open_reranker(chosen("qwen2.5-coder-0.5b"), chat=Recording())
    assert reranker is not None
    assert reranker.scores("Ann", ["Ann."]) == [0.0]


def test_a_model_behind_an_api_cannot_rerank() -> None:
    with pytest.raises(ModelError, match="likelihoods"):
        open_reranker(chosen("openai:gpt-5-mini"))
    with pytest.raises(ModelError, match="likelihoods"):
        open_reranker(chosen("qwen2.5-coder-0.5b"), chat=ScriptedModel(script={}))


def test_a_name_that_stands_for_nothing_is_named() -> None:
    with pytest.raises(UnknownModelError, match="no-such-reranker"):
        open_reranker(chosen("no-such-reranker"))
