"""Words, ranks, fading: the pure parts of recall and forgetting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from ingrained.memory import Memory
from ingrained.memory.forgetting import reinforced, retention
from ingrained.memory.gathering import leading
from ingrained.memory.lexical import match_expression, overlap, stems, terms
from ingrained.memory.ranking import DENSE_FLOOR, Candidates, Load, Ranker, fuse

DAY = 86_400.0


def memory(id_: str, text: str, **fields: object) -> Memory:
    return Memory.from_dict({"id": id_, "text": text, **fields})


def known(memories: Mapping[str, Memory]) -> Load:
    return lambda ids: {id_: memories[id_] for id_ in ids if id_ in memories}


def test_a_question_counts_by_what_it_asks_about() -> None:
    assert terms("What is the name of the Lighthouse's keeper?") == ("name", "lighthouse", "keeper")
    assert terms("What is it?") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Café-Bar, 50%", ("café", "bar", "50")),
        ("हिन्दी भाषा", ("हिन्दी", "भाषा")),
        ("a\x00b\ud800c", ("b", "c")),
    ],
)
def test_words_are_letters_digits_and_marks_of_any_script(
    text: str, words: tuple[str, ...]
) -> None:
    assert terms(text) == words


def test_an_expression_is_made_of_quoted_words_only() -> None:
    words = '("said" OR "stop" OR "near" OR "x")'
    assert match_expression(terms('he said "stop" OR NEAR(x*)')) == words
    assert match_expression(["a"], ["b", "c"], within="17") == (
        'space : "17" AND ("a") AND ("b" OR "c")'
    )


def test_only_memories_with_a_rare_word_are_ranked() -> None:
    counts = {"lighthouse": 3, "morrow": 700, "cape": 1500, "was": 9000, "unknown": 0}
    lead = ["unknown", "lighthouse", "morrow"]
    assert leading(list(counts), counts, most=5000) == (lead, ["cape"])
    assert leading(["unknown", "was"], counts, most=5000) == (["unknown", "was"], [])
    assert leading(["unknown"], counts, most=5000) == (["unknown"], [])
    assert leading(["was"], counts, most=5000) == (["was"], [])
    assert leading([], counts, most=5000) == ([], [])
    assert leading(["was"], counts, most=9000) == (["was"], [])


def test_words_that_weigh_little_and_take_long_are_left_out() -> None:
    counts = {"stag": 1_000, "river": 7_000, "road": 8_000, "town": 9_000}
    assert leading(list(counts), counts, most=50_000) == (["stag"], ["river"])
    counts["river"] = 20_000
    assert leading(list(counts), counts, most=50_000) == (["stag"], ["road"])
    counts |= {"road": 21_000, "town": 22_000}
    assert leading(list(counts), counts, most=50_000) == (["stag"], ["river"])


def test_overlap_is_the_share_of_the_questions_words_whatever_their_endings() -> None:
    text = stems(terms("The railway was finished by engineers at the Café."))
    assert overlap(stems(terms("When did the engineer finish the railways?")), text) == 1.0
    assert overlap(stems(terms("Which cafe serves pears?")), text) == pytest.approx(1 / 3)
    assert overlap(frozenset(), text) == 0.0


def test_fusion_gives_one_to_the_first_of_both_lists() -> None:
    scores = fuse([["a", "b"], ["a", "c"]], k=60)
    assert scores["a"] == pytest.approx(1.0)
    assert scores["b"] == scores["c"] == pytest.approx(61 / 62 / 2)
    weighed = fuse([["a", "b"], ["b", "a"]], k=1, weights=(1.0, 3.0))
    assert weighed == {
        "a": pytest.approx((1 / 2 + 3 / 3) / 2),
        "b": pytest.approx((1 / 3 + 3 / 2) / 2),
    }


def test_below_both_floors_nothing_is_recalled() -> None:
    memories = {id_: memory(id_, text) for id_, text in [("a", "Pears ripen."), ("b", "Ferries")]}
    ranker = Ranker(known(memories), now=0.0)
    near = Candidates(query="pears", dense=[("b", DENSE_FLOOR - 0.01)], lexical=["a"])
    assert [item.memory.id for item in ranker.best(near, 5)] == ["a"]
    nearer = Candidates(query="apples", dense=[("b", DENSE_FLOOR)], lexical=["a"])
    assert [item.memory.id for item in ranker.best(nearer, 5)] == ["b"]


def test_memories_that_cannot_come_in_are_not_loaded() -> None:
    memories = {f"{n:03}": memory(f"{n:03}", "?") for n in range(200)}
    loads: list[int] = []

    def counted(ids: Sequence[str]) -> Mapping[str, Memory]:
        loads.append(len(ids))
        return known(memories)(ids)

    ids = list(memories)
    near, by_words = [(id_, 0.9) for id_ in ids[:100]], ids[100:]
    found = Ranker(counted, now=0.0).best(Candidates(query="x", dense=near, lexical=by_words), 10)
    assert [one.memory.id for one in found] == ids[:10]
    assert len(loads) == 1
    assert loads[0] < 40


def test_of_two_equals_the_fresher_comes_first_but_the_right_one_is_not_lost() -> None:
    memories = {
        "old": memory("old", "Pears ripen late."),
        "new": memory("new", "Pears rot.", created=9 * DAY),
    }
    memories |= {f"far{n:02}": memory(f"far{n:02}", "?", created=9 * DAY) for n in range(20)}
    ranker = Ranker(known(memories), now=9 * DAY)
    equals = Candidates(query="pears", dense=[("old", 0.9), ("new", 0.9)], lexical=["new", "old"])
    assert [r.memory.id for r in ranker.best(equals, 2)] == ["new", "old"]
    others = [(id_, 0.4) for id_ in memories if id_.startswith("far")]
    right = Candidates(query="pears", dense=[("old", 0.9), *others], lexical=["old"])
    assert ranker.best(right, 5)[0].memory.id == "old"


def test_retention_is_one_at_first_and_falls_by_the_strength() -> None:
    fresh = memory("a", "x", created=0.0)
    assert retention(fresh, 0.0) == 1.0
    assert retention(fresh, DAY) == pytest.approx(math.exp(-1))
    assert retention(reinforced(fresh, 0.0), DAY) == pytest.approx(math.exp(-1 / 2))
    assert retention(fresh, -DAY) == 1.0
    assert retention(memory("a", "x", pinned=True), 1e9) == 1.0
    assert retention(memory("a", "x", strength=0.0), DAY) == 0.0
