"""From sittings to figures, tests and tables; and the parts that are kept between runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.bench.results import results
from ingrained.agent.bench.running import key_of, load_part, save_part
from ingrained.agent.bench.tables import notes, tables, to_markdown
from ingrained.agent.exam import Item
from ingrained.agent.grading import score
from ingrained.errors import StoreError

DOCUMENTS = tuple(BenchDocument(id=f"d{n}", title=f"T{n}", text=f"Text {n}.") for n in range(8))
ITEMS = tuple(
    Item(id=f"q{n}", question="?", answers=("yes",), document=one.key, topic="<b>|*t*")
    for n, one in enumerate(DOCUMENTS)
)


def benchmark(*, gold: bool = True, items: tuple[Item, ...] = ITEMS) -> Benchmark:
    return Benchmark(name="tiny", documents=DOCUMENTS, items=items, origin="made up", gold=gold)


def sitting(
    cell: str, replies: str, *, seed: int | None = None, judged: str = "", items: Any = ITEMS
) -> dict[str, Any]:
    """A sitting in which each letter is a reply: `y` is right, `-` declines."""
    told = {"y": "yes", "n": "no", "-": "I don't know."}
    rows = [
        {
            "id": item.id, "cell": cell, "topic": item.topic, "answers": list(item.answers),
            "document": item.document, "seed": seed, "reply": told[letter], "hit": None,
            "choice": None, **vars(score(told[letter], item.answers)),
            **({"judged": judged[number] == "y"} if judged else {}),
        }
        for number, (item, letter) in enumerate(zip(items, replies, strict=True))
    ]  # fmt: skip
    return {
        "cell": cell, "seed": seed, "model": "scripted", "seconds": 2.0, "tokens_in": 60,
        "tokens_out": 20, "audit": {"prompts": 8, "leaks": [], "quoting": []}, "rows": rows,
    }  # fmt: skip


def report(sittings: list[dict[str, Any]], bench: Benchmark | None = None) -> dict[str, Any]:
    """What the command writes, without the parts a test does not look at."""
    bench = bench or benchmark()
    return {
        **results(bench, sittings, []), "name": bench.name, "origin": bench.origin,
        "sha256": bench.sha256, "documents": 8, "items": len(bench.items), "main": "contained",
        "model": "scripted", "seeds": [0, 1, 2], "judge": None, "date": "2026-01-01",
        "machine": {"cpu": "one", "cores": 2, "gpu": None}, "versions": {"ingrained": "1"},
    }  # fmt: skip


def test_seeds_are_averaged_and_shown_one_by_one() -> None:
    cell = results(
        benchmark(),
        [sitting("memory", "yyyynnnn", seed=0), sitting("memory", "yyyyyynn", seed=1)],
        [],
    )["cells"]["memory"]
    assert cell["main"]["value"] == 0.625
    assert cell["by_seed"] == [0.5, 0.75]
    assert cell["main"]["n"] == 8
    assert cell["tokens_per_question"] == 10


def test_questions_without_an_answer_are_scored_apart() -> None:
    items = (*ITEMS[:7], Item(id="q7", question="?", answers=()))
    told = results(
        benchmark(items=items), [sitting("base", "yyynnnn-", items=items)], []
    )["cells"]["base"]  # fmt: skip
    assert told["main"]["n"] == 7
    assert told["abstained_rightly"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert told["abstained_wrongly"]["value"] == 0


def test_a_pair_is_tested_on_the_same_questions() -> None:
    (test,) = results(
        benchmark(), [sitting("base", "nnnnnnnn"), sitting("memory", "yyyyyyyn", seed=0)], []
    )["tests"]
    assert (test["cell"], test["other"]) == ("memory", "base")
    assert test["difference"]["value"] == pytest.approx(7 / 8)
    assert test["difference"]["low"] > 0
    assert test["mcnemar"] == pytest.approx(2 / 2**7)
    assert test["permutation"] == pytest.approx(2 / 2**7)


def test_a_question_is_right_in_a_cell_if_it_is_in_most_seeds() -> None:
    sat = [sitting("memory", replies, seed=n) for n, replies in enumerate(["y" * 8, "y" * 8])]
    tied = [*sat, sitting("memory", "n" * 8, seed=2), sitting("memory", "n" * 8, seed=3)]
    base = sitting("base", "n" * 8)
    assert results(benchmark(), [base, *sat, tied[2]], [])["tests"][0]["mcnemar"] < 0.01
    assert results(benchmark(), [base, *tied], [])["tests"][0]["mcnemar"] == 1


def test_cells_with_different_seeds_are_compared_on_those_they_share() -> None:
    """Where the gate rejected an adapter there is no sitting of `both`."""
    found = results(
        benchmark(),
        [
            sitting("memory", "nnnnnnnn", seed=0),
            sitting("memory", "yyyyyyyy", seed=1),
            sitting("memory", "yyyyyyyy", seed=2),
            sitting("both", "yyyyyyyy", seed=1),
            sitting("both", "yyyyyyyy", seed=2),
            {"cell": "both", "seed": 0, "skipped": "no adapter is promoted"},
        ],
        [],
    )
    assert found["tests"][0]["difference"]["value"] == 0
    told = notes(report([sitting("memory", "y" * 8, seed=n) for n in (1, 2)]))
    assert any("memory rests on seeds 1, 2 only" in line for line in told)


def test_a_placebo_that_gains_is_called_so() -> None:
    base, flat = sitting("base", "ynnnnnnn"), sitting("placebo", "nynnnnnn", seed=0)
    gaining = sitting("placebo", "yyyyyyyn", seed=0)
    assert any("flat: the interval holds 0" in line for line in notes(report([base, flat])))
    assert any("not flat" in line for line in notes(report([base, gaining])))


def test_a_leak_is_counted_and_told() -> None:
    leaking = sitting("base", "nnnnnnnn")
    leaking["audit"] = {"prompts": 8, "leaks": ["q3"], "quoting": ["q4"]}
    study = {"audit": {"prompts": 100, "leaks": []}}
    audit = results(benchmark(), [leaking], [study])["audit"]
    assert (audit["exam_prompts"], audit["study_prompts"]) == (8, 100)
    assert (audit["leaks"], audit["leaking"], audit["quoting"]) == (1, ["q3"], ["q4"])
    assert any("1 leak." in line for line in notes(report([leaking])))


def test_the_judge_is_held_against_the_string_score() -> None:
    cell = results(benchmark(), [sitting("base", "yyyynnnn", judged="yyynnnnn")], [])["cells"][
        "base"
    ]
    assert cell["judged"]["value"] == 3 / 8
    assert cell["kappa"] == pytest.approx(0.75)


def test_without_accepted_answers_only_the_judge_scores() -> None:
    items = tuple(Item(id=f"q{n}", question="?", answers=()) for n in range(8))
    sat = sitting("base", "nnnnnnnn", judged="yyyynnnn", items=items)
    cell = results(benchmark(gold=False, items=items), [sat], [])["cells"]["base"]
    assert cell["main"]["value"] == 0.5
    assert cell["abstained_rightly"]["n"] == 0
    assert cell["kappa"] is None


def test_names_out_of_the_data_are_no_markup() -> None:
    markdown = to_markdown(report([sitting("base", "nnnnnnnn")]))
    assert "| \\<b\\>\\|\\*t\\* | 8 | 0.00 |" in markdown


def test_a_table_without_rows_is_left_out() -> None:
    titles = [table.title for table in tables(report([sitting("base", "nnnnnnnn")]))]
    assert titles == ["Cells", "Topics"]


def test_a_key_changes_with_what_it_is_of() -> None:
    assert key_of(a=1, b={"x", "y"}) == key_of(b={"y", "x"}, a=1)
    assert key_of(a=1) != key_of(a=2)


def test_a_damaged_part_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "cells" / "base-1.json"
    assert load_part(path) is None
    save_part(path, {"cell": "base"})
    assert load_part(path) == {"cell": "base"}
    path.write_text('{"cell": "ba')
    assert load_part(path) is None


def test_a_folder_that_cannot_be_made_is_told_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use the folder") as told:
        save_part(tmp_path / "file" / "cells" / "base.json", {})
    assert "--work" in told.value.hint
