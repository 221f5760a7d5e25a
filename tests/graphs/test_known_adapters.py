"""What an adapter was made of once is not trained a second time, whatever became of the adapter."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from bridge import Pupil, write_town
from langgraph.graph import END

from ingrained.agent.library import Library
from ingrained.agent.ui.events import describe
from ingrained.graphs.consolidate import after_training
from ingrained.graphs.study import after_consolidate
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.gate import Decision
from ingrained.trainer.manifest import Manifest

Events = list[dict[str, Any]]


@pytest.fixture
def registry(tmp_path: Path) -> AdapterRegistry:
    return AdapterRegistry(tmp_path / "home")


def made(registry: AdapterRegistry) -> list[tuple[str, str]]:
    return [(one.version, one.decision) for one in registry.list()]


def trained(events: Events) -> bool:
    return any((e["phase"], e["event"]) == ("consolidate", "step") for e in events)


def told(events: Events) -> str:
    """Return the line that says why nothing was trained."""
    (known,) = (e for e in events if e["event"] == "known")
    return describe(known)


def test_what_the_gate_rejected_is_not_trained_again(consolidate, registry):
    consolidate(learns=False)
    _, events = consolidate(learns=False)

    assert made(registry) == [("v001", "rejected")]
    assert not trained(events)
    assert told(events) == (
        "train     nothing new: v001 was made of the same memories, it was rejected by the gate"
    )


def test_an_adapter_that_drifts_too_far_is_weakened_and_its_manifest_says_so(consolidate, registry):
    changed = {"learning_rate": 0.05, "epochs": 8}
    consolidate(changed=changed)
    (free,) = registry.list()
    assert (free.strength, free.drift > 1e-4) == (1.0, True)
    consolidate(changed={**changed, "max_drift": free.drift / 3, "replay": 2})
    _, held = registry.list()
    assert held.strength < 1
    assert 0 < held.drift <= held.recipe["max_drift"]
    assert held.tokens > free.tokens, "what is replayed counts, too"
    assert any(reason.startswith("drift") for reason in held.reasons)


def test_what_other_questions_rejected_is_tried_again(consolidate, registry):
    consolidate(learns=False)
    (old,) = registry.list()
    rejected = Decision(accept=False, reasons=old.reasons)
    registry.conclude(
        "v001", before=old.exam_before, after=old.exam_after, decision=rejected,
        exam_sha256="of other questions",
    )  # fmt: skip
    _, events = consolidate()

    assert not trained(events)
    assert made(registry) == [("v001", "promoted")]


def in_use(registry: AdapterRegistry) -> str:
    """Make another adapter, and use it."""
    version = registry.stage()
    for file in registry.path("v001").glob("adapter_*"):
        shutil.copy(file, registry.path(version))
    registry.commit(version, Manifest(version=version, base_model="scripted"))
    registry.promote(version, force=True)
    return version


def judged(events: Events) -> list[tuple[str, bool]]:
    """Return the versions that the gate judged, and whether they passed."""
    return [(e["version"], e["accepted"]) for e in events if e["event"] == "gate"]


def test_what_was_rejected_beside_another_adapter_is_tried_again_when_that_is_out_of_use(
    consolidate, registry
):
    consolidate(learns=False)
    in_use(registry)
    assert judged(consolidate(learns=False)[1]) == [("v001", False)]
    assert judged(consolidate()[1]) == [], "judged beside this one already"
    registry.rollback()
    _, events = consolidate()

    assert not trained(events)
    assert judged(events) == [("v001", True)]
    assert registry.active() == "v001"


def test_one_that_waits_is_tried_again_beside_what_was_promoted_meanwhile(consolidate, registry):
    consolidate(approve=True)
    assert registry.show("v001").exam_after.known is None
    other = in_use(registry)
    _, events = consolidate(approve=True)

    assert not trained(events)
    assert judged(events) == [("v001", True)]
    assert registry.show("v001").exam_after.known is not None
    assert registry.active() == other
    assert judged(consolidate(approve=True)[1]) == []


def test_what_was_rolled_back_is_not_trained_again_nor_put_back(consolidate, registry):
    consolidate()
    registry.rollback()
    _, events = consolidate()

    assert made(registry) == [("v001", "promoted")]
    assert not trained(events)
    assert "v001" in told(events)
    assert "promoted and is no longer in use (`ingrained adapters promote v001`" in told(events)
    assert registry.active() is None


def test_what_is_in_use_is_not_trained_again(consolidate, registry):
    consolidate()
    _, events = consolidate()

    assert not trained(events)
    assert told(events).endswith("it was promoted and is in use")


def test_another_seed_is_another_training(consolidate, registry):
    consolidate(learns=False)
    _, events = consolidate(learns=False, seed=1)

    assert trained(events)
    assert made(registry) == [("v001", "rejected"), ("v002", "rejected")]


def test_another_memory_is_another_training(consolidate, registry, tmp_path):
    consolidate(learns=False)
    with MemoryStore.open(tmp_path / "home", HashEmbedder()) as store:
        store.forget([store.list()[0].id], who="me", why="a test")
    _, events = consolidate(learns=False)

    assert trained(events)
    assert made(registry) == [("v001", "rejected"), ("v002", "rejected")]


def test_an_adapter_made_in_this_run_stays_its_adapter_when_nothing_more_is_learnt():
    made = {"adapter": "v001", "known_adapter": "v001", "stop": "rounds"}
    assert after_training(made) == END
    assert after_consolidate(made) == END


def cut(*_args: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("before", ["conclude", "promote"])
def test_an_adapter_that_was_cut_short_is_finished_by_a_study_with_other_options(
    consolidate, registry, monkeypatch, before
):
    with monkeypatch.context() as patch:
        patch.setattr(AdapterRegistry, before, cut)
        with pytest.raises(KeyboardInterrupt):
            consolidate()
    assert made(registry) == [("v001", "candidate")]
    result, events = consolidate(rounds=2)

    assert not result.resumed
    assert not trained(events)
    assert made(registry) == [("v001", "promoted")]
    assert registry.active() == "v001"


def test_where_nothing_was_trained_the_last_examination_stands(consolidate, tmp_path):
    options = {"rounds": 2, "mastered": 0.0, "learns": False}
    consolidate(**options)
    library = Library(tmp_path / "home" / "library.sqlite")
    before = len(library.rounds())
    result, events = consolidate(**options)

    assert told(events)
    assert len(library.rounds()) == before + 1
    assert result.state["stop"] == "mastered"


def test_a_run_that_its_budget_ended_takes_in_the_rest_when_there_is_more(consolidate, registry):
    def kill(event: dict[str, Any]) -> None:
        if (event["phase"], event["event"]) == ("examine", "start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consolidate(kill, batch_passages=1, budget_tokens=1)
    (part,) = registry.list()
    result, _ = consolidate(batch_passages=1)

    assert result.resumed
    whole = registry.list()[-1]
    assert set(part.memory_ids) < set(whole.memory_ids)
    assert result.state["adapter"] == whole.version


def test_one_that_has_to_be_approved_waits_and_is_not_tried_again(consolidate, registry):
    _, events = consolidate(approve=True)
    assert made(registry) == [("v001", "candidate")]
    assert registry.active() is None
    (gate,) = (describe(e) for e in events if e["event"] == "gate")
    assert "v001 passed and waits for you (`ingrained adapters promote v001`): closed-book" in gate

    _, events = consolidate(approve=True)
    assert not trained(events)
    assert [e for e in events if e["event"] == "gate"] == []
    assert told(events).endswith("waits for you (`ingrained adapters promote v001`)")

    registry.promote("v001")
    _, events = consolidate(approve=True)
    assert told(events).endswith("it was promoted and is in use")


def test_one_that_waited_is_promoted_by_a_study_that_asks_nobody(consolidate, registry):
    consolidate(approve=True)
    _, events = consolidate()
    assert not trained(events)
    assert made(registry) == [("v001", "promoted")]
    assert registry.active() == "v001"


def phases(events: Events) -> list[str]:
    """What was read, trained and judged, in order."""
    told = {"notes": "read", "rows": "train", "gate": "gate", "known": "known"}
    return [told[e["event"]] for e in events if e["event"] in told]


READ = ["read"]
"""A batch of one passage; the town's three documents have two, two and one."""


