"""`ingrained adapters explain`, `export`, `merge` and `gc`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from cli_student import doors, studied
from peft import LoraConfig

from ingrained.agent.cli import run
from ingrained.agent.ui.adapters import show_lineage
from ingrained.memory.locking import write_lock
from ingrained.memory.records import Memory
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.gate import Count, Decision, Scores
from ingrained.trainer.lineage import Learnt
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.saving import save_adapter

Agent = Callable[..., Any]
SCORES = Scores(closed=0.1, memory=0.8, n=20)


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Of an agent that has studied and whose memory is in the adapter v001."""
    home = studied(tmp_path / "home")
    capsys.readouterr()
    make(home, tuple(one["id"] for one in memories(home, capsys)))
    return home


@pytest.fixture
def agent(home: Path, capsys: pytest.CaptureFixture[str]) -> Agent:
    def call(*arguments: str, code: int = 0) -> Any:
        assert run([*arguments, "--home", str(home), "--json"], doors()) == code
        return json.loads(capsys.readouterr().out)

    return call


def memories(home: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert run(["memory", "list", "--home", str(home), "--json"], doors()) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def make(home: Path, ids: tuple[str, ...] = (), *, accept: bool = True) -> str:
    registry = AdapterRegistry(home)
    version = registry.stage()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (registry.path(version) / name).write_text("{}")
    registry.commit(version, Manifest(version=version, base_model="scripted", memory_ids=ids))
    decision = Decision(accept=accept, reasons=("it forgot",))
    registry.conclude(version, before=SCORES, after=SCORES, decision=decision)
    if accept:
        registry.promote(version)
    return version


def said(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["adapters", *arguments, "--home", str(home)], doors()) == 0
    return " ".join(capsys.readouterr().out.split())


def test_show_tells_how_far_an_adapter_drifts_and_that_it_was_weakened(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "drift - " in said(home, capsys, "show", "v001")
    registry = AdapterRegistry(home)
    version = registry.stage()
    made = Manifest(version=version, base_model="scripted", drift=0.19, strength=0.40625)
    registry.commit(version, made)
    assert "drift 0.19 nats a token on everyday questions, weakened to 0.406 for it" in said(
        home, capsys, "show", version
    )
    assert agent("adapters", "show", version)["strength"] == 0.40625


def test_show_tells_what_the_gate_measured(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "controls" not in said(home, capsys, "show", "v001"), "an earlier version measured none"
    before = Scores(
        closed=0.1, memory=0.8, n=20, abstention=0.9, unanswerable=10, controls=Count(n=55, of=55),
        kinds={"reversed": Count(n=1, of=8), "two-hop": Count(n=0, of=3)},
    )  # fmt: skip
    after = Scores(
        closed=0.5, memory=0.8, n=20, abstention=0.8, unanswerable=10, controls=Count(n=54, of=55),
        known=Count(n=3, of=4), distinct=Count(n=9, of=12),
        kinds={"reversed": Count(n=6, of=8), "two-hop": Count(n=2, of=3)},
    )  # fmt: skip
    AdapterRegistry(home).conclude(
        "v001", before=before, after=after, decision=Decision(accept=True, reasons=("fine",)),
        strength_alone=0.875,
    )  # fmt: skip
    text = said(home, capsys, "show", "v001")
    for told in (
        "closed-book 10 → 50 % reversed 1 → 6 of 8 two-hop 0 → 2 of 3 with memory 80 → 80 %",
        "everyday 54 of 55, weakened to 0.875 for it known before 3 of 4 replies 9 different ones where 12 answers are right",
        "declined 90 → 80 % of 10",
    ):
        assert told in text
    assert agent("adapters", "show", "v001")["exam_after"]["controls"] == {"n": 54, "of": 55}


def test_explain_says_from_which_documents_and_what_they_say(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = agent("adapters", "explain", "v001")
    count = told["memories"]
    assert count == told["current"] == len(told["learnt"]) > 1
    assert told["documents"] == [{"document": "teskow.md", "memories": count, "current": count}]
    first = told["learnt"][0]
    assert first["fate"] == "active"
    (span,) = first["spans"]
    assert span["quote"] in (home.parent / "corpus" / "teskow.md").read_text()
    assert first["questions"]

    text = said(home, capsys, "explain", "v001")
    assert f"v001, an adapter of scripted: {count} memories, {count} of them current." in text
    assert first["text"] not in text
    assert first["text"] in said(home, capsys, "explain", "v001", "--all")


def test_explain_names_what_changed_since(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forgotten, purged, *_ = memories(home, capsys)
    agent("memory", "forget", forgotten["id"], "--yes")
    agent("memory", "purge", purged["id"], "--yes", "--keep-adapter")
    told = agent("adapters", "explain", "v001")
    assert told["current"] == told["memories"] - 2
    fates = {one["id"]: one["fate"] for one in told["learnt"]}
    assert (fates[forgotten["id"]], fates[purged["id"]]) == ("forgotten", "gone")

    text = said(home, capsys, "explain", "v001")
    assert f"forgotten {forgotten['id']} {forgotten['text']}" in text
    assert f"gone {purged['id']}" in text
    assert purged["text"] not in text
    assert "trains a new adapter without it" in text


def test_an_unknown_version_is_named_with_those_there_are(agent: Agent, tmp_path: Path) -> None:
    for command in (["explain", "v009"], ["export", "v009", str(tmp_path / "out")]):
        assert agent("adapters", *command, code=4)["hint"] == "There are: v001."


def test_export_makes_a_folder_and_says_of_which_base(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    text = said(home, capsys, "export", "v001", str(out), "--base", "org/base")
    assert text == f"v001 is in {out}, an adapter of org/base."
    config = json.loads((out / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": "org/base"}
    assert "there already" in agent("adapters", "export", "v001", str(out), code=4)["error"]


@pytest.fixture
def mergeable(home: Path) -> AdapterRegistry:
    """Two versions that have weights, v002 of the memories a and b, v003 of b and c."""
    registry = AdapterRegistry(home)
    for ids in (("a", "b"), ("b", "c")):
        folder = registry.path(make(home, ids))
        tensors = {
            f"base_model.model.up_proj.lora_{letter}.weight": torch.eye(2) for letter in "AB"
        }
        config = LoraConfig(
            r=2, lora_alpha=2, target_modules=["up_proj"], base_model_name_or_path="scripted"
        )
        save_adapter(tensors, config, folder)
    return registry


@pytest.mark.usefixtures("mergeable")
def test_merge_makes_a_version_that_is_not_used_until_it_is_forced(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(home, capsys, "merge", "v002", "v003", "--density", "1")
    assert "v004 is merged from v002, v003: 3 memories, rank 4 keeps 100 %" in text
    assert "No gate has judged it: `ingrained adapters trial v004` lets it." in text
    assert "v003 in use" in said(home, capsys, "list")
    assert "not judged" in said(home, capsys, "list")
    refused = agent("adapters", "promote", "v004", code=4)
    assert refused["error"] == "The gate has not judged v004."
    assert agent("adapters", "promote", "v004", "--force") == {"active": "v004"}
    shown = said(home, capsys, "show", "v004")
    assert "3 memories, merged from v002, v003; the rank keeps 100 % of what was merged" in shown
    assert "method merged recipe method ties" in shown
    assert "promoted by force" in shown


@pytest.mark.usefixtures("mergeable")
def test_a_merged_version_is_explained_exported_and_collected_until_it_is_used(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = agent(
        "adapters", "merge", "v002", "v003", "--method", "linear", "--weights", "0.75,0.25",
        "--rank", "2",
    )  # fmt: skip
    assert (made["version"], made["merged_from"], made["parent"]) == (
        "v004", ["v002", "v003"], "v003",
    )  # fmt: skip
    assert made["recipe"] == {"method": "linear", "weights": [0.75, 0.25], "rank": 2}
    assert (made["memory_ids"], made["decision"], made["active"]) == (
        ["a", "b", "c"], "candidate", False,
    )  # fmt: skip
    assert agent("adapters", "explain", "v004")["memories"] == 3
    agent("adapters", "export", "v004", str(tmp_path / "out"))
    assert (tmp_path / "out" / "adapter_model.safetensors").stat().st_size > 0
    assert made["method"] == "merged"
    assert "v004 merged, never used" in said(home, capsys, "gc", "--yes")
    assert agent("adapters", "show", "v004", code=4)["error"] == "No adapter 'v004'."


@pytest.mark.usefixtures("mergeable")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["v002", "v003", "--weights", "0.5,half"], 2, "no list of numbers"),
        (["v002", "v003", "--weights", "1"], 2, "2 adapters and 1 weights"),
        (["v002", "v003", "--method", "dare"], 2, "ties, linear"),
        (["v002", "v003", "--method", "linear", "--density", "0.5"], 2, "no effect"),
        (["v002"], 2, "two or more"),
        (["v002", "v009"], 4, "No adapter 'v009'"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    agent: Agent, arguments: list[str], code: int, told: str
) -> None:
    refused = agent("adapters", "merge", *arguments, code=code)
    assert told in refused["error"]
    assert refused["hint"]
    assert len(agent("adapters", "list")) == 3


def test_what_was_purged_makes_merged_versions_stale_as_well_and_they_are_merged_no_more(
    agent: Agent, mergeable: AdapterRegistry, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    purged = memories(home, capsys)[0]["id"]
    file = mergeable.path("v002") / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "memory_ids": [purged]}))
    agent("adapters", "merge", "v002", "v003")
    agent("memory", "purge", purged, "--yes")
    assert [one["version"] for one in agent("adapters", "list") if one["stale"]] == [
        "v001", "v002", "v004",
    ]  # fmt: skip
    assert "v004 is stale" in agent("adapters", "merge", "v003", "v004", code=4)["error"]


@pytest.mark.usefixtures("mergeable")
def test_merge_waits_for_a_study_that_may_make_an_adapter(agent: Agent, home: Path) -> None:
    with write_lock(home / "memory"):
        assert "is writing" in agent("adapters", "merge", "v002", "v003", code=4)["error"]
    (home / "run.json").write_text("{}")
    assert "cut short" in agent("adapters", "merge", "v002", "v003", code=4)["error"]
    assert len(agent("adapters", "list")) == 3


def test_list_says_of_a_stale_version_that_it_was_forced(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = AdapterRegistry(home)
    version = make(home, accept=False)
    registry.promote(version, force=True)
    registry.mark_stale([version], "purged")
    assert "stale, forced" in said(home, capsys, "list")


def test_gc_deletes_what_nothing_needs_and_says_why(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(home, accept=False)
    make(home)
    make(home)
    found = agent("adapters", "gc", "--dry-run")
    assert (found["deleted"], found["would_delete"]) == ([], ["v001", "v002"])
    assert found["bytes"] > 0
    text = said(home, capsys, "gc", "--yes")
    assert "v001 used before v002 rejected: it forgot 2 adapters" in text
    assert text.endswith("Deleted: v001, v002")
    assert [one["version"] for one in agent("adapters", "list")] == ["v003", "v004"]
    assert said(home, capsys, "gc") == "Every adapter is needed. Nothing was deleted."
    assert agent("adapters", "gc", "--keep", "0", "--yes")["deleted"] == ["v003"]


def test_gc_finishes_what_a_kill_left_and_says_so(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "adapters" / ".v007.gone").mkdir()
    (home / "adapters" / ".v007.gone" / "adapter_model.safetensors").write_text("{}")
    assert agent("adapters", "gc", "--dry-run")["deleted"] == []
    assert said(home, capsys, "gc") == "Every adapter is needed. Deleted: v007"
    assert not list((home / "adapters").glob(".*"))


def test_gc_waits_for_a_study_that_may_need_an_adapter(agent: Agent, home: Path) -> None:
    make(home, accept=False)
    make(home)
    with write_lock(home / "memory"):
        assert "is writing" in agent("adapters", "gc", "--yes", code=4)["error"]
    (home / "run.json").write_text("{}")
    assert "cut short" in agent("adapters", "gc", "--yes", code=4)["error"]
    assert len(agent("adapters", "list")) == 3


def test_text_of_a_document_is_one_line_of_explain(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = Memory(id="e", text="It fell\nforgotten  deadbeef  All is [red]lost[/red].\x1b[31m")
    show_lineage(
        Manifest(version="v001", base_model="m"), [Learnt(id="e", memory=evil)], everything=True
    )
    (told,) = (row for row in capsys.readouterr().out.splitlines() if "deadbeef" in row)
    assert told.startswith("active     e  It fell forgotten deadbeef All is [red]lost[/red].")
    assert "\x1b" not in told


def test_gc_asks_and_takes_no_for_an_answer(
    agent: Agent,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(home, accept=False)
    make(home)
    assert "--yes" in agent("adapters", "gc", code=2)["hint"]

    def refuse(_question: str, *, abort: bool) -> bool:
        assert abort
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    assert run(["adapters", "gc", "--home", str(home)], doors()) == 1
    capsys.readouterr()
    assert len(agent("adapters", "list")) == 3


def test_show_tells_of_each_training_on_the_way(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = AdapterRegistry(home)
    version = registry.stage()
    stages = (
        {"name": "meta-skills", "rows": 9, "tokens": 1234, "seconds": 1.0, "drift": 0.1,
         "weights_sha256": "ab" * 32, "sealed": None, "facts": {}},
        {"name": "round-1", "rows": 7, "tokens": 200, "seconds": 1.0, "drift": 0.1,
         "weights_sha256": "cd" * 32, "sealed": 0.5, "facts": {"kept": 3, "kept_right": 0.667}},
    )  # fmt: skip
    registry.commit(
        version, Manifest(version=version, base_model="scripted", method="self", stages=stages)
    )
    assert run(["adapters", "show", version, "--home", str(home)], doors()) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "method self" in shown
    assert "meta-skills: 9 rows, 1,234 tokens, weights abababababab" in shown
    assert "sealed 50 %, kept 3, kept right 0.67" in shown


def test_one_that_waits_is_rejected_with_a_reason_that_is_shown(
    agent: Agent, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = AdapterRegistry(home)
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model="scripted"))
    decision = Decision(accept=True, reasons=())
    registry.conclude(version, before=SCORES, after=SCORES, decision=decision)

    told = agent("adapters", "reject", version, "--reason", "too early")
    assert told == {"active": registry.active()}
    assert agent("adapters", "show", version)["refused"] == "too early"
    assert "refused too early" in said(home, capsys, "show", version)
