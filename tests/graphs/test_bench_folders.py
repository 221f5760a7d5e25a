"""The folders of `ingrained bench`: what is done anew, what no study reads, what cannot be used."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from bridge import PAGE, reader
from test_bench_runs import Bench, write_benchmark

from ingrained.agent.bench.loading import load
from ingrained.agent.bench.placebo import placebo
from ingrained.agent.bench.running import wording
from ingrained.agent.cli import run
from ingrained.agent.commands.bench_job import BenchPlan, Job
from ingrained.agent.commands.bench_studies import study_and_sit
from ingrained.agent.commands.opening import Doors
from ingrained.agent.reading.corpus import BY_BENCH
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.context import StudyPolicy
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

MEMORY = ("--seeds", "1", "--cells", "memory", "--items", "1")
ANEW = {"screening": "redact", "capacity": "3", "half_lives": '{"fact": 2}'}
SAME = {
    "home": "elsewhere", "corpus": "papers", "cache": "cache", "replies": "false", "threads": "1",
    "offline": "1", "traces": "http://127.0.0.1:9", "unattended": '{"promote": "refuse"}',
}  # fmt: skip
TOLD_BY_THEIR_WEIGHTS = {"model", "embedder", "reranker"}
BY_ADDRESS = {"chroma", "vllm", "vllm_key"}
"""Only says where the same index or model is; a model tells its weights itself."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_every_setting_is_known_to_bear_on_a_study_or_not() -> None:
    known = [*ANEW, *SAME, *TOLD_BY_THEIR_WEIGHTS, *BY_ADDRESS]
    assert sorted(known) == sorted(Settings.model_fields)


@pytest.mark.parametrize(("name", "value"), [*ANEW.items(), *SAME.items()])
def test_another_memory_is_studied_anew_and_found_again(bench, monkeypatch, name, value):
    bench(*MEMORY)
    monkeypatch.setenv(f"INGRAINED_{name.upper()}", value)
    assert bench(*MEMORY) == 0
    assert bool(bench.model.asked) == (name in ANEW)

    monkeypatch.delenv(f"INGRAINED_{name.upper()}")
    assert bench(*MEMORY) == 0
    assert bench.model.asked == []


class Marked(ScriptedModel):
    """One whose weights are told."""

    fingerprint: str


def sat_by(bench: Bench, fingerprint: str, dimension: int) -> set[str]:
    """Return the cells that are sat when the weights or the vectors are these."""
    model = Marked(script=reader, fingerprint=fingerprint)
    cells = ["--seeds", "1", "--cells", "base,rag,memory", "--items", "1"]
    command = ["bench", str(bench.data), "--work", str(bench.work), *cells]
    before = parts(bench)
    assert run(command, Doors(model=model, embedder=HashEmbedder(dimension))) == 0
    return {path.name.partition("-")[0] for path in parts(bench) - before}


def parts(bench: Bench) -> set[Path]:
    return set(bench.work.rglob("cells/*.json"))


def test_other_weights_of_the_same_name_sit_all_anew(bench):
    assert sat_by(bench, "one", 256) == {"base", "rag", "memory"}
    assert sat_by(bench, "one", 256) == set()
    assert sat_by(bench, "two", 256) == {"base", "rag", "memory"}


def test_another_embedder_of_the_same_name_sits_anew_what_is_searched(bench):
    sat_by(bench, "one", 256)
    assert sat_by(bench, "one", 128) == {"rag", "memory"}


def job(work: Path, data: Path, **changed: Any) -> Job:
    plan = BenchPlan(
        benchmark=load(str(data)), cells=("memory",), seeds=(0,), work=work,
        policy=StudyPolicy(consolidate=True),
    )  # fmt: skip
    behind = Doors(model=ScriptedModel(script=reader), embedder=HashEmbedder())
    settings = Settings().model_copy(update=changed)
    return Job(plan=plan, settings=settings, behind=behind, wording=wording())


def test_a_reranker_is_told_by_its_weights(bench, tmp_path):
    folder = tmp_path / "reranker"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    told = []
    for weights in ("one", "two"):
        (folder / "model.safetensors").write_text(weights)
        told.append(job(bench.work, bench.data, reranker=str(folder)).recalling)
    assert told[0] != told[1]


def test_a_judge_with_other_weights_judges_anew(bench, tmp_path):
    judge = tmp_path / "judge"
    judge.mkdir()
    (judge / "config.json").write_text("{}")
    told = []
    for weights in ("one", "two"):
        (judge / "model.safetensors").write_text(weights)
        one = job(bench.work, bench.data)
        plan = dataclasses.replace(one.plan, judge=str(judge))
        told.append(dataclasses.replace(one, plan=plan, behind=Doors()).judge_weights)
    assert told[0] != told[1]


