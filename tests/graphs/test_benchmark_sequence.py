"""benchmarks/sequence.py on a page and a tiny network: one sleep after another, and what is merged."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from bridge import FACTS
from peft import PeftModel
from transformers import AutoModelForCausalLM

from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.exam import Item
from ingrained.graphs.context import StudyContext
from ingrained.trainer.lora import train
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def sequence(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import sequence

    return sequence


@pytest.fixture
def exam() -> Benchmark:
    """The page, which was studied, and one that was not, a question each."""
    pages = [BenchDocument(id=id_, title=id_, text=f"All about {id_}.") for id_ in ("one", "two")]
    question, (answer, _) = next(iter(FACTS.items()))
    items = tuple(
        Item(id=f"q-{page.id}", question=question, answers=(answer,), document=page.key)
        for page in pages
    )
    return Benchmark(name="tiny", documents=tuple(pages), items=items, origin="made up")


def test_it_sits_after_the_powers_of_two_and_the_last(sequence: ModuleType) -> None:
    assert [sequence.stops(n) for n in (1, 2, 8, 20)] == [
        [1], [1, 2], [1, 2, 4, 8], [1, 2, 4, 8, 16, 20],
    ]  # fmt: skip


def test_merged_weights_say_what_the_adapted_ones_said(
    sequence: ModuleType, learnt: StudyContext, tmp_path: Path
) -> None:
    base, adapter, out = learnt.base_path, tmp_path / "adapter", tmp_path / "merged"
    assert base is not None
    row = StudyRow(messages=(("user", "What is a?"),), answer="aaaa")
    train([row], base=base, out=adapter, recipe=LoraRecipe(rank=4, epochs=4, learning_rate=2e-2))
    sequence.merge(base, adapter, out)
    sequence.merge(base, tmp_path / "none", tmp_path / "copy")

    ids = torch.tensor([[5, 6, 7, 8]])

    def said(folder: Path, on_top: Path | None = None) -> Any:
        model: Any = AutoModelForCausalLM.from_pretrained(folder)
        model = PeftModel.from_pretrained(model, on_top) if on_top else model
        with torch.no_grad():
            return model(input_ids=ids).logits

    assert torch.allclose(said(out), said(base, adapter), atol=1e-4)
    assert not torch.allclose(said(out), said(base), atol=1e-2)
    assert torch.equal(said(tmp_path / "copy"), said(base))


def test_each_way_learns_in_order_and_goes_on_where_it_was_cut_short(
    sequence: ModuleType,
    learnt: StudyContext,
    exam: Benchmark,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remembered = learnt.store.list()
    monkeypatch.setattr(
        sequence, "_memories", lambda _, key: remembered if key == exam.documents[0].key else []
    )
    sat: list[int] = []
    sit = sequence._sit

    def dies(*arguments: Any) -> dict[str, float]:
        if len(sat) == 2:
            raise MemoryError
        sat.append(1)
        return dict(sit(*arguments))

    monkeypatch.setattr(sequence, "_sit", dies)
    with pytest.raises(MemoryError):
        sequence.learn(learnt, exam, tmp_path)
    monkeypatch.setattr(sequence, "_sit", sit)
    found = sequence.learn(learnt, exam, tmp_path)

    assert found["ours"] == {1: {"q-one": 1.0}, 2: {"q-one": 1.0, "q-two": 1.0}}
    assert {n: scores.keys() for n, scores in found["chained"].items()} == {
        1: {"q-one"}, 2: {"q-one", "q-two"},
    }  # fmt: skip
    merged = sorted(one.name for one in tmp_path.glob("merged-*"))
    assert merged == ["merged-2"], "each is merged into the next"
    figures = sequence.figures_of(found, exam)
    assert (figures["first_after_2_ours"].value, figures["all_after_1_ours"].value) == (1.0, 1.0)
    sequence.show(figures, [1, 2])
