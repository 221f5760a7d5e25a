"""What a study does when it is cut short, misused, or finds its home damaged."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.library import Library
from ingrained.errors import ModelError, StoreError
from ingrained.graphs.nodes.update import _sealed
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

KEPT = 4


def memories(home: Path) -> list[Memory]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return store.list()


def cut_after(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    """Let the first call of a method take effect, then stop everything, as a kill would."""
    real, calls = getattr(owner, name), []

    def cut(self: Any, *args: Any, **options: Any) -> Any:
        done = real(self, *args, **options)
        calls.append(name)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(owner, name, cut)


@pytest.mark.parametrize(
    ("owner", "write"),
    [
        (Library, "put_document"),
        (Library, "set_skipped"),
        (MemoryStore, "insert"),
        (Library, "put_questions"),
        (Library, "mark_studied"),
        (MemoryStore, "decay"),
        (Library, "put_round"),
    ],
)
def test_a_cut_after_any_write_loses_nothing_and_doubles_nothing(
    study, tmp_path, monkeypatch, owner, write
):
    cut_after(monkeypatch, owner, write)
    with pytest.raises(KeyboardInterrupt):
        study()
    study()

    kept = memories(tmp_path / "home")
    assert len({m.text for m in kept}) == len(kept) == KEPT
    assert all(m.count == 1 for m in kept)
    assert Library(tmp_path / "home" / "library.sqlite").unread() == []


@pytest.mark.parametrize("phase", ["plan", "read", "examine"])
def test_ctrl_c_in_the_phases_without_a_quiz_too(study, tmp_path, phase):
    def interrupt(event):
        if event["phase"] == phase and event.get("event") == "start":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=interrupt)
    study()

    assert len(memories(tmp_path / "home")) == KEPT


def test_ctrl_c_reaches_the_node_at_work(study):
    """Python tells only the main thread of a Ctrl-C, so the nodes must run in it."""
    threads = set()
    study(stop=lambda _event: threads.add(threading.current_thread()))

    assert threads == {threading.main_thread()}


def test_a_run_with_other_options_begins_anew(study, tmp_path):
    def interrupt(event):
        if event["phase"] == "reflect":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=interrupt)
    result, _ = study(seed=1)

    assert not result.resumed
    assert len(memories(tmp_path / "home")) == KEPT


@pytest.mark.parametrize("content", ["", "{", "[]", '{"thread": "x"}', '{"thread":"x","task":1}'])
def test_a_damaged_note_of_the_run_under_way_is_no_obstacle(study, tmp_path, content):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "run.json").write_text(content)
    result, _ = study()

    assert not result.resumed
    assert result.state["kept"] == KEPT
    assert not (tmp_path / "home" / "run.json").exists()


def test_a_damaged_library_is_named(study, tmp_path):
    study()
    (tmp_path / "home" / "library.sqlite").write_bytes(b"not a database" * 400)

    with pytest.raises(StoreError, match=r"library\.sqlite"):
        study()


def test_training_a_model_elsewhere_is_refused_before_anything_is_studied(study, tmp_path, model):
    with pytest.raises(ModelError, match="'scripted' cannot be trained here"):
        study(consolidate=True)

    assert not model.asked
    assert not (tmp_path / "home").exists()


def test_a_spent_budget_is_told_even_when_all_that_was_read_is_mastered(study):
    result, _ = study(budget_tokens=1, batch_passages=1, sealed_share=0.9, mastered=0.0)

    assert result.state["queue"]
    assert result.state["stop"] == "budget"


def test_a_run_cut_short_after_its_budget_goes_on_with_a_larger_one(study, tmp_path):
    def interrupt(event):
        if (event["phase"], event["event"]) == ("examine", "start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=interrupt, budget_tokens=1, batch_passages=1, sealed_share=0.0)
    result, _ = study(budget_tokens=1_000_000, batch_passages=1, sealed_share=0.0)

    assert result.resumed
    assert result.state["stop"] == "rounds"
    assert Library(tmp_path / "home" / "library.sqlite").unread() == []
    assert len(memories(tmp_path / "home")) == KEPT


def test_what_training_has_seen_is_never_sealed_later():
    drafts = [{"id": f"q{n}", "kind": "paraphrase"} for n in range(3)]
    drafts.append({"id": "q3", "kind": "answer-first"})
    fresh = {one["id"]: one["sealed"] for one in _sealed(drafts, 0.999, {})}
    again = {one["id"]: one["sealed"] for one in _sealed(drafts, 0.999, {"q0": False, "q3": True})}

    assert fresh == {"q0": True, "q1": True, "q2": True, "q3": False}
    assert again["q0"] is False
    assert again["q3"] is True


def adapters(home: Path) -> list[Manifest]:
    return AdapterRegistry(home).list()


def test_what_was_remembered_is_trained_tried_and_promoted(consolidate, tmp_path):
    result, events = consolidate()

    (made,) = adapters(tmp_path / "home")
    assert made.decision == "promoted"
    assert made.exam_after is not None
    assert made.exam_after.closed > made.exam_before.closed
    assert set(made.memory_ids) == {m.id for m in memories(tmp_path / "home")}
    assert made.losses
    assert result.state["adapter"] == AdapterRegistry(tmp_path / "home").active() == "v001"
    assert {"memory", "adapter", "both"} <= result.state["scores"].keys()
    assert any(e["phase"] == "trial" and e["event"] == "gate" and e["accepted"] for e in events)


def test_nothing_new_is_nothing_to_train(consolidate, tmp_path):
    consolidate()
    _, events = consolidate()

    assert [one.version for one in adapters(tmp_path / "home")] == ["v001"]
    assert not any((e["phase"], e["event"]) == ("consolidate", "rows") for e in events)


def test_training_waits_for_the_last_round(consolidate, tmp_path, study):
    study(sealed_share=0.9)
    _, events = consolidate(rounds=2, mastered=1.1)

    began = [e["round"] for e in events if (e["phase"], e.get("event")) == ("consolidate", "start")]
    assert began == [2]


@pytest.mark.parametrize(
    ("phase", "event"),
    [("consolidate", "start"), ("consolidate", "rows"), ("consolidate", "step"),
     ("trial", "start"), ("trial", "gate")],
)  # fmt: skip
def test_ctrl_c_while_training_leaves_one_adapter_in_the_end(consolidate, tmp_path, phase, event):
    def interrupt(told):
        if (told["phase"], told.get("event")) == (phase, event):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consolidate(interrupt)
    result, events = consolidate()

    assert result.resumed
    assert not any(e["phase"] == "quiz" for e in events)
    assert [(one.version, one.decision) for one in adapters(tmp_path / "home")] == [
        ("v001", "promoted")
    ]


@pytest.mark.parametrize("write", ["stage", "commit", "conclude", "promote"])
def test_a_cut_after_any_write_of_an_adapter_leaves_one_in_the_end(
    consolidate, tmp_path, monkeypatch, write
):
    cut_after(monkeypatch, AdapterRegistry, write)
    with pytest.raises(KeyboardInterrupt):
        consolidate()
    consolidate()

    (made,) = adapters(tmp_path / "home")
    assert (made.version, made.decision) == ("v001", "promoted")
    history = json.loads((tmp_path / "home" / "adapters" / "active.json").read_text())["history"]
    assert history == ["v001"]


def test_a_model_without_adapters_is_examined_without_them(consolidate, study):
    consolidate()
    result, _ = study(rounds=1)

    assert result.state["scores"].keys() == {"base", "memory"}