@pytest.mark.parametrize(
    ("every", "order"),
    [
        (None, [*READ * 5, "train", "gate"]),
        (1, [*READ * 2, "train", "gate", *READ * 2, "train", "gate", *READ, "train", "gate"]),
        (2, [*READ * 4, "train", "gate", *READ, "train", "gate"]),
    ],
)
def test_memory_is_consolidated_within_the_run_after_every_few_documents(
    consolidate, registry, corpus, model, tmp_path, every, order
):
    write_town(corpus)
    model.script = Pupil()
    _, events = consolidate(every_documents=every, batch_passages=1)

    assert phases(events) == order
    sizes = [len(one.memory_ids) for one in registry.list()]
    assert sizes == sorted(set(sizes))
    with MemoryStore.open(tmp_path / "home", HashEmbedder(), read_only=True) as store:
        assert set(registry.list()[-1].memory_ids) == {one.id for one in store.list()}


def test_a_run_cut_short_within_a_training_goes_on_and_trains_no_more_than_it_would_have(
    consolidate, registry, corpus, model
):
    write_town(corpus)
    model.script = Pupil()

    def stop(event: dict[str, Any]) -> None:
        if (event["phase"], event["event"]) == ("trial", "start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consolidate(stop, every_documents=2, batch_passages=1)
    result, events = consolidate(every_documents=2, batch_passages=1)
    assert result.resumed
    assert phases(events) == ["gate", "read", "train", "gate"]
    assert len(registry.list()) == 2
