"""`derive`: at the end of a round the study reflects, when enough is new."""

from __future__ import annotations

from pathlib import Path

import pytest
from bridge import reader

from ingrained.errors import SettingsError
from ingrained.graphs.context import StudyPolicy
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

INSIGHT = "The bridge with nine arches was paid for by the salt guild of Teskow."
ASKED = "Join the facts"
PAGE = """# The Orlan Bridge

## Making

Mara Vint built the Orlan Bridge.

## Size

The Orlan Bridge of Mara Vint has nine arches.

## Money

The salt guild of Teskow paid Mara Vint for the Orlan Bridge.
"""


@pytest.fixture(autouse=True)
def three_facts_of_one_bridge(corpus: Path, model) -> None:
    (corpus / "bridge.md").write_text(PAGE, encoding="utf-8")
    model.script = lambda prompt: f"{INSIGHT} [1][2]" if ASKED in prompt else reader(prompt)


def insights(home: Path) -> list[Memory]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return store.list(kind="insight")


def phases(events: list[dict]) -> list[str]:
    return [e["phase"] for e in events if e["event"] == "start"]


def test_a_study_reflects_after_the_last_passages_of_a_round(study, tmp_path):
    _, events = study(reflection_importance=3.0)

    assert phases(events).count("derive") == 1
    assert phases(events)[-3:] == ["forget", "derive", "examine"]
    (insight,) = insights(tmp_path / "home")
    assert insight.text == INSIGHT
    assert len(insight.derived_from) == 2
    told = [e for e in events if (e["phase"], e["event"]) == ("derive", "insights")]
    assert [(e["groups"], e["kept"]) for e in told] == [(1, 1)]


def test_insights_are_not_counted_among_what_was_kept_of_the_documents(study, tmp_path):
    result, _ = study(reflection_importance=3.0)

    with MemoryStore.open(tmp_path / "home", HashEmbedder(), read_only=True) as store:
        assert result.state["kept"] == len(store.list(kind="fact")) == 3


@pytest.mark.parametrize("importance", [0.0, 150.0])
def test_with_too_little_that_is_new_or_a_threshold_of_nought_it_does_not(
    study, model, tmp_path, importance
):
    _, events = study(reflection_importance=importance)

    assert "derive" not in phases(events)
    assert not any(ASKED in prompt for prompt in model.asked)
    assert insights(tmp_path / "home") == []


def test_a_second_study_of_the_same_reflects_no_more(study, model):
    study(reflection_importance=3.0)
    asked = len(model.asked)
    _, events = study(reflection_importance=3.0)

    assert "derive" not in phases(events)
    assert not any(ASKED in prompt for prompt in model.asked[asked:])


def test_ctrl_c_before_or_after_reflecting_loses_nothing_and_doubles_nothing(study, tmp_path):
    for event in ("start", "end"):

        def interrupt(seen: dict, event: str = event) -> None:
            if (seen["phase"], seen["event"]) == ("derive", event):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            study(stop=interrupt, reflection_importance=3.0)
    result, _ = study(reflection_importance=3.0)

    assert result.resumed
    (insight,) = insights(tmp_path / "home")
    assert insight.count == 1


def test_an_adapter_is_trained_on_facts_and_not_on_insights(consolidate, tmp_path):
    result, events = consolidate(reflection_importance=3.0)

    assert "derive" in phases(events)
    assert phases(events).index("derive") < phases(events).index("consolidate")
    assert result.state["adapter"]


def test_a_negative_importance_is_refused():
    with pytest.raises(SettingsError, match="reflection_importance"):
        StudyPolicy(reflection_importance=-1.0)
