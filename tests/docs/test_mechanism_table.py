"""docs/study.md names every mechanism of a study, and whether it is on by default."""

from __future__ import annotations

import re
from pathlib import Path

from ingrained.agent.mechanisms import DEFAULT_MECHANISMS, MECHANISMS, QUESTION_KINDS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "study.md").read_text(encoding="utf-8")


def rows_under(heading: str) -> list[list[str]]:
    """The rows of a section's table, as cells; those that begin with a name, which loses its marks."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| `.*\|$", section, re.MULTILINE)
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines]


def test_the_table_names_every_mechanism_in_the_order_of_the_code():
    assert [name for name, *_ in rows_under("All mechanisms")] == list(MECHANISMS)


def test_the_table_says_what_is_on_by_default():
    said = {name: cells[-1] for name, *cells in rows_under("All mechanisms")}
    assert said == {name: "yes" if name in DEFAULT_MECHANISMS else "no" for name in MECHANISMS}


def test_every_kind_of_question_has_an_example():
    examples = {name: cells[-1] for name, *cells in rows_under("Kinds of questions")}
    assert list(examples) == list(QUESTION_KINDS)
    assert all("?" in example for example in examples.values())
