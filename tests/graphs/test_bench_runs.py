"""`ingrained bench` from end to end, with a model that follows a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bridge import FACTS, PAGE, reader

from ingrained.agent.cli import INTERRUPTED, run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.reading.corpus import BY_BENCH
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder

QUESTIONS = [question for question in FACTS if not question.startswith("In what")]
OTHER = "The mill at Teskow grinds barley. It is driven by water from the pond behind the hill."


def write_benchmark(folder: Path, questions: list[str] = QUESTIONS) -> Path:
    """A folder with the page about the bridge, one about a mill, and an exam on the bridge."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = [
        {"id": "bridge", "title": "The Orlan Bridge", "text": PAGE},
        {"id": "mill", "title": "The Mill", "text": OTHER},
    ]
    exam = [
        {
            "id": f"q{number}", "question": question, "answers": [FACTS[question][0]],
            "document": "bridge", "topic": "size" if "many" in question else "making",
        }
        for number, question in enumerate(questions)
    ]  # fmt: skip
    for name, rows in (("documents", documents), ("exam", exam)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


class Bench:
    """The command on one benchmark and one work folder; its model is another one each time."""

    def __init__(self, folder: Path) -> None:
        self.data = write_benchmark(folder / "tiny")
        self.work = folder / "work"
        self.model = ScriptedModel(script=reader)

    def __call__(self, *options: str, script: Any = reader, window: int | None = 4000) -> int:
        profile = {"max_input_tokens": window} if window else None
        self.model = ScriptedModel(script=script, profile=profile)
        command = ["bench", str(self.data), "--work", str(self.work), *options]
        return run(command, Doors(model=self.model, embedder=HashEmbedder()))

    def results(self) -> dict[str, Any]:
        return dict(json.loads((self.work / "results.json").read_text()))

    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.work / "items.jsonl").open()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def mains(results: dict[str, Any]) -> dict[str, float]:
    return {cell: of["main"]["value"] for cell, of in results["cells"].items()}


