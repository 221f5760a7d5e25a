"""Records of past runs lose what was purged and keep the rest."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.redacting import Redaction, redact_records
from ingrained.agent.tombstones import phrases

GONE = "Mara Vint built the Orlan Bridge in 1402."
REDACTION = Redaction(
    texts=phrases([GONE]),
    questions=phrases(["Who built the bridge at Orlan?"]),
    memories=frozenset({"m1"}),
)


def write(home: Path, name: str, record: Any) -> Path:
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_a_run_loses_its_examples_of_the_memory(tmp_path: Path) -> None:
    kept = {"memory": "m2", "quote": "It has nine arches."}
    run = write(tmp_path, "runs/0001.json", {
        "number": 1, "examples": [{"memory": "m1", "quote": GONE}, kept],
        "log": f"Read: {GONE.upper()} And more.",
    })  # fmt: skip
    assert redact_records(tmp_path, REDACTION) == ("runs/0001.json",)
    assert json.loads(run.read_text()) == {
        "number": 1, "examples": [kept], "log": "Read: [erased] And more.",
    }  # fmt: skip


def test_an_exam_loses_the_replies_that_the_memory_was_laid_out_for(tmp_path: Path) -> None:
    given = {"id": "q", "question": "Who?", "answers": ["Mara Vint"], "reply": "Mara Vint"}
    exam = write(tmp_path, "exams/first.json", {"rows": [
        {**given, "sources": ["m1", "m2"]}, {**given, "sources": ["m2"]},
        {**given, "question": "Who built the bridge at Orlan?", "sources": []},
    ]})  # fmt: skip
    redact_records(tmp_path, REDACTION)
    assert json.loads(exam.read_text())["rows"] == [
        {**given, "reply": "[erased]", "sources": ["m2"]},
        {**given, "sources": ["m2"]},
        {**given, "question": "[erased]", "sources": []},
    ]


def test_an_exam_loses_what_a_trained_adapter_knew_by_heart(tmp_path: Path) -> None:
    knows = dataclasses.replace(REDACTION, answers=phrases(["Mara Vint"]))
    given = {"reply": "It was Mara Vint.", "sources": []}
    exam = write(tmp_path, "exams/first.json", {"rows": [
        {**given, "cell": "adapter"}, {**given, "cell": "memory"},
        {"cell": "both", "reply": "Ida", "sources": []},
    ]})  # fmt: skip
    redact_records(tmp_path, knows)
    replies = [row["reply"] for row in json.loads(exam.read_text())["rows"]]
    assert replies == ["[erased]", "It was Mara Vint.", "Ida"]


def test_an_exam_loses_the_replies_that_a_purged_document_was_laid_out_for(tmp_path: Path) -> None:
    whole = dataclasses.replace(REDACTION, documents=frozenset({"gone.md"}))
    given = {"cell": "open", "reply": "Mara", "sources": []}
    exam = write(tmp_path, "exams/first.json", {"rows": [
        {**given, "documents": ["a.md", "gone.md"]}, {**given, "documents": ["a.md"]}, given,
    ]})  # fmt: skip
    redact_records(tmp_path, whole)
    replies = [row["reply"] for row in json.loads(exam.read_text())["rows"]]
    assert replies == ["[erased]", "Mara", "Mara"]


def test_the_history_of_the_chat_loses_the_lines(tmp_path: Path) -> None:
    history = tmp_path / "chat_history"
    history.write_text(f"\n# 2026-01-01\n+Is it so that {GONE}\n\n# 2026-01-02\n+How wide?\n")
    assert redact_records(tmp_path, REDACTION) == ("chat_history",)
    assert history.read_text() == (
        "\n# 2026-01-01\n+Is it so that [erased]\n\n# 2026-01-02\n+How wide?\n"
    )


def test_a_damaged_record_is_redacted_as_text(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "0002.json"
    path.parent.mkdir()
    path.write_text(f'{{"quote": "{GONE}')
    assert redact_records(tmp_path, REDACTION) == ("runs/0002.json",)
    assert path.read_text() == '{"quote": "[erased]'


def test_records_without_it_are_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "runs/0001.json", {"number": 1, "examples": []})
    before = path.stat().st_mtime_ns
    assert redact_records(tmp_path, REDACTION) == ()
    assert path.stat().st_mtime_ns == before
    assert redact_records(tmp_path / "nowhere", REDACTION) == ()


def test_the_names_in_a_record_are_cut_too(tmp_path: Path) -> None:
    run = write(tmp_path, "exams/first.json", {"by": {GONE: 1, "other": 2}})
    redact_records(tmp_path, REDACTION)
    assert json.loads(run.read_text()) == {"by": {"[erased]": 1, "other": 2}}


def test_a_short_text_goes_where_it_is_all_that_is_said(tmp_path: Path) -> None:
    short = dataclasses.replace(REDACTION, whole=frozenset({"orlan"}))
    run = write(tmp_path, "runs/0001.json", {"a": "Orlan.", "b": "The bridge at Orlan."})
    redact_records(tmp_path, short)
    assert json.loads(run.read_text()) == {"a": "[erased]", "b": "The bridge at Orlan."}


def test_what_a_killed_process_left_half_written_is_deleted(tmp_path: Path) -> None:
    stray = write(tmp_path, "runs/0001.json.77.new", {"quote": GONE})
    assert redact_records(tmp_path, REDACTION) == ("runs/0001.json.77.new",)
    assert not stray.exists()


def test_the_history_of_the_chat_loses_a_text_that_was_typed_over_two_lines(tmp_path: Path) -> None:
    history = tmp_path / "chat_history"
    typed = GONE.replace("Orlan ", "Orlan\n+")
    history.write_text(f"\n# 2026-01-01\n+Is it so?\n+{typed}\n\n# 2026-01-02\n+Orlan\n")
    redact_records(tmp_path, dataclasses.replace(REDACTION, whole=frozenset({"orlan"})))
    assert history.read_text() == (
        "\n# 2026-01-01\n+Is it so?\n+[erased]\n\n# 2026-01-02\n+[erased]\n"
    )
