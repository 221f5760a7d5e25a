"""When to reflect, what an insight is made of, and when it no longer rests on its sources."""

from __future__ import annotations

import dataclasses

import pytest

from ingrained.memory.records import Evidence, Memory
from ingrained.memory.reflecting import (
    due,
    fingerprint,
    importance,
    insight,
    remaining,
    sources_sha256,
    unweighed,
    verdicts,
)


def fact(id_: str, **fields: object) -> Memory:
    return dataclasses.replace(Memory(id=id_, text=f"Fact {id_}."), **fields)


def tried(*, before: bool, after: bool) -> Evidence:
    return Evidence(question="Who?", answer="Ada", passed_before=before, passed_after=after)


FACTS = [fact("a", trust=0.9), fact("b", trust=0.4, tags=("mill",)), fact("c", flags=("email",))]
INSIGHT = dataclasses.replace(insight("It follows.", FACTS), id="i")


def by_id(*memories: Memory) -> dict[str, Memory]:
    return {one.id: one for one in memories}


def test_a_fact_matters_more_the_more_questions_it_turned_from_failed_to_passed() -> None:
    turned, known, useless = (
        tried(before=False, after=True),
        tried(before=True, after=True),
        tried(before=False, after=False),
    )
    assert importance(fact("a")) == 1.0
    assert importance(fact("a", evidence=(turned, turned, known, useless))) == 3.0
    assert importance(fact("a", evidence=(turned,), pinned=True)) == 3.0


def test_reflection_is_due_when_what_is_new_adds_up_to_the_threshold() -> None:
    assert due(FACTS, (), threshold=3.0)
    assert not due(FACTS, (), threshold=3.1)
    assert not due(FACTS, {fingerprint(FACTS[0])}, threshold=3.0)


def test_a_threshold_of_nought_means_never_and_nothing_new_is_never_due() -> None:
    assert not due(FACTS, (), threshold=0.0)
    assert not due([], (), threshold=1.0)


def test_only_active_facts_are_new_and_a_changed_text_is_new_again() -> None:
    weighed = {fingerprint(one) for one in FACTS}
    changed = dataclasses.replace(FACTS[0], text="Something else.")
    gone = fact("d", status="forgotten")
    assert unweighed([changed, *FACTS[1:], gone, INSIGHT], weighed) == [changed]


def test_an_insight_cites_its_sources_and_is_trusted_no_more_than_the_weakest() -> None:
    assert (INSIGHT.kind, INSIGHT.derived_from, INSIGHT.spans) == ("insight", ("a", "b", "c"), ())
    assert INSIGHT.trust == 0.4
    assert (INSIGHT.tags, INSIGHT.flags) == (("mill",), ("email",))
    assert INSIGHT.derived_sha256 == sources_sha256(reversed(FACTS))


def test_an_insight_fades_no_later_than_its_weakest_source_and_holds_from_the_latest_on() -> None:
    old, new = fact("a", strength=30.0, valid_from=5.0), fact("b", strength=2.0, valid_from=9.0)
    made = insight("So.", [old, new])
    assert (made.strength, made.valid_from) == (2.0, 9.0)


def test_an_insight_has_the_title_that_its_sources_share() -> None:
    mill, ferry = fact("a", title="Mill"), fact("b", title="Ferry")
    assert insight("So.", [mill, dataclasses.replace(ferry, title="Mill")]).title == "Mill"
    assert insight("So.", [mill, ferry]).title == ""


@pytest.mark.parametrize("sources", [FACTS[:1], [FACTS[0], fact("b", namespace=("other",))]])
def test_one_source_or_two_namespaces_make_no_insight(sources: list[Memory]) -> None:
    with pytest.raises(ValueError, match="two sources of one namespace"):
        insight("So.", sources)


def test_an_insight_is_current_while_its_sources_are_as_they_were() -> None:
    assert verdicts([INSIGHT], by_id(*FACTS)) == {"i": "current"}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"text": "Another text."}, "stale"),
        ({"status": "forgotten"}, "stale"),
        ({"trust": 0.1, "pinned": True}, "current"),
    ],
)
def test_a_changed_text_or_a_lost_source_makes_it_stale(
    change: dict[str, object], verdict: str
) -> None:
    changed = dataclasses.replace(FACTS[0], **change)
    assert verdicts([INSIGHT], by_id(changed, *FACTS[1:])) == {"i": verdict}


def test_with_fewer_than_two_sources_left_it_is_orphaned() -> None:
    assert verdicts([INSIGHT], by_id(FACTS[0])) == {"i": "orphaned"}
    assert verdicts([INSIGHT], {}) == {"i": "orphaned"}


def test_what_took_the_place_of_a_source_stands_for_it() -> None:
    old = dataclasses.replace(FACTS[0], status="superseded", superseded_by="n")
    new = fact("n")
    left = remaining(INSIGHT, by_id(old, new, *FACTS[1:]))
    assert [one.id for one in left] == ["b", "c", "n"]
    assert verdicts([INSIGHT], by_id(old, new, *FACTS[1:])) == {"i": "stale"}


def test_memories_that_supersede_each_other_in_a_circle_are_simply_gone() -> None:
    one = dataclasses.replace(FACTS[0], status="superseded", superseded_by="b")
    two = dataclasses.replace(FACTS[1], status="superseded", superseded_by="a")
    assert remaining(INSIGHT, by_id(one, two, FACTS[2])) == [FACTS[2]]