def test_a_dry_run_counts_and_estimates_and_writes_nothing(bench, capsys):
    assert bench("--seeds", "2", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert list(bench.work.iterdir()) == []
    assert bench.model.asked == []
    assert (told["documents"], told["questions"], told["seeds"]) == (2, len(QUESTIONS), 2)
    assert list(told["parts"]) == ["base", "open", "full", "rag", "studies", "memory"]
    assert told["parts"]["full"]["tokens"] > told["parts"]["open"]["tokens"]
    assert told["tokens"] == sum(part["tokens"] for part in told["parts"].values())

    assert bench("--seeds", "1", "--dry-run", "--json", "--consolidate", "--placebo") == 0
    more = json.loads(capsys.readouterr().out)["parts"]
    assert list(more)[4:] == ["studies", "training", "memory", "adapter", "both", "placebo"]
    for name in ("studies", "memory"):
        assert 2 * more[name]["tokens"] == pytest.approx(told["parts"][name]["tokens"], abs=1)

    options = ["--rounds", "3", "--judge", "openai:x", "--votes", "3", "--seeds", "1"]
    assert bench(*options, "--dry-run", "--json") == 0
    longer = json.loads(capsys.readouterr().out)
    assert longer["not_reckoned"] == ["votes", "judge"]
    assert longer["parts"]["studies"]["tokens"] == pytest.approx(
        3 * more["studies"]["tokens"], abs=2
    ), "as few passages as these are all taken up again"
    assert bench(*options, "--dry-run") == 0
    assert "Not reckoned with: votes, judge." in capsys.readouterr().out

    assert bench("--cells", "base", "--dry-run") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "tiny: 2 documents of" in text
    assert "studies" not in text
    assert text.endswith("Nothing was written.")


def test_a_dry_run_leaves_out_what_would_not_fit_and_caps_later_rounds(bench, capsys):
    documents = [
        {"id": f"page{n}", "title": f"Page {n}", "text": f"In {1000 + n} Ada Kern came. " * 100}
        for n in range(80)
    ]
    lines = "".join(json.dumps(one) + "\n" for one in documents)
    (bench.data / "documents.jsonl").write_text(lines)
    row = {"id": "q", "question": "Who came?", "answers": ["Ada Kern"], "document": "page1"}
    (bench.data / "exam.jsonl").write_text(json.dumps(row) + "\n")
    told = {}
    for rounds in ("1", "2"):
        assert bench("--dry-run", "--json", "--seeds", "1", "--rounds", rounds) == 0
        told[rounds] = json.loads(capsys.readouterr().out)
    assert "full" not in told["1"]["parts"]
    assert told["1"]["does_not_fit"] > 32_768
    once, twice = (told[rounds]["parts"]["studies"]["tokens"] for rounds in ("1", "2"))
    assert once < twice < 1.2 * once
    assert bench("--dry-run") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Without full: its prompts of about" in text


def test_every_cell_is_sat_and_what_was_learnt_shows(bench, capsys):
    assert bench("--seeds", "2") == 0

    results = bench.results()
    scores = mains(results)
    assert list(scores) == ["base", "open", "full", "rag", "memory"]
    assert scores["base"] == 0
    assert scores["open"] == scores["full"] == scores["memory"] == 1
    assert results["cells"]["memory"]["seeds"] == [0, 1]
    assert results["cells"]["rag"]["seeds"] == [None]
    assert [study["name"] for study in results["studies"]] == ["seed0", "seed1"]
    assert all(study["accepted"] > 0 and study["tokens"] > 0 for study in results["studies"])
    size = results["cells"]["memory"]["topics"]["size"]
    assert (size["value"], size["n"]) == (1, 2)
    out = capsys.readouterr().out
    assert "tiny: 2 documents, 5 questions" in out
    assert "Greedy and without a study, so sat once: base, open, full, rag." in out


def test_the_results_say_what_they_can_be_tied_to(bench):
    bench("--cells", "base")

    results = bench.results()
    assert len(results["sha256"]) == 64
    assert results["machine"]["cores"] >= 1
    assert {"python", "ingrained", "torch"} <= set(results["versions"])
    assert results["policy"]["rounds"] == 1
    assert "/" not in json.dumps(results["machine"])


def test_who_plans_and_how_many_vote_can_be_measured(bench, capsys):
    bench("--cells", "base", "--autonomy", "high", "--votes", "3")

    policy = bench.results()["policy"]
    assert (policy["autonomy"], policy["votes"]) == ("high", 3)
    assert "--autonomy high: the model plans from the second round on" in capsys.readouterr().err


def test_how_to_train_can_be_measured(bench, capsys):
    bench("--cells", "base", "--method", "star")

    assert bench.results()["policy"]["method"] == "star"
    assert "--method: without --consolidate nothing is trained" in capsys.readouterr().err


def test_every_reply_is_in_the_file_of_questions(bench):
    bench("--seeds", "2", "--cells", "memory,base")

    rows = bench.items()
    assert [(row["cell"], row["seed"]) for row in rows[::5]] == [
        ("base", None),
        ("memory", 0),
        ("memory", 1),
    ]
    told = next(row for row in rows if row["cell"] == "memory" and "arches" in row["question"])
    assert told["reply"] == "nine arches"
    assert told["contained"] == 1
    assert told["hit"] is True
    assert told["sources"]
    assert next(row for row in rows if row["cell"] == "base")["hit"] is None


def test_markdown_and_html_hold_the_same_table(bench):
    bench("--seeds", "1", "--cells", "base,open")

    markdown = (bench.work / "report.md").read_text()
    page = (bench.work / "report.html").read_text()
    assert "| open | 5 | 1.00 \\[0.57, 1.00\\] |" in markdown
    assert '<td class="n">1.00 [0.57, 1.00]</td>' in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_finished_benchmark_asks_nothing_again(bench):
    bench("--seeds", "1")
    first = bench.results()
    assert bench("--seeds", "1") == 0

    assert bench.model.asked == []
    assert mains(bench.results()) == mains(first)
    assert bench.results()["studies"] == first["studies"]


def test_another_seed_adds_to_what_is_there(bench):
    bench("--seeds", "1")
    assert bench("--seeds", "2") == 0

    assert bench.results()["cells"]["memory"]["seeds"] == [0, 1]
    asked = [
        prompt for prompt in bench.model.asked if "Answer in a few words, from the text" in prompt
    ]
    assert not any("The Mill" in prompt and "Orlan" in prompt for prompt in asked)


def test_another_exam_is_sat_anew_without_another_study(bench):
    bench("--seeds", "1", "--cells", "base,memory")
    write_benchmark(bench.data, QUESTIONS[:2])
    assert bench("--seeds", "1", "--cells", "base,memory") == 0

    assert bench.results()["cells"]["memory"]["main"]["n"] == 2
    assert len(bench.model.asked) == 4


def interrupting(after: int) -> Any:
    """A model that gets Ctrl-C after so many prompts."""
    left = [after]

    def script(prompt: str) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return reader(prompt)

    return script


@pytest.mark.parametrize(("share", "spared"), [(0.02, 0), (0.3, 0.05), (0.6, 0.4), (0.95, 0.4)])
def test_cut_short_anywhere_the_same_command_goes_on(bench, tmp_path, share, spared):
    """In a sitting, in the first study, in the second: what was finished is not asked again."""
    whole = Bench(tmp_path / "whole")
    assert whole("--seeds", "2") == 0
    asked = len(whole.model.asked)

    assert bench("--seeds", "2", script=interrupting(int(share * asked))) == INTERRUPTED
    assert not (bench.work / "results.json").exists()
    assert bench("--seeds", "2") == 0
    assert mains(bench.results()) == mains(whole.results())
    assert bench.results()["audit"] == whole.results()["audit"]
    assert len(bench.model.asked) <= (1 - spared) * asked


def test_the_placebo_stays_at_what_the_untouched_model_knows(bench, capsys):
    assert bench("--seeds", "1", "--cells", "base,memory", "--placebo") == 0

    results = bench.results()
    assert mains(results) == {"base": 0, "memory": 1, "placebo": 0}
    (told,) = (test for test in results["tests"] if test["cell"] == "placebo")
    assert told["difference"]["low"] <= 0 <= told["difference"]["high"]
    assert results["placebo"]["verdict"] == "not told apart from flat"
    assert "not told apart from flat" in " ".join(capsys.readouterr().out.split())


def test_full_is_named_with_the_reason_where_it_does_not_fit(bench, capsys):
    assert bench("--cells", "base,full", window=50) == 0

    assert list(bench.results()["cells"]) == ["base"]
    (left_out,) = bench.results()["skipped"]
    assert left_out["cell"] == "full"
    assert "of a window of 50" in left_out["reason"]
    assert "full: not sat, prompt and reply take about" in capsys.readouterr().out


def test_what_the_model_knew_before_is_listed_and_taken_out(bench):
    def knows(prompt: str) -> str:
        return "Mara Vint" if prompt.endswith("Who built the Orlan Bridge?") else reader(prompt)

    bench("--seeds", "1", "--cells", "base,open", script=knows)

    results = bench.results()
    assert results["contamination"]["known"] == ["q0"]
    assert results["contamination"]["closed_book"]["value"] == 0.2
    assert results["cells"]["open"]["unknown"]["n"] == 4
    assert results["cells"]["base"]["unknown"]["value"] == 0


def test_closed_book_prompts_of_exam_and_study_are_audited(bench):
    bench("--seeds", "1", "--cells", "base,memory")

    audit = bench.results()["audit"]
    assert audit["exam_prompts"] == 5
    assert audit["study_prompts"] > 5
    assert audit["leaks"] == 0


def test_the_planned_pairs_are_tested_and_corrected(bench):
    bench("--seeds", "2")

    tests = {(test["cell"], test["other"]): test for test in bench.results()["tests"]}
    assert {("memory", "base"), ("memory", "rag"), ("memory", "open")} <= set(tests)
    gain = tests["memory", "base"]
    assert gain["difference"]["value"] == 1
    assert gain["mcnemar"] == pytest.approx(2 / 2**5)
    assert gain["mcnemar_holm"] >= gain["mcnemar"]
    assert tests["memory", "open"]["mcnemar"] == 1


def test_a_judge_gives_a_second_opinion(bench, capsys):
    def script(prompt: str) -> str:
        if "You grade replies" in prompt:
            return "no" if prompt.endswith("I don't know.") else "yes"
        return reader(prompt)

    assert bench("--cells", "base,open", "--judge", "anything", script=script) == 0

    results = bench.results()
    assert results["cells"]["open"]["judged"]["value"] == 1
    assert results["cells"]["base"]["judged"]["value"] == 0
    assert "Judge anything, a second opinion" in capsys.readouterr().out
    assert bench("--cells", "base,open", "--judge", "anything", script=script) == 0
    assert bench.model.asked == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--cells", "base,memry"], "no such cell: 'memry'"),
        (["--cells", "adapter"], "cannot be trained here"),
        (["--without", "nonsense"], "nonsense"),
        (["--autonomy", "much"], "autonomy must be one of low, medium, high"),
        (["--autonomy", ""], "autonomy must be one of low, medium, high"),
        (["--votes", "0"], "votes must be at least 1"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_asked(bench, capsys, options, told):
    assert bench(*options) in (2, 3)
    assert told in capsys.readouterr().err
    assert bench.model.asked == []


def test_a_name_that_is_no_benchmark_ends_with_2(capsys, tmp_path):
    assert run(["bench", str(tmp_path / "none")]) == 2
    assert "Error: no benchmark and no folder is called" in capsys.readouterr().err


def test_the_json_is_the_file(bench, capsys):
    bench("--cells", "base", "--json")
    assert json.loads(capsys.readouterr().out) == bench.results()


def test_the_results_can_go_elsewhere(bench, tmp_path):
    bench("--cells", "base", "--out", str(tmp_path / "out"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names - {BY_BENCH} == {"results.json", "items.jsonl", "report.md", "report.html"}
    assert not (bench.work / "results.json").exists()
