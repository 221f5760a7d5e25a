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


@pytest.fixture
def remembered(
    sequence: ModuleType, learnt: StudyContext, exam: Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered is of both pages, half and half."""
    memories = sorted(learnt.store.list(), key=lambda one: one.id)
    halves = {page.key: memories[n::2] for n, page in enumerate(exam.documents)}
    assert all(halves.values())
    monkeypatch.setattr(sequence, "_memories", lambda _, key: halves[key])


@pytest.mark.usefixtures("remembered")
def test_a_chain_trains_and_merges_on_top_of_what_was_merged_before(
    sequence: ModuleType,
    learnt: StudyContext,
    exam: Benchmark,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained, merged = [], []
    train, merge = sequence.train, sequence.merge

    def note_training(rows: Any, *, base: Path, out: Path, **more: Any) -> Any:
        trained.append((out.name, base.name, len(rows)))
        return train(rows, base=base, out=out, **more)

    def note_merging(base: Path, adapter: Path, out: Path) -> None:
        merged.append((base.name, adapter.name, out.name))
        merge(base, adapter, out)

    monkeypatch.setattr(sequence, "train", note_training)
    monkeypatch.setattr(sequence, "merge", note_merging)
    found = sequence.learn(learnt, exam, tmp_path)

    assert merged == [("base", "chained-1", "merged-1"), ("merged-1", "chained-2", "merged-2")]
    bases = {name: base for name, base, _ in trained}
    assert bases == {
        "ours-1": "base", "chained-1": "base", "ours-2": "base", "chained-2": "merged-1",
    }  # fmt: skip
    rows = {name: count for name, _, count in trained}
    assert rows["chained-2"] < rows["ours-2"]
    assert rows["chained-1"] < rows["ours-1"], "nothing is replayed in a chain"
    assert found["ours"] == {1: {"q-one": 1.0}, 2: {"q-one": 1.0, "q-two": 1.0}}
    assert {n: scores.keys() for n, scores in found["chained"].items()} == {
        1: {"q-one"}, 2: {"q-one", "q-two"},
    }  # fmt: skip
    figures = sequence.figures_of(found, exam)
    assert (figures["first_after_2_ours"].value, figures["all_after_1_ours"].value) == (1.0, 1.0)
    sequence.show(figures, [1, 2])


@pytest.mark.usefixtures("remembered")
def test_what_is_new_is_merged_with_a_cold_adapter_of_what_is_older(
    sequence: ModuleType,
    learnt: StudyContext,
    exam: Benchmark,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sequence, "HOT", 1)
    trained, merged = [], []
    train, merge = sequence.train, sequence.merge_adapters

    def note_training(rows: Any, *, base: Path, out: Path, **more: Any) -> Any:
        trained.append((out.name, base.name))
        return train(rows, base=base, out=out, **more)

    def note_merging(folders: list[Path], out: Path, **more: Any) -> Any:
        merged.append(([one.name for one in folders], out.name))
        return merge(folders, out, **more)

    monkeypatch.setattr(sequence, "train", note_training)
    monkeypatch.setattr(sequence, "merge_adapters", note_merging)
    found = sequence.learn(learnt, exam, tmp_path)

    assert merged == [(["ours-1", "hot-2-of-1"], "ties-2-hot-1")], "after one there is nothing cold"
    assert [name for name, base in trained if base == "base"] == [
        "ours-1", "chained-1", "ours-2", "hot-2-of-1",
    ], "the cold one is that of ours, and no other is trained twice"  # fmt: skip
    assert found["merged"] == {1: {"q-one": 1.0}, 2: {"q-one": 1.0, "q-two": 1.0}}
    assert "all_after_2_merged" in sequence.figures_of(found, exam)

    (file,) = tmp_path.glob("*/merged-2-hot-1.json")
    file.unlink()
    assert sequence.learn(learnt, exam, tmp_path) == found
    assert len(merged) == 1, "what is merged already is only sat with"


@pytest.mark.usefixtures("remembered")
def test_while_all_documents_are_hot_the_merged_adapter_is_that_of_ours(
    sequence: ModuleType, learnt: StudyContext, exam: Benchmark, tmp_path: Path
) -> None:
    found = sequence.learn(learnt, exam, tmp_path)
    assert found["merged"] == found["ours"]
    assert not [
        *tmp_path.glob("*/hot-*"),
        *tmp_path.glob("*/ties-*"),
        *tmp_path.glob("*/merged-*.json"),
    ]


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize(("step", "at"), [("train", 2), ("train", 4), ("merge", 2), ("_sit", 4)])
def test_cut_short_anywhere_it_comes_to_the_same_weights(
    sequence: ModuleType,
    learnt: StudyContext,
    exam: Benchmark,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    at: int,
) -> None:
    whole = sequence.learn(learnt, exam, tmp_path / "whole")
    done, does = [], getattr(sequence, step)

    def dies(*arguments: Any, **more: Any) -> Any:
        done.append(1)
        if len(done) == at:
            raise MemoryError
        return does(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(sequence, step, dies)
        with pytest.raises(MemoryError):
            sequence.learn(learnt, exam, tmp_path / "cut")
    assert sequence.learn(learnt, exam, tmp_path / "cut") == whole
    first, second = (
        next((tmp_path / name).glob("*/merged-2/model.safetensors")) for name in ("whole", "cut")
    )
    assert first.read_bytes() == second.read_bytes()
    assert not list((tmp_path / "cut").glob("*/merged-1"))


def test_what_was_made_of_other_documents_is_not_taken_over(
    sequence: ModuleType, learnt: StudyContext, exam: Benchmark, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    sequence.learn(learnt, exam, folder)
    found = sequence.learn(learnt, exam.limited(1), folder)
    assert [list(found[way]) for way in ("ours", "chained", "merged")] == [[1], [1], [1]]
    assert len(list(folder.iterdir())) == 2
