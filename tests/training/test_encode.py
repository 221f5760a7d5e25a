"""From study rows to token ids."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from typing import Any

import pytest
from transformers import AutoTokenizer

from ingrained.errors import TrainingError
from ingrained.trainer.encode import (
    IGNORED,
    EncodedRow,
    bounded,
    encode,
    end_of_turn,
    shuffled_steps,
)
from ingrained.trainer.packing import common_prefix, pack
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.testing import make_tiny_model

ROW = StudyRow(messages=(("user", "Why?"),), answer="So.")


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return AutoTokenizer.from_pretrained(make_tiny_model(tmp_path_factory.mktemp("tiny")))


def test_a_row_is_the_agents_prompt_then_the_answer_then_the_end_of_the_turn(
    tokenizer: Any,
) -> None:
    [encoded] = encode([ROW], tokenizer, max_length=99)
    text = "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>"
    assert tokenizer.decode(encoded.ids) == text


def test_labels_cover_the_answer_and_nothing_else(tokenizer: Any) -> None:
    [encoded] = encode([ROW], tokenizer, max_length=99)
    labelled = [label for label in encoded.labels if label != IGNORED]
    assert tokenizer.decode(labelled) == "So.<|im_end|>"
    assert encoded.supervised == len(labelled) == 4
    assert len(encoded.labels) == len(encoded.ids)


def test_a_text_is_learnt_outside_of_any_conversation_from_its_second_token_on(
    tokenizer: Any,
) -> None:
    [encoded] = encode(
        [StudyRow(messages=(), answer="It is so.", kind="text")], tokenizer, max_length=99
    )
    assert tokenizer.decode(encoded.ids) == "It is so.<|im_end|>"
    assert encoded.labels == (IGNORED, *encoded.ids[1:])


def test_the_teacher_sees_the_same_answer_after_its_source(tokenizer: Any) -> None:
    [encoded] = encode(
        [dataclasses.replace(ROW, source=(("user", "It is so. Why?"),))], tokenizer, max_length=99
    )
    text = "<|im_start|>user\nIt is so. Why?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>"
    taught = encoded.taught
    assert tokenizer.decode(taught.ids) == text
    assert taught.ids[taught.prompt_length :] == encoded.ids[encoded.prompt_length :]
    [plain] = encode([ROW], tokenizer, max_length=99)
    assert plain.ids == encoded.ids
    assert plain.taught is plain


def test_what_is_rejected_stands_in_the_answers_place(tokenizer: Any) -> None:
    [encoded] = encode([dataclasses.replace(ROW, rejected="No.")], tokenizer, max_length=99)
    text = "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\nNo.<|im_end|>"
    assert tokenizer.decode(encoded.with_rejected.ids) == text
    assert encoded.with_rejected.prompt_length == encoded.prompt_length


def test_the_end_of_the_turn_comes_from_the_template(tokenizer: Any) -> None:
    undeclared = copy.deepcopy(tokenizer)
    undeclared.eos_token = "<|endoftext|>"
    assert tokenizer.convert_ids_to_tokens(end_of_turn(undeclared)) == "<|im_end|>"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (StudyRow(messages=(("user", "x"),), answer=""), "no answer"),
        (StudyRow(messages=(("user", "x"),), answer="y", weight=0.0), "weight 0.0"),
        (StudyRow(messages=(), answer="", kind="text"), "no answer"),
        (StudyRow(messages=(), answer="y"), "kind 'qa'"),
        (StudyRow(messages=(("user", "x"),), answer="y", kind="text"), "kind 'text'"),
        (StudyRow(messages=(), answer="y", kind="text", rejected="z"), "kind 'text'"),
        (StudyRow(messages=(("user", "x"),), answer="y", rejected="y"), "to itself"),
        (StudyRow(messages=(("user", "x"),), answer="y", rejected="z" * 99), "max_length=99"),
        (StudyRow(messages=(), answer="x" * 99, kind="text"), "max_length=99"),
        (StudyRow(messages=(("user", "x" * 99),), answer="y"), "max_length=99"),
        (
            StudyRow(messages=(("user", "x"),), answer="y", source=(("user", "x" * 99),)),
            "max_length=99",
        ),
    ],
)
def test_a_row_that_cannot_be_trained_on_is_named(
    tokenizer: Any, row: StudyRow, message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        encode([row], tokenizer, max_length=99)


def test_an_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    def epoch(number: int, seed: int = 0) -> list[list[int]]:
        return shuffled_steps(10, batch_rows=4, seed=seed, epoch=number)

    assert sorted(itertools.chain(*epoch(0))) == list(range(10))
    assert [len(step) for step in epoch(0)] == [4, 4, 2]
    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)
    assert epoch(0) != epoch(0, seed=1)


def test_a_pass_holds_no_more_than_its_tokens() -> None:
    rows = [EncodedRow(ids=(1,) * length, prompt_length=1) for length in (5, 5, 5, 30, 2)]
    assert bounded(rows, [0, 1, 2, 3, 4], 10) == [[0, 1], [2], [3], [4]]


def test_packing_adds_no_token_and_shares_the_beginning() -> None:
    rows = [
        EncodedRow(ids=(1, 2, 3, 4, 5), prompt_length=4),
        EncodedRow(ids=(1, 2, 7, 8, 9, 6), prompt_length=4, weight=3.0),
    ]
    packed = pack(rows)
    assert packed.prefix == 2
    assert packed.ids.tolist() == [[1, 2, 3, 4, 5, 7, 8, 9, 6]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 2, 3, 4, 5]]
    assert packed.labels.tolist() == [5, 9, 6]
    assert packed.ids[0, packed.sources].tolist() == [4, 8, 9]
    assert packed.weights.tolist() == [1.0, 3.0, 3.0]
    sees = (packed.mask[0, 0] == 0).int().tolist()
    assert sees[4] == [1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert sees[5] == [1, 1, 0, 0, 0, 1, 0, 0, 0]


def test_the_token_that_predicts_an_answer_is_never_shared() -> None:
    rows = [EncodedRow(ids=(1, 2, answer), prompt_length=2) for answer in (3, 4)]
    assert common_prefix(rows) == 1
