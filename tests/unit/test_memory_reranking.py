"""Cross-encoders from a folder: what is loaded, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from ingrained.errors import ModelError
from ingrained.memory.reranking import CrossEncoderReranker, is_cross_encoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "built", "the", "mill", "ann", "heron"]


def write_cross_encoder(folder: Path, *, classes: int = 1) -> Path:
    """Save a random two-layer cross-encoder that knows ten words."""
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=64, num_labels=classes,
        initializer_range=0.6,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = Tokenizer(
        models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )  # fmt: skip
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(tmp_path_factory.mktemp("reranker"))


def test_each_text_gets_the_score_of_its_own_pair(folder: Path) -> None:
    reranker = CrossEncoderReranker(folder, "tiny")
    texts = ["ann built the mill", "the heron", "the mill"]
    together = reranker.scores("who built the mill", texts)
    alone = [reranker.scores("who built the mill", [text])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together)) == 3
    assert reranker.scores("heron", texts) != pytest.approx(together)
    assert reranker.name == "tiny"


def test_without_texts_no_model_is_needed(tmp_path: Path) -> None:
    assert CrossEncoderReranker(tmp_path / "nowhere", "mine").scores("who", []) == []


def test_a_lone_surrogate_does_no_harm(folder: Path) -> None:
    assert len(CrossEncoderReranker(folder, "tiny").scores("\ud800", ["\udfff", "mill"])) == 2


@pytest.mark.parametrize(
    "config", [None, "not json", "[]", json.dumps({"architectures": ["BertModel"]})]
)
def test_a_folder_without_a_cross_encoder_is_refused_when_it_is_first_needed(
    config: str | None, tmp_path: Path
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config, encoding="utf-8")
    assert not is_cross_encoder(tmp_path)
    with pytest.raises(ModelError, match=tmp_path.name):
        CrossEncoderReranker(tmp_path, "mine").scores("who", ["ann"])


def test_weights_that_are_missing_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(ModelError, match=tmp_path.name):
        CrossEncoderReranker(tmp_path, "mine").scores("who", ["ann"])


def test_a_classifier_is_no_reranker(tmp_path: Path) -> None:
    write_cross_encoder(tmp_path, classes=3)
    with pytest.raises(ModelError, match="3 classes"):
        CrossEncoderReranker(tmp_path, "nli").scores("who", ["ann"])