def test_no_adapter_is_trained_for_the_placebo(bench):
    """A model that cannot be trained would refuse to."""
    it = job(bench.work, bench.data)
    control = placebo(it.plan.benchmark)
    (sat,), record = study_and_sit(it, control, ["memory"], seed=0, group="placebo")
    assert sat["rows"]
    assert record is not None
    assert record["adapter"] is None


def inside(folder: Path) -> Path:
    """A benchmark whose documents are files of a folder."""
    data = write_benchmark(folder)
    (data / "documents.jsonl").unlink()
    (data / "bridge.md").write_text(PAGE)
    (data / "documents").mkdir()
    (data / "documents" / "mill.md").write_text("The mill at Teskow grinds barley.")
    exam = (data / "exam.jsonl").read_text().replace('"bridge"', '"bridge.md"')
    (data / "exam.jsonl").write_text(exam)
    return data


@pytest.mark.parametrize("place", ["", "work"])
def test_what_a_benchmark_wrote_into_the_studied_folder_is_not_studied(bench, capsys, place):
    bench.data = inside(bench.data)
    bench.work = bench.data / place
    out = ("--out", str(bench.data / "results")) if place else ()
    assert bench(*MEMORY, *out) == 0
    first = json.loads((bench.data / ("results" if place else "") / "results.json").read_text())
    capsys.readouterr()
    assert bench(*MEMORY, *out) == 0
    again = json.loads((bench.data / ("results" if place else "") / "results.json").read_text())

    assert bench.model.asked == []
    assert again["sha256"] == first["sha256"]
    assert again["documents"] == 2
    reasons = {one["path"]: one["reason"] for one in again["files_skipped"]}
    report = "results/report.md" if place else "report.md"
    assert reasons[report] == "written by `ingrained bench`"
    assert f"{report}: written by `ingrained bench`" in capsys.readouterr().err


def test_a_study_of_the_folder_leaves_it_out_too_and_tells(bench, capsys, tmp_path):
    bench.data = inside(bench.data)
    bench.work = bench.data
    assert bench(*MEMORY) == 0
    capsys.readouterr()
    behind = Doors(model=ScriptedModel(script=reader), embedder=HashEmbedder())
    command = ["study", str(bench.data), "--home", str(tmp_path / "home"), "--json"]
    assert run(command, behind) == 0

    record = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in record["documents"]] == ["bridge.md", "documents/mill.md"]
    reasons = {one["path"]: one["reason"] for one in record["skipped"]}
    written = {path for path, reason in reasons.items() if "ingrained bench" in reason}
    assert {"report.md", "report.html", "items.jsonl"} <= written
    assert "documents/mill.md" not in reasons


@pytest.mark.parametrize("taken", ["", BY_BENCH, "documents", "rag", "cells", "seed0"])
def test_a_folder_that_cannot_be_used_is_told(bench, capsys, tmp_path, taken):
    bench.work = tmp_path / "kept"
    path = bench.work / taken
    if taken == BY_BENCH:
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text("in the way")
    assert bench("--seeds", "1", "--cells", "base,rag,memory", "--items", "1") == 4
    told = capsys.readouterr().err
    assert "Error: cannot use" in told
    assert "--work" in told
    if taken in ("", BY_BENCH):
        assert bench.model.asked == []

    path.rmdir() if path.is_dir() else path.unlink()
    assert bench("--seeds", "1", "--cells", "base,rag,memory", "--items", "1") == 0


def test_other_code_sits_anew_what_comes_from_it(bench, monkeypatch):
    sat_by(bench, "one", 256)
    monkeypatch.setattr(
        "ingrained.agent.commands.bench_job.code", lambda *, studying: f"other {studying}"
    )
    assert sat_by(bench, "one", 256) == {"base", "rag", "memory"}


def test_the_code_behind_a_study_is_known_apart_from_what_shows_it(tmp_path, monkeypatch):
    from ingrained.agent.bench import running

    for folder in ("agent/ui", "agent/models", "graphs", "memory", "trainer"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(running.resources, "files", lambda _package: tmp_path)
    told = []
    for path in (
        "agent/ui/table.py", "graphs/plan.py", "memory/store.py", "agent/models/engine.py",
        "agent/models/engine.md",
    ):  # fmt: skip
        (tmp_path / path).write_text("changed")
        told.append((running.code(studying=True), running.code(studying=False)))
    studies, answers = zip(*told, strict=True)
    assert len(set(studies[:4])) == 4, "a module that shows things is there from the first on"
    assert studies[3] == studies[4]
    assert len(set(answers[:3])) == 1 < len(set(answers[:4]))
    (tmp_path / "agent/ui/table.py").write_text("changed again")
    assert running.code(studying=True) == studies[4]
