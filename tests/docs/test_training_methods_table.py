"""docs/training.md and docs/commands.md name every training method."""

from __future__ import annotations

import re
from pathlib import Path

from ingrained.trainer.methods import TRAINING_METHODS

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
