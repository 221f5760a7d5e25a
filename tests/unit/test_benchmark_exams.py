"""The scripts that turn `ingrained bench` into figures: exams and ablation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from cli_student import PAGE, Student

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.grading import contains
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FACTS = {"Who had the mill built?": "Ada Kern", "Who paid for the ferry?": "Tobin Ashe"}
OTHER = "The weir at Quell was raised in 1811 by Runa Holm. It holds back six fathoms of water."


@pytest.fixture(autouse=True)
def _benchmarks_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def bench_figures() -> ModuleType:
    import bench_figures

    return bench_figures


@pytest.fixture
def exams() -> ModuleType:
    import exams

    return exams


@pytest.fixture
def ablation() -> ModuleType:
    import ablation

    return ablation


Scripted = Mapping[tuple[str, int | None], Sequence[float]]


@pytest.fixture
def measured(bench_figures: ModuleType) -> Callable[..., Any]:
    """Makes what a run measured: cell and seed → the score of each item, two items a document."""

    def make(scripted: Scripted, **results: Any) -> Any:
        rows = [
            {
                "cell": cell, "seed": seed, "id": f"q{number}", "document": f"d{number // 2}",
                "contained": score, "answers": ["x"],
            }
            for (cell, seed), scores in scripted.items()
            for number, score in enumerate(scores)
        ]  # fmt: skip
        return bench_figures.Measured(results={"main": "contained", **results}, rows=rows)

    return make


def study(name: str = "seed0", accepted: int = 20, saved: float = 0.0) -> dict[str, Any]:
    quiz = {"seconds": 30.0, "seconds_saved": saved, "tokens_in": 700, "tokens_out": 300}
    attempt = {"seconds": 10.0, "tokens_in": 900, "tokens_out": 100}
    return {
        "name": name, "passages": 5, "words": 500, "accepted": accepted, "memories": 10,
        "accepted_by_kind": {"cloze": accepted - 4, "paraphrase": 4},
        "tokens": 2000, "phases": {"quiz": quiz, "attempt": attempt},
    }  # fmt: skip


def told(figures: Mapping[str, Any]) -> dict[str, float]:
    return {label: figure.value for label, figure in figures.items()}


# What is counted of a run


def test_the_gap_of_two_cells_is_taken_item_by_item(bench_figures, measured):
    run_ = measured({
        ("memory", 0): [1, 1, 1, 0, 1, 1], ("memory", 1): [1, 1, 1, 1, 1, 1],
        ("open", None): [1, 1, 0, 0, 1, 1],
    })  # fmt: skip
    memory, opened = (bench_figures.scores_of(run_, cell) for cell in ("memory", "open"))
    gap = bench_figures.difference(memory, opened)
    assert gap.value == pytest.approx(0.25)
    assert gap.low == 0
    assert gap.high > 0.25
    assert bench_figures.difference(opened, opened).value == 0


def test_studies_are_compared_seed_by_seed(bench_figures, measured):
    one = measured({("memory", 0): [1, 0], ("memory", 1): [0, 1]})
    other = measured({("memory", 1): [0, 1], ("memory", 2): [1, 1]})
    gap = bench_figures.difference(*(bench_figures.scores_of(of, "memory") for of in (one, other)))
    assert gap.value == 0
    assert gap.low < 0 < gap.high


def test_items_that_do_not_count_in_one_cell_are_left_out(bench_figures, measured):
    run_ = measured({("memory", 0): [1, 0, 1], ("open", None): [1, 1, 1]})
    run_.rows[1]["answers"] = []
    scores = [bench_figures.scores_of(run_, cell) for cell in ("memory", "open")]
    assert bench_figures.difference(*scores).value == 0


def test_a_ratio_is_that_of_the_means_with_an_interval_around_it(bench_figures, measured):
    kinds = [[1, 0], [1, 1], [0, 1], [1, 1]] * 5
    run_ = measured({
        ("memory", 0): [score for pair in kinds for score in pair],
        ("open", None): [1, 1, 1, 1, 0, 1, 1, 1] * 5,
    })  # fmt: skip
    memory, opened = (bench_figures.scores_of(run_, cell) for cell in ("memory", "open"))
    share = bench_figures.ratio(memory, opened)
    assert share.value == pytest.approx(0.75 / 0.875)
    assert 0.7 < share.low < share.value < share.high < 1
    same = bench_figures.ratio(opened, opened)
    assert same.low == pytest.approx(1) == same.high


def test_over_nothing_there_is_no_ratio(bench_figures, measured):
    run_ = measured({("memory", 0): [1, 1], ("open", None): [0, 0]})
    memory, opened, base = (
        bench_figures.scores_of(run_, cell) for cell in ("memory", "open", "base")
    )
    assert bench_figures.ratio(memory, opened) is None
    assert bench_figures.ratio(memory, base) is None


def test_contaminated_is_the_share_that_was_known_before(bench_figures, measured):
    run_ = measured({("base", None): [1, 0, 0, 0]}, contamination={"known": ["q0"]})
    share = bench_figures.contaminated_share(run_)
    assert (share.value, share.low, share.high) == (0.25, 0, 0.5)
    assert bench_figures.contaminated_share(measured({}, contamination=None)) is None


def test_studies_are_summed_up_over_seeds(bench_figures):
    studies = [study(), study(accepted=10), study(accepted=40)]
    figures = bench_figures.study_figures(studies)
    each = figures["accepted_per_passage"]
    assert (each.value, each.low, each.high, each.unit) == (4, 2, 8, "questions")
    assert figures["tokens_per_accepted"].value == 100
    assert figures["phase_seconds_per_1000_words"].value == 80
    assert figures["phase_seconds_per_1000_words_quiz"].value == 60


def test_a_replayed_reply_counts_as_if_it_had_been_computed(bench_figures):
    figures = bench_figures.study_figures([study(saved=5.0)])
    assert figures["phase_seconds_per_1000_words_quiz"].value == 70
    assert figures["phase_seconds_per_1000_words"].value == 90


def test_a_study_that_accepted_nothing_has_no_price_for_a_question(bench_figures):
    figures = bench_figures.study_figures([study(accepted=0)])
    assert figures["accepted_per_passage"].value == 0
    assert "tokens_per_accepted" not in figures


# Exams from end to end, with a scripted model


def answering(prompt: str) -> str:
    """Answer the exam from what the prompt shows."""
    shown, _, asked = prompt.rstrip().rpartition("Question: ")
    answer = FACTS.get(asked.strip(), "")
    return answer if answer and contains(shown, answer) else ""


@pytest.fixture
def asked(bench_figures: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Puts `ingrained bench` with a scripted model into place; the commands that were run."""
    commands: list[Sequence[str]] = []
    student = Student()

    def bench(arguments: Sequence[str]) -> None:
        commands.append(arguments)
        model = ScriptedModel(
            script=lambda prompt: answering(prompt) or student(prompt),
            profile={"max_input_tokens": 4000},
        )
        assert run(["bench", *arguments], Doors(model=model, embedder=HashEmbedder())) == 0

    monkeypatch.setattr(bench_figures, "bench", bench)
    return commands


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "squad"
    folder.mkdir(parents=True)
    documents = [
        {"id": "teskow", "title": "Teskow", "text": PAGE},
        {"id": "quell", "title": "Quell", "text": OTHER},
    ]
    exam = [
        {"id": f"q{number}", "question": question, "answers": [answer], "document": "teskow"}
        for number, (question, answer) in enumerate(FACTS.items())
    ]
    for name, rows in (("documents", documents), ("exam", exam)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder.parent


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def call(script: ModuleType, *words: str | Path) -> None:
        monkeypatch.setattr("sys.argv", [f"{script.__name__}.py", *map(str, words)])
        script.main()

    return call


def written(path: Path) -> dict[str, Any]:
    result = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads((BENCHMARKS / "schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(result, schema)
    return dict(result)


def test_an_exam_writes_every_figure_that_is_asked_of_it(exams, asked, data, call, tmp_path):
    where = ["--work", tmp_path / "kept", "--read", tmp_path / "read", "--folder", tmp_path]
    call(exams, "squad20", "--data", data, "--seeds", "1", *where)
    assert "accepted_right_share" not in written(tmp_path / "squad20.json")["figures"]
    drawn = [{**row, "right": "yes"} for row in exams.reading.accepted(tmp_path / "kept")]
    drawn[0]["right"] = "no"
    exams.reading.keep(exams.reading.verdicts(drawn), tmp_path / "read" / "squad20.csv")
    call(exams, "squad20", "--data", data, "--seeds", "1", *where)

    result = written(tmp_path / "squad20.json")
    figures = {label: one["value"] for label, one in result["figures"].items()}
    assert result["seeds"] == [0]
    assert result["command"] == "python benchmarks/exams.py squad20 --data FOLDER --seeds 1"
    assert {cell: figures[cell] for cell in ("base", "open", "full", "memory", "placebo")} == {
        "base": 0, "open": 1, "full": 1, "memory": 1, "placebo": 0,
    }  # fmt: skip
    assert figures["memory_over_open"] == 1
    assert figures["memory_minus_rag"] == 1 - figures["rag"]
    assert figures["placebo_minus_base"] == 0
    assert figures["leaks"] == 0 < figures["prompts_audited"]
    assert figures["contaminated"] == 0
    assert figures["accepted_per_passage"] > 0 < figures["tokens_per_accepted"]
    assert figures["phase_seconds_per_1000_words_quiz"] < figures["phase_seconds_per_1000_words"]
    worded, gaps = figures["accepted_worded_per_passage"], figures["accepted_gaps_per_passage"]
    assert worded + gaps == figures["accepted_per_passage"]
    assert figures["accepted_right_share"] == 1 - 1 / len(drawn)
    assert figures["accepted_read"] == len(drawn)
    assert (figures["documents"], figures["questions"]) == (2, 2)


def test_what_was_not_sat_has_no_figure(exams, asked, data, call, tmp_path):
    where = ["--work", tmp_path / "kept", "--folder", tmp_path, "--read", tmp_path / "read"]
    call(exams, "squad20", "--data", data, "--seeds", "1", "--cells", "base,open", *where)

    figures = written(tmp_path / "squad20.json")["figures"]
    assert {"base", "open", "contaminated", "placebo"} <= figures.keys()
    assert not {"memory", "memory_over_open", "accepted_right_share"} & figures.keys()


def test_an_exam_is_of_the_documents_that_its_name_says(exams):
    import argparse

    options = argparse.Namespace(
        name="tofu10", seeds=3, cells=exams.CELLS, with_=["star"], without=["review"], data=None
    )
    assert exams.arguments(options)[:3] == ["tofu", "--documents", "10"]
    assert "--placebo" not in exams.arguments(options)
    said = "python benchmarks/exams.py tofu10 --seeds 3 --with star --without review"
    assert exams.command(options) == said
    options.data = Path("sets")
    assert exams.arguments(options)[:3] == ["tofu", "--data", "sets"]
    assert exams.command(options) == said.replace("tofu10", "tofu10 --data FOLDER")


# Ablation


def test_a_mechanism_gains_what_is_lost_without_it(ablation, measured):
    cells = {"memory": {"main": {"value": 0.75, "low": 0.5, "high": 1.0, "n": 4}}}
    usual = measured({("memory", 0): [1, 1, 1, 0]}, cells=cells, studies=[study()])
    worse = measured({("memory", 0): [1, 0, 0, 0]}, cells=cells, studies=[study(saved=5.0)])

    figures = told(ablation.figures_of(usual, {"round-trip": worse, "self-refine": worse}))
    assert figures["memory"] == 0.75
    assert figures["gain_of_round-trip"] == pytest.approx(0.5)
    assert figures["gain_of_self-refine"] == pytest.approx(-0.5)
    assert figures["seconds"] == 40
    assert figures["seconds_without_round-trip"] == 45
    assert figures["tokens_with_self-refine"] == 2000
    assert figures["kept_with_self-refine"] == 10


def test_every_variant_is_studied_in_one_work_folder(ablation, asked, data, call, tmp_path):
    where = ["--data", data, "--work", tmp_path / "kept", "--folder", tmp_path]
    names = ["quiz-verified", "star"]
    call(ablation, *where, "--documents", "1", "--mechanisms", *names)

    result = written(tmp_path / "ablation.json")
    figures = {label: one["value"] for label, one in result["figures"].items()}
    assert {"base", "open", "rag", "memory"} <= figures.keys()
    assert {"memory_without_quiz-verified", "memory_with_star"} <= figures.keys()
    assert figures["memory_without_star"] == figures["memory"]
    assert figures["kept_without_quiz-verified"] >= figures["kept"] > 0
    assert figures["gain_of_star"] == figures["memory_with_star"] - figures["memory"]
    assert [command[-2:] for command in asked[1:]] == [
        ["--without", "quiz-verified"],
        ["--with", "star"],
    ]
    homes = [one for one in (tmp_path / "kept" / "seed0").iterdir() if one.is_dir()]
    assert len(homes) == 3
    assert result["command"].endswith("--documents 1 --seeds 1 --mechanisms quiz-verified star")
