"""docs/training.md and docs/commands.md name every training method, and every kind of statements."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ingrained.trainer.methods import TRAINING_METHODS
from ingrained.trainer.recipe import STATEMENT_KINDS, LoraRecipe

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_table_names_every_method_in_the_order_of_the_code():
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == list(TRAINING_METHODS)


def test_the_option_names_every_method():
    line = next(
        line
        for line in (DOCS / "commands.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `--method NAME` |")
    )
    assert re.findall(r"`([\w-]+)`", line) == list(TRAINING_METHODS)


def test_the_kinds_of_statements_are_told_and_the_recipes_that_are_shown_are_recipes():
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    assert re.findall(r"^- `(\w+)`: ", text, re.MULTILINE) == list(STATEMENT_KINDS)
    shown = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    asking, stating = (LoraRecipe().changed(json.loads(one)) for one in shown)
    assert asking.questions_per_memory
    assert stating.statements
