"""benchmarks/consolidation.py on a page and a tiny network: what each variant trains, what is kept."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bridge import FACTS, reader

from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.exam import Item
from ingrained.graphs.context import StudyContext
from ingrained.graphs.methods import lesson
from ingrained.trainer.encode import trained_tokens
from ingrained.trainer.methods import SUPERVISED, TRAINING_METHODS

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


@pytest.mark.parametrize(
    ("variant", "mark"),
    [("with_rewrites", "Write this text again"), ("with_implications", "List what follows"),
     ("with_links", "joins the two facts"), ("with_strategy", "Way to study: ")],
)  # fmt: skip
def test_statements_of_one_kind_stand_beside_ours(bench, context, variant, mark):
    said = "The Orlan Bridge, paid for by the salt guild of Teskow, was built by Mara Vint in 1402."
    context.asker.model.script = lambda prompt: said if mark in prompt else reader(prompt)
    rows, recipe = bench.ours(context)
    made, changed = bench.VARIANTS[variant](context)

    assert made[: len(rows)] == rows
    assert {(row.kind, row.answer.split("\n")[1]) for row in made[len(rows) :]} == {("text", said)}
    assert len(changed.statements) == 1
    assert dataclasses.replace(changed, statements=()) == recipe


def test_questions_about_everything_stand_beside_ours(bench, context):
    anew = "Whose salt guild paid for the Orlan Bridge?"

    def asking(prompt: str) -> str:
        if prompt.endswith("Answer: Teskow"):
            return anew
        return "Teskow" if prompt.rstrip().endswith(anew) else reader(prompt)

    context.asker.model.script = asking
    rows, recipe = bench.ours(context)
    made, changed = bench.VARIANTS["with_questions"](context)
    assert made[: len(rows)] == rows
    assert anew in {row.messages[-1][1] for row in made[len(rows) :]}
    assert dataclasses.replace(changed, questions_per_memory=0) == recipe


def test_seal_with_as_many_tokens_as_ours_is_within_one_list_a_passage(bench, context):
    rows, recipe = bench.ours(context)
    wanted = trained_tokens([*rows, *bench.replay_rows(context, recipe)], context.base_path, recipe)
    same, seals = bench.seal_equal_tokens(context)
    assert seals == bench.seal(context)[1]
    tokens = trained_tokens(same, context.base_path, seals)
    one_list = trained_tokens(bench.edits(context, 0), context.base_path, seals)
    assert wanted <= tokens < wanted + one_list

    context.asker.model.script = reader_without_statements
    assert bench.seal_equal_tokens(context)[0] == bench.texts(context), "it is not asked for ever"


def reader_without_statements(prompt: str) -> str:
    return "" if "List what follows" in prompt else reader(prompt)


def test_each_list_of_statements_is_sampled_anew(bench, context):
    asked = len(context.asker.model.options)
    bench.edits(context, 0)
    bench.edits(context, 3)
    seeds = [options["seed"] for options in context.asker.model.options[asked:]]
    each = len(context.library.passage_ids())
    assert seeds == [0] * each + [3] * each


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
    assert figures["kl_to_base"].value == first.drift
    bench.show(figures, ["ours"])


def adapter(bench: ModuleType, name: str, **passed: float) -> Any:
    return bench.Trained(
        version=name, rows=1, tokens=1, tokens_generated=0, seconds=1.0, training_seconds=1.0,
        drift=0.1, strength=1.0,
        scores={"adapter": passed},
    )  # fmt: skip


def test_ours_is_set_beside_seal_as_it_was_published_and_at_equal_tokens(bench):
    ids = ("a", "b", "c", "d")
    exam = Benchmark(
        name="tiny", documents=(), origin="made up",
        items=tuple(Item(id=id_, question="Q?", answers=("x",)) for id_ in ids),
    )  # fmt: skip
    base = dict.fromkeys(ids, 0.0) | {"a": 1.0}
    found = {
        "ours": adapter(bench, "ours", a=1, b=1, c=1, d=1),
        "seal": adapter(bench, "seal", a=1, b=0, c=0, d=0),
        "seal_equal_tokens": adapter(bench, "more", a=1, b=1, c=0, d=0),
        "placebo": adapter(bench, "placebo", a=0, b=0, c=0, d=0),
    }
    figures = {**bench.figures_of(found, exam), **bench.gain_figures(found, base, exam)}
    assert figures["adapter"].value == 1.0
    assert figures["seal_adapter"].value == 0.25
    assert figures["seal_recipe_adapter"].value == 0.5
    assert figures["placebo_adapter"].value == 0.0
    gain = figures["gain_over_seal_recipe"]
    assert gain.value == pytest.approx((1.0 - 0.25) / (0.5 - 0.25))
    assert (gain.unit, gain.low < gain.value < gain.high) == ("times", True)

    nothing = {**found, "seal_equal_tokens": found["seal"]}
    assert bench.gain_figures(nothing, base, exam) == {}, "nothing is no measure of something"
    assert bench.gain_figures({"ours": found["ours"]}, base, exam) == {}


def test_base_and_ours_are_asked_other_things_once_and_set_side_by_side(bench, context, tmp_path):
    def script(prompt: str) -> str:
        return "Rome" if "Italy" in prompt else reader(prompt)

    context.asker.model.script = script
    known = next(iter(FACTS))
    sets = {
        "mmlu_500": [("Which is the capital of Italy?", "Rome"), ("And of Spain?", "Madrid")],
        "trivia_300": [(known, FACTS[known][0])],
    }
    others = {
        name: Benchmark(
            name=name, documents=(), origin="made up",
            items=tuple(
                Item(id=f"{number}", question=asked, answers=(answer,))
                for number, (asked, answer) in enumerate(items)
            ),
        )
        for name, items in sets.items()
    }  # fmt: skip
    page = BenchDocument(id="bridge", title="The Orlan Bridge", text="Mara Vint built it.")
    item = Item(id="q1", question="Who?", answers=("x",), document=page.key)
    exam = Benchmark(name="tiny", documents=(page,), items=(item,), origin="made up")
    folder = tmp_path / "adapters"
    ours = bench.trained(context, exam, "ours", folder)
    figures = bench.controls(context, others, ours, folder)

    assert figures["controls_before"].value == pytest.approx(1 / 3)
    assert figures["controls_after"].value == pytest.approx(2 / 3)
    change = figures["controls_after_minus_before"]
    assert change.value == pytest.approx(1 / 3)
    assert change.low <= change.value <= change.high
    assert figures["controls_before_mmlu_500"].value == 0.5
    assert figures["controls_after_minus_before_trivia_300"].value == 1.0
    bench.show({**bench.figures_of({"ours": ours}, exam), **figures}, ["ours"])

    context.asker.model.asked.clear()
    assert bench.controls(context, others, ours, folder) == figures
    assert context.asker.model.asked == [], "what was sat is kept"
    assert bench.controls(context, {}, ours, folder) == {}


def test_the_questions_on_other_things_are_always_the_same_sample(bench, tmp_path):
    folder = tmp_path / "controls"
    folder.mkdir()
    for name in bench.control_questions.SETS:
        rows = [
            {"id": f"{name}-{n}", "question": f"Is it {n}?", "answers": ["Yes"], "choices": ["Yes", "No"]}
            for n in range(40)
        ]  # fmt: skip
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    drawn = bench.control_questions.samples(9, tmp_path)

    assert {name: len(one.items) for name, one in drawn.items()} == {
        "mmlu_500": 5, "trivia_300": 4,
    }  # fmt: skip
    assert {one.main for one in drawn.values()} == {"choice"}
    assert bench.control_questions.samples(9, tmp_path) == drawn
    assert [one.id for one in drawn["mmlu_500"].items] != [f"mmlu_500-{n}" for n in range(5)]
    assert bench.control_questions.samples(0, tmp_path) == {}
    many = bench.control_questions.samples(1000, tmp_path)
    assert [len(one.items) for one in many.values()] == [40, 40]


def test_the_command_names_what_is_not_as_usual(bench, monkeypatch):
    def command(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["consolidation.py", "--work", "w", *words])
        return bench.command(bench._options())

    usual = "python benchmarks/consolidation.py --work FOLDER --documents 20"
    assert command() == usual
    assert (
        command("--variants", "ours", "--controls", "9") == f"{usual} --variants ours --controls 9"
    )


def test_cut_short_while_it_sits_the_adapter_is_not_trained_again_nor_taken_for_another(
    bench, context, tmp_path, monkeypatch
):
    page = BenchDocument(id="bridge", title="The Orlan Bridge", text="Mara Vint built it.")
    item = Item(id="q1", question=next(iter(FACTS)), answers=("x",), document=page.key)
    exam = Benchmark(name="tiny", documents=(page,), items=(item,), origin="made up")
    trained, train = [], lesson.train

    def note(*arguments, **more):
        trained.append(more["out"])
        return train(*arguments, **more)

    monkeypatch.setattr(lesson, "train", note)
    with monkeypatch.context() as patch:
        patch.setattr(bench, "_sit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bench.trained(context, exam, "without_replay", tmp_path)
    bench.trained(context, exam, "without_replay", tmp_path)
    assert len(trained) == 1
    for cost in tmp_path.glob("*-spent.json"):
        cost.unlink()
    bench.trained(context, exam, "without_replay", tmp_path)
    assert trained[1] == trained[0], "without its cost it is made again"
    context.store.forget([context.store.list()[0].id], who="test", why="to have others")
    bench.trained(context, exam, "without_replay", tmp_path)
    assert len(set(trained)) == 2, "of other memories it is another one"


def test_an_adapter_costs_what_it_took_to_make_its_rows_too(bench, context, tmp_path, monkeypatch):
    clock, ask = [0.0], context.asker.model.script

    def slow(prompt: str) -> str:
        clock[0] += 10.0
        return ask(prompt)

    context.asker.model.script = slow
    monkeypatch.setattr("ingrained.agent.asking.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr(bench, "_sit", lambda *_: {"q1": 1.0})
    item = Item(id="q1", question="Who?", answers=("x",))
    exam = Benchmark(name="tiny", documents=(), items=(item,), origin="made up")
    seal = bench.trained(context, exam, "seal", tmp_path)
    asked = bench.EDITS * len(context.library.passage_ids())
    assert seal.seconds == 10.0 * asked
    assert seal.tokens_generated > 0
    assert 0 < seal.training_seconds < 10.0, "by a clock of its own"
    figures = bench.figures_of({"seal": seal}, exam)
    assert figures["seal_seconds"].value == seal.seconds
    assert figures["seal_training_seconds"].value == seal.training_seconds
    assert figures["seal_tokens_generated"].value == seal.tokens_generated

    context.asker.model.asked.clear()
    same = bench.trained(context, exam, "seal_equal_tokens", tmp_path)
    lists = [prompt for prompt in context.asker.model.asked if "List what follows" in prompt]
    assert len(lists) < len(context.asker.model.asked), "ours is reckoned with too"
    assert same.seconds == 10.0 * len(lists), "and is no part of what it costs"


def test_replies_of_the_cache_cost_what_they_took_once(bench):
    meter = bench.Meter.from_plain({
        "consolidate": {"seconds": 2.0, "seconds_saved": 3.0, "tokens_out": 7, "tokens_replayed": 9},
        bench.BUDGET: {"seconds": 100.0},
    })  # fmt: skip
    assert bench.spent(meter) == {"seconds": 5.0, "tokens_generated": 7}


def test_a_variant_called_by_a_training_method_is_trained_by_it(
    bench, context, tmp_path, monkeypatch
):
    assert set(TRAINING_METHODS) - {SUPERVISED} <= bench.VARIANTS.keys()
    asked = []
    learn = bench.learn
    monkeypatch.setattr(
        bench, "learn", lambda one, method: asked.append(method) or learn(one, method)
    )
    monkeypatch.setattr(bench, "_sit", lambda *_: {"q1": 1.0})
    exam = Benchmark(name="tiny", documents=(), items=(), origin="made up")
    bench.trained(context, exam, "star", tmp_path)
    bench.trained(context, exam, "placebo", tmp_path)
    assert asked == ["star", SUPERVISED]
    (cost,) = (json.loads(file.read_text()) for file in tmp_path.glob("star-*-spent.json"))
    assert cost["stages"][0]["name"] == "round-1"
