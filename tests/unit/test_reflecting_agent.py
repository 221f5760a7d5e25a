"""Reflection on a store: what is new becomes insights, and they follow their sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.recalling import Recaller
from ingrained.agent.reflecting import Reflection, reflect, reflection_due
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.records import Memory
from ingrained.memory.screening import Finding
from ingrained.memory.store import MemoryStore, StoreOptions
from ingrained.memory.testing import HashEmbedder

LEFT = "The ship Grey Linnet left Drennoway on 2 April."
SHIP = "The ship Grey Linnet was a grain carrier."
CARRIED = "The ship Grey Linnet housed 44 people."
APART = "Lichen gives a violet dye."
INSIGHT = "A grain carrier left Drennoway on 2 April."
RENEWED = "A grain carrier housed 44 people."
LATER = "The ship Grey Linnet left Drennoway on 9 May."


def narrator(prompt: str) -> str:
    """Draw the conclusion that the facts allow."""
    facts = prompt.rsplit("\n[1]", 1)[-1]
    if "2 April" in facts and "grain" in facts:
        return f"{INSIGHT} [1][2]"
    if "44 people" in facts and "grain" in facts:
        return f"{RENEWED} [1][2]"
    return "I don't know."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path / "home", HashEmbedder(), clock=lambda: 1000.0) as opened:
        yield opened


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(script=narrator)


def remember(store: MemoryStore, *texts: str, **fields: object) -> list[str]:
    facts = [dataclasses.replace(Memory(id="", text=text), **fields) for text in texts]
    return [one.id for one in store.insert(facts, who="test", why="a test")]


def insights(store: MemoryStore, status: str = "active") -> list[Memory]:
    return store.list(kind="insight", status=status)  # type: ignore[arg-type]


@pytest.fixture
def ids(store: MemoryStore) -> list[str]:
    return remember(store, LEFT, SHIP, CARRIED, APART)


@pytest.fixture
def drawn(store: MemoryStore, model: ScriptedModel, ids: list[str]) -> Reflection:
    result = reflect(store, Asker(model))
    model.asked.clear()
    return result


def test_an_insight_is_kept_with_what_it_cites(
    store: MemoryStore, drawn: Reflection, ids: list[str]
) -> None:
    (insight,) = insights(store)
    assert drawn.kept == (insight,)
    assert (drawn.groups, insight.text) == (1, INSIGHT)
    assert insight.derived_from == tuple(sorted(ids[:2]))
    (event,) = store.history(insight.id)
    assert (event.who, event.kind) == ("reflect", "insert")


def test_with_nothing_new_the_model_is_not_asked_and_nothing_is_written(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel
) -> None:
    events = len(store.events())
    assert reflect(store, Asker(model)) == Reflection()
    assert model.asked == []
    assert len(store.events()) == events


def test_only_groups_with_something_new_are_asked_about(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel
) -> None:
    remember(store, "Lichen gives a brown dye.", "Lichen gives a dye in May.")
    reflect(store, Asker(model))
    asked = [prompt.rsplit("\n[1]", 1)[-1] for prompt in model.asked]
    assert asked
    assert all("Lichen" in prompt for prompt in asked)


def test_insights_are_never_reflected_on(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel
) -> None:
    remember(store, "The ship Grey Linnet was wrecked in May.")
    reflect(store, Asker(model))
    assert model.asked
    assert not any(INSIGHT in prompt for prompt in model.asked)


def test_what_was_recalled_is_not_kept_again(store: MemoryStore, ids: list[str]) -> None:
    parrot = ScriptedModel(script=lambda _prompt: f"{LEFT} [1][2]")
    result = reflect(store, Asker(parrot))
    assert insights(store) == []
    assert result.rejected == {"repeats one fact": 1}


def test_an_insight_whose_source_was_changed_is_out_of_recall_until_it_is_derived_anew(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel, ids: list[str]
) -> None:
    (old,) = drawn.kept
    changed = dataclasses.replace(store.get(ids[0]), text="It housed 44 people.")
    store.update(changed, who="me", why="a slip")
    assert store.get(old.id).status == "stale"
    result = reflect(store, Asker(model))
    (new,) = result.renewed
    assert (new.text, new.status) == (RENEWED, "active")
    assert new.derived_from == old.derived_from
    assert store.get(old.id).superseded_by == new.id


def test_an_insight_with_one_source_left_is_forgotten(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel, ids: list[str]
) -> None:
    store.forget([ids[0]], who="me", why="wrong")
    result = reflect(store, Asker(model))
    assert [one.text for one in result.forgotten] == [INSIGHT]
    assert insights(store) == []
    assert "fewer than two" in store.history(drawn.kept[0].id)[-1].why
    assert model.asked == []


def test_an_insight_that_no_longer_follows_is_forgotten(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel, ids: list[str]
) -> None:
    store.update(
        dataclasses.replace(store.get(ids[0]), text="The moon is round."), who="me", why="?"
    )
    result = reflect(store, Asker(model))
    assert [one.text for one in result.forgotten] == [INSIGHT]
    assert insights(store) == []


def test_a_source_that_comes_back_brings_its_insight_back_without_the_model(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel, ids: list[str]
) -> None:
    store.forget([ids[0]], who="me", why="wrong")
    assert insights(store) == []
    store.restore([ids[0]], who="me", why="right after all")
    result = reflect(store, Asker(model))
    assert [one.id for one in result.confirmed] == [drawn.kept[0].id]
    assert insights(store) == list(result.confirmed)
    assert model.asked == []


def test_what_took_the_place_of_a_source_is_read_instead(
    store: MemoryStore, drawn: Reflection, ids: list[str]
) -> None:
    (newer,) = remember(store, LATER)
    store.supersede(ids[0], newer, who="me", why="a later log")
    later = ScriptedModel(script=lambda _prompt: "A grain carrier left Drennoway on 9 May. [1][2]")
    result = reflect(store, Asker(later))
    (renewed,) = result.renewed
    assert renewed.derived_from == tuple(sorted([newer, ids[1]]))


def test_the_same_sentence_stays_and_rests_on_what_is_left(
    store: MemoryStore, drawn: Reflection, model: ScriptedModel, ids: list[str]
) -> None:
    longer = f"{LEFT[:-1]}, a Monday."
    store.update(dataclasses.replace(store.get(ids[0]), text=longer), who="me", why="more of it")
    result = reflect(store, Asker(model))
    (same,) = result.renewed
    assert (same.id, same.status) == (drawn.kept[0].id, "active")
    assert same.derived_sha256 != drawn.kept[0].derived_sha256
    assert reflect(store, Asker(model)) == Reflection()


def test_namespaces_are_reflected_on_apart(store: MemoryStore, model: ScriptedModel) -> None:
    remember(store, LEFT, SHIP, CARRIED, namespace=("ana",))
    assert reflect(store, Asker(model)) == Reflection()
    assert reflect(store, Asker(model), namespace=("ana",)).kept[0].namespace == ("ana",)
    assert not reflection_due(store, threshold=1.0, namespace=("ana",))


def test_reflection_is_due_with_enough_that_is_new_or_an_outdated_insight(
    store: MemoryStore, ids: list[str], model: ScriptedModel
) -> None:
    assert reflection_due(store, threshold=4.0)
    assert not reflection_due(store, threshold=4.5)
    assert not reflection_due(store, threshold=0.0)
    reflect(store, Asker(model))
    assert not reflection_due(store, threshold=1.0)
    store.forget([ids[0]], who="me", why="wrong")
    assert reflection_due(store, threshold=1.0)


def test_progress_is_told_and_the_cost_booked(store: MemoryStore, ids: list[str]) -> None:
    told: list[tuple[int, int]] = []
    asker = Asker(ScriptedModel(script=narrator))
    reflect(store, asker, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 1), (1, 1)]
    assert asker.meter.of("derive").calls == 1


def test_an_insight_is_recalled_and_shown_as_it_stands(
    store: MemoryStore, drawn: Reflection
) -> None:
    (excerpts,) = Recaller(store).recall(["When did the grain carrier leave Drennoway?"])
    assert INSIGHT in [one.text for one in excerpts]


def test_an_insight_that_is_true_again_takes_its_place_back(
    store: MemoryStore, ids: list[str]
) -> None:
    """From the first date to another, and back."""

    def dated(prompt: str) -> str:
        facts = prompt.rsplit("\n[1]", 1)[-1]
        day = "9 May" if "9 May" in facts else "2 April"
        return f"A grain carrier left Drennoway on {day}. [1][2]"

    asker = Asker(ScriptedModel(script=dated))
    (first,) = reflect(store, asker).kept
    for text in (LATER, LEFT):
        changed = dataclasses.replace(store.get(ids[0]), text=text)
        store.update(changed, who="user", why="corrected")
        (renewed,) = reflect(store, asker).renewed
    assert renewed.id == first.id
    assert [one.id for one in insights(store)] == [first.id]
    (other,) = insights(store, "superseded")
    assert other.superseded_by == first.id


def test_an_insight_in_nearly_the_same_words_takes_no_place_of_its_own(
    store: MemoryStore, drawn: Reflection, ids: list[str]
) -> None:
    (old,) = drawn.kept
    store.update(
        dataclasses.replace(store.get(ids[0]), text=LEFT.rstrip(".")), who="user", why="a full stop"
    )
    store.update(dataclasses.replace(old, status="active"), who="user", why="it still holds")
    model = ScriptedModel(script=lambda _: f"{INSIGHT.replace('.', '!')} [1][2]")
    (renewed,) = reflect(store, Asker(model)).renewed
    assert (renewed.id, renewed.text) == (old.id, INSIGHT)


def test_an_insight_that_the_screen_refuses_leaves_the_outdated_one_forgotten(
    tmp_path: Path,
) -> None:
    class NoCarriers:
        def findings(self, text: str) -> list[Finding]:
            return [Finding(kind="secret", start=0, end=1)] if "A grain" in text else []

    options = StoreOptions(screen=NoCarriers(), screening="refuse")
    with MemoryStore.open(tmp_path, HashEmbedder(), options=options) as store:
        ids = remember(store, LEFT, SHIP)
        stale = Memory(
            id="e" * 16, text="Something sailed.", kind="insight", status="stale",
            derived_from=tuple(ids), derived_sha256="of another time",
        )  # fmt: skip
        store.adopt([stale], who="test", why="a test")
        result = reflect(store, Asker(ScriptedModel(script=narrator)))
        assert (result.renewed, [one.id for one in result.forgotten]) == ((), [stale.id])
        assert store.get(stale.id).status == "forgotten"
