"""From sittings to figures, tests and tables; and the parts that are kept between runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.bench.results import results, rows_of
from ingrained.agent.bench.running import key_of, load_part, save_part
from ingrained.agent.bench.tables import notes, tables, to_markdown
from ingrained.agent.exam import Item
from ingrained.agent.grading import score
from ingrained.agent.report.bench_page import render_bench
from ingrained.agent.ui.bench_table import show_bench
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


def column(told: dict[str, Any], name: str) -> list[str]:
    """A column of the table of cells."""
    table = tables(told)[0]
    return [row[table.header.index(name)] for row in table.rows]


def in_terminal(told: dict[str, Any]) -> str:
    screen = io.StringIO()
    show_bench(told, Console(width=100, file=screen))
    return screen.getvalue()


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
    assert (told["abstained_rightly"]["value"], told["abstained_rightly"]["n"]) == (1, 1)
    assert told["abstained_wrongly"]["value"] == 0


def test_declining_rightly_has_a_column_where_something_has_no_answer() -> None:
    items = (*ITEMS[:7], Item(id="q7", question="?", answers=()))
    with_none = report([sitting("base", "yyynnnn-", items=items)], benchmark(items=items))
    assert column(with_none, "abstained") == ["1.00"]
    assert "abstained: share of the questions without an answer" in tables(with_none)[0].note
    for shown in (to_markdown(with_none), render_bench(with_none), in_terminal(with_none)):
        assert "abstained" in shown
    without = report([sitting("base", "yyynnnnn")])
    assert "abstained" not in tables(without)[0].header


def test_new_is_left_out_where_nobody_asked_what_was_known() -> None:
    asked = report([sitting("base", "ynnnnnnn"), sitting("rag", "yynnnnnn")])
    assert column(asked, "new") == ["0.00", "0.14"]
    unasked = report([sitting("rag", "yynnnnnn")])
    assert unasked["cells"]["rag"]["unknown"]["n"] == 0
    assert "new" not in tables(unasked)[0].header
    assert "new:" not in tables(unasked)[0].note


def test_what_the_judge_calls_right_beforehand_is_not_new() -> None:
    items = tuple(Item(id=f"q{n}", question="?", answers=()) for n in range(8))
    sat = [sitting(cell, "n" * 8, judged=judged, items=items)
           for cell, judged in (("base", "yynnnnnn"), ("rag", "yyynnnnn"))]  # fmt: skip
    told = report(sat, benchmark(gold=False, items=items))
    assert told["contamination"]["known"] == ["q0", "q1"]
    assert told["cells"]["rag"]["unknown"]["value"] == pytest.approx(1 / 6)


def test_a_cell_that_has_all_right_is_not_told_to_be_certain() -> None:
    found = results(benchmark(), [sitting("base", "n" * 8), sitting("open", "y" * 8)], [])
    assert found["cells"]["open"]["main"]["low"] == pytest.approx(8 / (8 + 1.96**2), abs=1e-3)
    assert found["cells"]["open"]["main"]["high"] == 1
    assert found["cells"]["base"]["main"]["low"] == 0
    assert found["cells"]["base"]["main"]["high"] > 0.3
    assert found["tests"][0]["difference"]["low"] < 1


def test_questions_on_no_one_document_are_left_out_of_open_and_of_what_is_compared_with_it() -> (
    None
):
    """Also where a sitting of an earlier version put them closed-book."""
    nowhere = Item(id="q7", question="?", answers=("yes",), topic="wide")
    items = (*ITEMS[:7], nowhere)
    base, fresh = sitting("base", "n" * 8, items=items), sitting("open", "y" * 7, items=items[:7])
    for sat in (fresh, sitting("open", "y" * 7 + "n", items=items)):
        told = report([base, sat], benchmark(items=items))
        assert (told["cells"]["open"]["main"]["n"], told["cells"]["open"]["left_out"]) == (7, 1)
        assert told["cells"]["open"]["main"]["value"] == 1
        assert (told["cells"]["base"]["main"]["n"], told["cells"]["base"]["left_out"]) == (8, 0)
        assert told["tests"][0]["difference"]["n"] == 7
        assert column(told, "n") == ["8", "7"]
        assert "wide" not in told["cells"]["open"]["topics"]
        assert any("open: 1 question on no one document left out" in one for one in notes(told))
        assert [row["id"] for row in rows_of([sat])] == [f"q{n}" for n in range(7)]


def test_what_could_not_be_judged_is_named_with_the_reason() -> None:
    items = tuple(Item(id=f"q{n}", question="?", answers=()) for n in range(8))
    sat = sitting("base", "n" * 8, judged="yyyynnnn", items=items)
    sat["rows"][7]["judged"] = None
    told = report([sat], benchmark(gold=False, items=items))
    assert told["cells"]["base"]["main"]["n"] == 7
    assert told["not_judged"]["ids"] == ["q7"]
    assert "no accepted answer is known" in told["not_judged"]["reason"]
    assert any(one.startswith("Not judged: 1 question, no accepted") for one in notes(told))
    assert report([sitting("base", "n" * 8)])["not_judged"] is None


def test_the_threshold_of_right_is_told_beside_the_tests() -> None:
    told = report([sitting("base", "n" * 8), sitting("rag", "y" * 8)])
    paired = next(table for table in tables(told) if table.title == "Paired tests")
    assert "right: contained is 0.5 or more" in paired.note


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


def test_a_placebo_that_gains_is_told_from_one_that_too_few_questions_measure() -> None:
    base, unclear = sitting("base", "ynnnnnnn"), sitting("placebo", "nynnnnnn", seed=0)
    gaining = sitting("placebo", "yyyyyyyn", seed=0)
    told = report([base, unclear])
    assert told["placebo"]["verdict"] == "not told apart from flat"
    assert told["placebo"]["difference"] == told["tests"][0]["difference"]
    (line,) = (one for one in notes(told) if one.startswith("Placebo"))
    assert "+0.00 [-0.38, +0.38], not told apart from flat (flat: all of the interval" in line
    assert "within ±0.05" in line
    assert f"would show is {told['placebo']['smallest_seen']:.2f}" in line
    assert report([base, gaining])["placebo"]["verdict"] == "not flat"
    assert report([base])["placebo"] is None


def test_a_leak_is_counted_and_told() -> None:
    leaking = sitting("base", "nnnnnnnn")
    leaking["audit"] = {"prompts": 8, "leaks": ["q3"], "quoting": ["q4"]}
    study = {"audit": {"prompts": 100, "leaks": [], "cloze": {"prompts": 9, "longest_run": 6}}}
    audit = results(benchmark(), [leaking], [study])["audit"]
    assert (audit["exam_prompts"], audit["study_prompts"]) == (8, 100)
    assert (audit["leaks"], audit["leaking"], audit["quoting"]) == (1, ["q3"], ["q4"])
    assert (audit["cloze_prompts"], audit["cloze_longest_run"]) == (9, 6)
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
    with pytest.raises(StoreError, match="cannot use") as told:
        save_part(tmp_path / "file" / "cells" / "base.json", {})
    assert "--work" in told.value.hint
