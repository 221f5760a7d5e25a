"""Multiple choice: the likeliest reply counts, for models that tell likelihoods."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from models_tiny import tiny_engine, write_adapter

from ingrained.agent.asking import Asker
from ingrained.agent.exam import Item, read_exam, sit, summarise, to_rows
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.models.sampling import Sampling
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import ExamError, ModelError

PIP = Item(
    id="pip", question="What is Pip?", answers=("a heron", "heron"), choices=("A cat", "A heron")
)
OPEN = Item(id="open", question="Where does Pip live?", answers=("the mill",))


class Chooser(ScriptedModel):
    """Finds replies the likelier the longer they are."""

    def likelihoods(
        self, prompt: Any, replies: Sequence[str], *, adapter: str | None = None
    ) -> list[float]:
        del prompt, adapter
        return [float(len(reply)) for reply in replies]


def sat(model: ScriptedModel) -> list[Any]:
    return sit(
        [PIP, OPEN], "base", Asker(model), recall=lambda _: [], gold=lambda _: "", adapter=None
    )


def test_the_likeliest_choice_is_scored_beside_the_reply() -> None:
    graded = sat(Chooser(script=lambda _: "No idea at all"))
    assert [one.chosen for one in graded] == ["A heron", None]
    assert summarise(graded)["choice"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert summarise(graded)["contained"]["value"] == 0.0
    assert [row["chosen"] for row in to_rows(graded)] == ["A heron", None]


def test_a_model_that_tells_no_likelihoods_is_not_scored_by_choice() -> None:
    graded = sat(ScriptedModel(script=lambda _: "A heron"))
    assert summarise(graded)["choice"]["n"] == 0


@pytest.mark.parametrize(
    ("choices", "wrong"),
    [
        (["A cat", "A dog"], "0 of the choices"),
        (["heron", "A heron"], "2 of the choices"),
        (["heron", "?"], "a choice is empty"),
    ],
)
def test_exactly_one_choice_must_be_right(tmp_path: Path, choices: list[str], wrong: str) -> None:
    path = tmp_path / "exam.jsonl"
    row = {"id": "1", "question": "What is Pip?", "answers": ["heron"], "choices": choices}
    path.write_text(json.dumps(row))
    with pytest.raises(ExamError, match=wrong):
        read_exam(path)


def test_a_likelihood_is_the_mean_log_probability_of_the_tokens() -> None:
    engine = tiny_engine()
    prompt, reply = [1, 2, 3], [4, 5]
    logits = engine.model(input_ids=torch.tensor([[*prompt, *reply]])).logits[0].log_softmax(-1)
    expected = (logits[2, 4] + logits[3, 5]) / 2
    (told,) = engine.likelihoods([prompt], [reply])
    assert told.log_probability == pytest.approx(float(expected), rel=1e-4)
    assert (told.tokens, told.cached_tokens) == (5, 0)


def test_likelihoods_after_one_prompt_are_computed_together_and_are_those_of_each_alone() -> None:
    prompt, other = list(range(1, 50)), list(range(2, 60))
    pairs = [(prompt, [4, 5]), (prompt, [7]), (other, [4, 5, 6])]
    together = tiny_engine().likelihoods(*map(list, zip(*pairs, strict=True)))
    alone = [tiny_engine().likelihoods([before], [text])[0] for before, text in pairs]
    assert [one.log_probability for one in together] == pytest.approx(
        [one.log_probability for one in alone], rel=1e-4
    )
    assert [one.cached_tokens for one in together] == [0, 48, 0]


def test_what_was_computed_for_a_likelihood_serves_the_reply() -> None:
    engine, prompt = tiny_engine(), list(range(1, 50))
    engine.likelihoods([prompt], [[4, 5]])
    (reply,) = engine.generate([prompt], Sampling(max_tokens=1))
    assert reply.cached_tokens == 48


def test_prompts_and_what_is_rated_after_them_take_one_pass() -> None:
    engine, computed = tiny_engine(), []
    engine.model.get_decoder().register_forward_pre_hook(
        lambda _, __, given: computed.append(given["input_ids"].numel()), with_kwargs=True
    )
    shared = list(range(1, 30))
    engine.likelihoods([[*shared, 40, 41], [*shared, 50, 51]], [[4, 5, 6], [4, 5]])
    assert computed == [len(shared) + (2 + 2) + (2 + 1)]


def test_what_does_not_fit_into_a_pass_is_computed_first_and_rated_alike() -> None:
    prompts, texts = [list(range(1, 50)), list(range(2, 60))], [[4, 5], [4, 5, 6]]
    narrow = tiny_engine(pass_tokens=16).likelihoods(prompts, texts)
    wide = tiny_engine().likelihoods(prompts, texts)
    assert [one.log_probability for one in narrow] == pytest.approx(
        [one.log_probability for one in wide], rel=1e-4
    )


@pytest.mark.parametrize(("keep", "kept"), [(False, 48), (True, 52)])
def test_what_was_rated_serves_what_goes_on_after_it_if_it_is_kept(keep: bool, kept: int) -> None:
    prompt, rated, rest = list(range(1, 50)), [4, 5, 6, 7], [8, 9]
    engine = tiny_engine()
    engine.likelihoods([prompt], [rated], keep=keep)
    (reply,) = engine.generate([prompt + rated + rest], Sampling(max_tokens=8))
    (fresh,) = tiny_engine().generate([prompt + rated + rest], Sampling(max_tokens=8))
    assert reply.cached_tokens == kept
    assert reply.token_ids == fresh.token_ids


def test_what_is_rated_again_is_kept_once() -> None:
    engine, sizes = tiny_engine(), []
    for _ in range(2):
        engine.likelihoods([list(range(1, 50))], [[4, 5, 6]], keep=True)
        sizes.append(engine.cached_bytes)
    assert sizes[0] == sizes[1] > 0


def test_an_empty_reply_has_no_likelihood() -> None:
    with pytest.raises(ModelError, match="continuation is empty"):
        tiny_engine().likelihoods([[1]], [[]])


def test_likelihoods_are_those_of_the_adapter_asked_for(tmp_path: Path) -> None:
    model = IngrainedChat(engine=tiny_engine(), model_name="tiny")
    model.load_adapter("v001", write_adapter(tmp_path, 1))
    base = model.likelihoods("Who?", ["Ann", "Bo"])
    adapted = model.likelihoods("Who?", ["Ann", "Bo"], adapter="v001")
    assert base != adapted
    assert model.likelihoods("Who?", ["Ann", "Bo"]) == pytest.approx(base)
