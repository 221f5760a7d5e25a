"""Placebos: the same questions on documents that teach nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.bench.placebo import against_base, contaminated, placebo
from ingrained.agent.exam import Item
from ingrained.errors import ExamError

TEXT = "The mill of Bern was built in 1802 by Ann.\n\nIt burnt down  in the year 1811, at night."
CHINESE = "我去了绿禾公园散步看到了一些非常漂亮的樱花。"


def benchmark(name: str, *texts: str) -> Benchmark:
    documents = tuple(
        BenchDocument(id=f"{name}-{n}", title=f"Part {n}", text=text)
        for n, text in enumerate(texts)
    )
    items = tuple(
        Item(id=f"q{n}", question="Who?", answers=("Ann",), document=one.key)
        for n, one in enumerate(documents)
    )
    asked = items or (Item(id="q", question="Who?", answers=("Ann",)),)
    return Benchmark(name=name, documents=documents, items=asked, origin="made up")


def test_shuffled_words_keep_everything_but_their_order() -> None:
    own = benchmark("mill", TEXT)
    [shuffled] = placebo(own).documents
    assert shuffled.text != TEXT
    assert sorted(shuffled.text.split()) == sorted(TEXT.split())
    assert len(shuffled.text) == len(TEXT)
    assert "\n\n" in shuffled.text
    assert "built in 1802" not in shuffled.text
    assert shuffled.key == own.documents[0].key
    assert placebo(own).items == own.items


def test_a_script_without_spaces_is_shuffled_by_its_characters() -> None:
    [shuffled] = placebo(benchmark("park", CHINESE)).documents
    assert "绿禾公园" not in shuffled.text
    assert sorted(shuffled.text) == sorted(CHINESE)


def test_words_are_dealt_out_over_all_documents() -> None:
    own = benchmark("mill", "ox " * 20, "elm " * 20, "ash " * 20)
    texts = [one.text.split() for one in placebo(own).documents]
    assert [len(text) for text in texts] == [20, 20, 20]
    assert all(len(set(text)) > 1 for text in texts)
    assert (
        sorted(word for text in texts for word in text) == ["ash"] * 20 + ["elm"] * 20 + ["ox"] * 20
    )


def test_words_and_characters_are_dealt_among_themselves() -> None:
    own = benchmark("mill", "the old mill has nine tall looms", CHINESE, "水 water 火 fire")
    texts = [one.text for one in placebo(own).documents]
    assert [len(text.split()) for text in texts] == [7, 1, 4]
    told = " ".join(texts).replace(texts[1], " ").split()
    words = "the old mill has nine tall looms water fire".split()
    assert sorted(word for word in told if word.isascii()) == sorted(words)
    assert sorted("".join(texts)) == sorted("".join(one.text for one in own.documents))


def test_the_order_depends_on_the_seed_and_on_nothing_else() -> None:
    two = benchmark("mill", TEXT, CHINESE)
    assert placebo(two) == placebo(two)
    assert placebo(two, seed=1).documents[0] != placebo(two).documents[0]
    assert placebo(two).sha256 != two.sha256
    assert placebo(two).name == "mill-shuffled"


def test_there_is_no_placebo_of_controls() -> None:
    with pytest.raises(ExamError, match="no documents"):
        placebo(benchmark("sums"))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.02, 0.03, "flat"),
        (0.01, 0.04, "flat"),
        (-0.02, 0.06, "not told apart from flat"),
        (-0.4, 0.0, "not told apart from flat"),
        (0.01, 0.3, "not flat"),
        (-0.3, -0.06, "not flat"),
    ],
)
def test_flat_is_said_only_where_the_whole_interval_is_near_0(
    low: float, high: float, verdict: str
) -> None:
    told = against_base({"value": (low + high) / 2, "low": low, "high": high, "n": 9})
    assert told["verdict"] == verdict
    assert told["margin"] == 0.05


def test_the_smallest_effect_that_is_seen_is_2_8_standard_errors() -> None:
    told = against_base({"value": 0.0, "low": -0.196, "high": 0.196, "n": 9})
    assert told["smallest_seen"] == pytest.approx(0.28, abs=0.001)


def row(id: str, **changed: Any) -> dict[str, Any]:
    plain = {"id": id, "cell": "base", "answers": ["Ann"], "contained": 0.0, "f1": 0.0}
    return {**plain, "chosen": "Ann", **changed}


def test_what_the_untouched_model_knows_is_counted_among_the_answerable() -> None:
    found = contaminated(
        [
            row("known", contained=1.0),
            row("told in other words", f1=0.85),
            row("guessed among choices"),
            row("not known", f1=0.5),
            row("unanswerable", answers=[], contained=1.0),
            row("studied", cell="both", contained=1.0),
        ]
    )
    assert found.ids == ("known", "told in other words")
    assert (found.asked, found.share) == (4, 0.5)
    assert contaminated([]).share == 0.0
