"""docs/settings.md has every field of a study's policy, with its default."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from ingrained.graphs.context import StudyPolicy

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_table_has_every_field_with_its_default():
    section = TEXT.partition("\n## In Python: how a study is run\n")[2]
    said = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.MULTILINE))
    fields = {field.name: str(field.default) for field in dataclasses.fields(StudyPolicy)}
    assert said.keys() == fields.keys()
    mechanisms = said.pop("mechanisms")
    assert "study.md#all-mechanisms" in mechanisms
    assert {name: default.strip("`") for name, default in said.items()} == {
        name: fields[name] for name in said
    }
