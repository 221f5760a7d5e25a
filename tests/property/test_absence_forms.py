"""Property: a file that holds a text, as it is or escaped, is never called free of it."""

from __future__ import annotations

import html
import json
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingrained.memory import absence
from ingrained.memory.absence import verify_absent
from ingrained.memory.needles import SPACES

letters = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
gaps = st.text(st.sampled_from(SPACES), min_size=1, max_size=60)
texts = st.lists(st.one_of(letters, gaps), min_size=1, max_size=8).map("".join).filter(str.strip)


def test_white_space_is_all_that_python_takes_for_it() -> None:
    assert set(SPACES) == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}


@settings(max_examples=150, deadline=None)
@given(text=texts)
def test_a_file_that_holds_just_the_text_is_hit(text: str) -> None:
    written = {
        "raw": text.encode(),
        "json": json.dumps(text).encode(),
        "json, not in ASCII": json.dumps(text, ensure_ascii=False).encode(),
        "html": html.escape(text).encode(),
        "utf-16": text.encode("utf-16-le"),
        "utf-16, big end first": text.encode("utf-16-be"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for data in written.values():
            (Path(folder) / "file").write_bytes(data)
            assert verify_absent(Path(folder), text)


@settings(max_examples=80, deadline=None)
@given(
    words=st.lists(st.sampled_from(["Mara", "built", "n", "u", "a0"]), min_size=2), data=st.data()
)
def test_other_white_space_between_the_words_hides_nothing(words: list[str], data) -> None:
    other = "".join(word + data.draw(gaps) for word in words)
    with tempfile.TemporaryDirectory() as folder:
        for written in (other, json.dumps(other)):
            (Path(folder) / "file").write_text(f"before {written}", encoding="utf-8")
            assert verify_absent(Path(folder), " ".join(words))


def test_a_gap_that_is_longer_than_what_is_read_at_a_time_hides_nothing(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(absence, "_CHUNK", 256)
    for name, space in (("raw", " "), ("wide", "\u3000")):
        (tmp_path / name).write_text(f"{'x' * 200}Mara{space * 900}built it", encoding="utf-8")
    assert {hit.file for hit in verify_absent(tmp_path, "mara built it")} == {"raw", "wide"}
