"""benchmarks/consolidation.py on a page and a tiny network: what each variant trains, what is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import pytest
from bridge import FACTS, reader

from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.exam import Item
from ingrained.graphs.context import StudyContext

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import consolidation

    return consolidation


@pytest.fixture
def context(learnt: StudyContext) -> StudyContext:
    def script(prompt: str) -> str:
        return "It was built.\n\nIt stands." if "List what follows" in prompt else reader(prompt)

    learnt.asker.model.script = script
    return learnt


def test_each_variant_differs_from_ours_in_what_its_name_says(bench, context):
    made = {name: variant(context) for name, variant in bench.VARIANTS.items()}
    rows, recipe = made["ours"]
    passages = context.library.passages(context.library.passage_ids())
    pages = {f"{one.title}\n{one.text}" for one in passages}

    assert {row.kind for row in rows} == {"qa", "cloze"}
    assert (recipe.replay > 0, made["without_replay"][1].replay) == (True, 0)
    assert made["all_layers"][1] == dataclasses.replace(recipe, first_layer=None)
    assert all(row.source for row in made["distilled"][0])
    assert all(row.rejected for row in made["preferring"][0])
    assert {row.answer for row in made["texts_alone"][0]} == pages
    assert made["with_texts"][0] == [*rows, *made["texts_alone"][0]]
    dealt = made["placebo"][0]
    assert [row.messages for row in dealt] == [row.messages for row in rows]
    assert sorted(row.answer for row in dealt) == sorted(row.answer for row in rows)
    assert [row.answer for row in dealt] != [row.answer for row in rows]
    said, theirs = made["seal"]
    assert (theirs.targets, theirs.epochs, theirs.replay) == (("q_proj", "v_proj"), 3, 0)
    statements = [row.answer for row in said if row.answer not in pages]
    assert len(statements) == 2 * bench.EDITS * len(passages)
    assert set(statements) == {
        f"{one.title}\n{line}" for one in passages for line in ("It was built.", "It stands.")
    }


def test_an_adapter_sits_the_exam_once_and_its_figures_are_kept(bench, context, tmp_path):
    question, (answer, _) = next(iter(FACTS.items()))
    page = BenchDocument(id="bridge", title="The Orlan Bridge", text="Mara Vint built it.")
    items = tuple(
        Item(id=id_, question=asked, answers=(answer,), document=page.key)
        for id_, asked in (("q1", question), ("q2", "What is not known?"))
    )
    exam = Benchmark(name="tiny", documents=(page,), items=items, origin="made up")
    first = bench.trained(context, exam, "ours", tmp_path / "adapters")

    assert first.scores["adapter"] == {"q1": 1.0, "q2": 0.0}
    assert first.scores["both"].keys() == {"q1", "q2"}
    assert first.tokens > 0
    context.asker.model.asked.clear()
    assert bench.trained(context, exam, "ours", tmp_path / "adapters") == first
    assert not any(question in prompt for prompt in context.asker.model.asked)

    figures = bench.figures_of({"ours": first}, exam)
    assert (figures["adapter"].value, figures["ours_rows"].value) == (0.5, first.rows)
    assert "both" in figures
    bench.show(figures, ["ours"])


def test_cut_short_while_it_sits_the_adapter_is_not_trained_again_nor_taken_for_another(
    bench, context, tmp_path, monkeypatch
):
    page = BenchDocument(id="bridge", title="The Orlan Bridge", text="Mara Vint built it.")
    item = Item(id="q1", question=next(iter(FACTS)), answers=("x",), document=page.key)
    exam = Benchmark(name="tiny", documents=(page,), items=(item,), origin="made up")
    trained, train = [], bench.train

    def note(*arguments, **more):
        trained.append(more["out"])
        return train(*arguments, **more)

    monkeypatch.setattr(bench, "train", note)
    with monkeypatch.context() as patch:
        patch.setattr(bench, "_sit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bench.trained(context, exam, "without_replay", tmp_path)
    bench.trained(context, exam, "without_replay", tmp_path)
    assert len(trained) == 1
    for cost in tmp_path.glob("*-cost.json"):
        cost.unlink()
    bench.trained(context, exam, "without_replay", tmp_path)
    assert trained[1] == trained[0], "without its cost it is made again"
    context.store.forget([context.store.list()[0].id], who="test", why="to have others")
    bench.trained(context, exam, "without_replay", tmp_path)
    assert len(set(trained)) == 2, "of other memories it is another one"
