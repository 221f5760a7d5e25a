"""Data sets from the hub: the files as they lie there become the same benchmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingrained.agent.bench.hub import Fetch, fetcher
from ingrained.agent.bench.loading import load
from ingrained.errors import ExamError, FetchError
from ingrained.settings import Settings

SQUAD = "rajpurkar/squad/plain_text/validation-00000-of-00001.parquet"
MMLU = "cais/mmlu/all/test-00000-of-00001.parquet"
GSM8K = "openai/gsm8k/main/test-00000-of-00001.parquet"
TEXTS = "jwkirchenbauer/fictionalqa/fictions/train-00000-of-00001.parquet"
QUESTIONS = "jwkirchenbauer/fictionalqa/fict_qa/train-00000-of-00001.parquet"


def hub(folder: Path, files: dict[str, list[dict[str, Any]]]) -> Fetch:
    """Return a downloader of these rows, by repository and file."""

    def fetch(repo: str, file: str) -> Path:
        path = folder / "file"
        rows = files[f"{repo}/{file}"]
        if file.endswith(".json"):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    return fetch


def test_squad_has_a_document_for_each_passage(tmp_path: Path) -> None:
    def row(context: str, question: str, *answers: str) -> dict[str, Any]:
        return {
            "id": question, "title": "Super_Bowl_50", "context": context, "question": question,
            "answers": {"text": list(answers), "answer_start": [0] * len(answers)},
        }  # fmt: skip

    rows = [row("A won.", "Who?", "A", "A", "team A"), row("B lost.", "And B?", "lost"),
            row("A won.", "What did A do?", "won")]  # fmt: skip
    squad = load("squad", fetch=hub(tmp_path, {SQUAD: rows}))
    assert [(one.id, one.title) for one in squad.documents] == [
        ("squad-0000", "Super Bowl 50"), ("squad-0001", "Super Bowl 50"),
    ]  # fmt: skip
    assert [(item.id, item.answers) for item in squad.items] == [
        ("squad-0000-q0", ("A", "team A")),
        ("squad-0001-q0", ("lost",)),
        ("squad-0000-q1", ("won",)),
    ]
    assert squad.items[2].document == squad.documents[0].key


def test_tofu_has_a_document_for_each_author(tmp_path: Path) -> None:
    rows = [{"question": f"Q{i}?", "answer": f"Statement {i}."} for i in range(40)]
    tofu = load("tofu", fetch=hub(tmp_path, {"locuslab/TOFU/full.json": rows}))
    assert [one.id for one in tofu.documents] == ["tofu-000", "tofu-001"]
    assert tofu.documents[1].text.splitlines() == [f"Statement {i}." for i in range(20, 40)]
    assert (tofu.items[21].id, tofu.items[21].answers) == ("tofu-001-q1", ("Statement 21.",))
    assert tofu.main == "f1"


def test_fictionalqa_asks_what_several_texts_answer_only_once(tmp_path: Path) -> None:
    texts = [{"event_id": "e", "fiction_id": f"e_{n}", "fiction": f"Text {n}."} for n in (0, 1)]

    def row(fiction: str, question: str, root: str | None) -> dict[str, Any]:
        return {"fiction_id": fiction, "question_id": question, "question": "Who?",
                "span_answer": "Mara", "duplicate_root": root}  # fmt: skip

    rows = [row("e_0", "a", None), row("e_1", "b", "a"), row("e_1", "c", "c")]
    found = load("fictionalqa", fetch=hub(tmp_path, {TEXTS: texts, QUESTIONS: rows}))
    assert [(item.id, item.document) for item in found.items] == [
        ("a", found.documents[0].key),
        ("c", found.documents[1].key),
    ]
    assert found.main == "contained"


def test_controls_are_drawn_always_the_same(tmp_path: Path) -> None:
    mmlu = [
        {"question": f"{i}?", "subject": "law", "choices": [f"yes {i}", "no"], "answer": i % 2}
        for i in range(30)
    ]
    fetch = hub(tmp_path, {MMLU: mmlu, GSM8K: [{"question": "?", "answer": "So.\n#### 1,200"}]})
    drawn = load("controls/mmlu_9", fetch=fetch)
    assert (len(drawn.items), drawn.main, drawn.items[0].topic) == (9, "choice", "law")
    assert drawn.sha256 == load("controls/mmlu_9", fetch=fetch).sha256
    assert {item.answers[0] == "no" for item in drawn.items} == {True, False}
    assert load("controls/gsm8k_5", fetch=fetch).items[0].answers == ("1200",)
    for name in ("trivia_300", "mmlu_0", "mmlu"):
        with pytest.raises(ExamError, match="on the hub") as caught:
            load(f"controls/{name}", fetch=fetch)
        assert "--data" in caught.value.hint


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExamError, match="no column title, context"):
        load("squad", fetch=hub(tmp_path, {SQUAD: [{"question": "?", "answers": "!"}]}))
    with pytest.raises(ExamError, match="line 1: answer: Field required"):
        load("tofu", fetch=hub(tmp_path, {"locuslab/TOFU/full.json": [{"question": "?"}]}))
    (tmp_path / "page").write_text("<html>")
    with pytest.raises(ExamError, match="cannot read"):
        load("squad", fetch=lambda *_: tmp_path / "page")


def test_offline_the_way_out_is_a_folder_of_data(tmp_path: Path) -> None:
    fetch = fetcher(Settings(offline=True, cache=tmp_path))
    with pytest.raises(FetchError, match="offline mode forbids") as caught:
        load("squad", fetch=fetch)
    assert "--data" in caught.value.hint


def test_a_hub_that_does_not_answer_is_a_fault_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise OSError("no route")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", unreachable)
    with pytest.raises(FetchError, match="cannot be fetched") as caught:
        load("tofu", fetch=fetcher(Settings(cache=tmp_path, offline=False)))
    assert "network" in caught.value.hint


def test_what_was_fetched_is_where_the_hub_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def download(repo: str, file: str, **options: object) -> str:
        asked.update(options, repo=repo, file=file)
        return str(tmp_path / "full.json")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    (tmp_path / "full.json").write_text('{"question": "Who?", "answer": "Jaime."}\n')
    found = load("tofu", fetch=fetcher(Settings(cache=tmp_path, offline=False)))
    assert found.documents[0].text == "Jaime."
    assert asked["repo_type"] == "dataset"
    assert asked["local_files_only"] is False
