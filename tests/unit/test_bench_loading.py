"""A benchmark of one's own: a folder of documents and an exam on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.library import Library
from ingrained.agent.reading.corpus import read_corpus
from ingrained.errors import CorpusError, ExamError

PIP = {"id": "pip", "title": "Pip", "text": "Pip is a heron.\u2028He lives at the mill."}
MOLE = {"id": "mole#1", "title": "Mole", "text": "Mole digs."}
WHO = {"id": "q1", "document": "pip", "question": "What is Pip?", "answers": ["a heron"]}
WHERE = {"id": "q2", "document": "pip", "question": "Where does Pip live?", "answers": ["the mill"]}
DIGS = {"id": "q3", "document": "mole#1", "question": "What does Mole do?", "answers": ["digs"]}
FREE = {"id": "q4", "question": "What is the capital of France?", "answers": ["Paris"]}


def write(path: Path, *rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "mill" / "documents.jsonl", PIP, MOLE)
    write(tmp_path / "mill" / "exam.jsonl", WHO, "", WHERE, DIGS, FREE)
    return tmp_path / "mill"


def studied(benchmark: Benchmark, folder: Path) -> Library:
    library = Library(folder / "library.sqlite")
    for document in read_corpus(benchmark.write_documents(folder / "corpus")).documents:
        library.put_document(document, [])
    return library


def test_what_is_studied_is_what_the_questions_are_on(folder: Path, tmp_path: Path) -> None:
    benchmark = load(str(folder))
    library = studied(benchmark, tmp_path)
    texts = [
        document and document.text
        for item in benchmark.items
        if item.document
        for document in [library.document(item.document)]
    ]
    assert texts == [PIP["text"], PIP["text"], MOLE["text"]]
    assert benchmark.items[3].document == ""
    assert (benchmark.name, benchmark.main, benchmark.gold) == ("mill", "contained", True)


def test_documents_of_any_readable_kind_will_do_and_the_exam_is_none_of_them(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "documents.jsonl").unlink()
    (folder / "birds").mkdir()
    (folder / "birds" / "pip.md").write_text("# Pip\n\nPip is a heron.\n")
    write(folder / "more.jsonl", MOLE)
    leak = {**WHO, "document": "pip.md", "text": "The answer is a heron."}
    write(folder / "exam.jsonl", leak, {**DIGS, "document": "more.jsonl#mole#1"})
    benchmark = load(str(folder))
    assert [one.id for one in benchmark.documents] == ["birds/pip.md", "more.jsonl/mole/1"]
    library = studied(benchmark, tmp_path)
    assert [getattr(library.document(one.document), "title", "") for one in benchmark.items] == [
        "Pip",
        "Mole",
    ]


def test_an_exam_with_choices_throughout_is_read_by_its_choices(folder: Path) -> None:
    write(folder / "exam.jsonl", {**WHO, "choices": ["a heron", "a cat"]})
    assert load(str(folder)).main == "choice"


def test_a_limit_keeps_the_first_documents_and_only_what_is_asked_on_them(folder: Path) -> None:
    whole = load(str(folder))
    one = whole.limited(documents=1)
    assert [document.id for document in one.documents] == ["pip"]
    assert [item.id for item in one.items] == ["q1", "q2"]
    assert [item.id for item in whole.limited(1, 1).items] == ["q1"]
    assert [item.id for item in whole.limited(items=3).items] == ["q1", "q2", "q3"]
    assert len(whole.limited(items=3).documents) == 2
    assert whole.limited(5, 50) == whole


def test_the_hash_changes_with_all_that_is_studied_or_asked(folder: Path, tmp_path: Path) -> None:
    first = load(str(folder))
    assert load(str(folder)).sha256 == first.sha256
    hashes = {first.sha256, first.limited(items=1).sha256, first.limited(documents=1).sha256}
    for changed in ({**WHO, "answers": ["heron"]}, {**WHO, "topic": "birds"}):
        write(folder / "exam.jsonl", changed, WHERE, DIGS, FREE)
        hashes.add(load(str(folder)).sha256)
    assert len(hashes) == 5
    write(folder / "exam.jsonl", WHO, WHERE, DIGS, FREE)
    assert load(str(folder.rename(tmp_path / "moved"))).sha256 == first.sha256


@pytest.mark.parametrize(
    ("documents", "exam", "wrong"),
    [
        ([PIP, "{"], [WHO], r"documents\.jsonl: line 2: not JSON"),
        ([PIP, {"id": "x"}], [WHO], r'documents\.jsonl: line 2: no "text"'),
        ([PIP, PIP], [WHO], r"documents\.jsonl: line 2: this id was used before"),
        ([PIP, {**PIP, "id": "twin"}], [WHO], r"'pip' and 'twin' of 'mill' have the same text"),
        ([""], [WHO], r"documents\.jsonl: empty"),
        ([PIP], [WHO, "", DIGS], r"exam\.jsonl, line 3: none of the documents is 'mole#1'"),
        ([PIP], [WHO, "{"], r"exam\.jsonl, line 2: "),
        ([PIP], [WHO, WHO], r"the id 'q1' more than once"),
        ([PIP], [""], r"has no questions"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_its_place(
    folder: Path, documents: list[Any], exam: list[Any], wrong: str
) -> None:
    write(folder / "documents.jsonl", *documents)
    write(folder / "exam.jsonl", *exam)
    with pytest.raises((ExamError, CorpusError), match=wrong) as caught:
        load(str(folder))
    assert caught.value.hint


def test_a_folder_needs_its_exam_and_its_documents(folder: Path, tmp_path: Path) -> None:
    (folder / "documents.jsonl").unlink()
    with pytest.raises(CorpusError, match="no documents in") as caught:
        load(str(folder))
    assert "documents.jsonl (lines of id, title, text)" in caught.value.hint
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    with pytest.raises(CorpusError, match=r"picture\.png"):
        load(str(folder))
    (folder / "exam.jsonl").unlink()
    with pytest.raises(ExamError, match="no such file"):
        load(str(folder))
    with pytest.raises(ExamError, match="no benchmark and no folder") as caught:
        load(str(tmp_path / "nowhere"))
    assert "squad, tofu" in caught.value.hint


def test_a_data_set_is_found_in_the_folder_of_all_data(folder: Path) -> None:
    folder.rename(folder.parent / "tofu")
    found = load("tofu", folder.parent)
    assert (found.name, found.main, len(found.items)) == ("tofu", "f1", 4)
    assert "MIT" in found.origin
    with pytest.raises(ExamError, match=r"squad'") as caught:
        load("squad", folder.parent)
    assert "documents.jsonl" in caught.value.hint
    with pytest.raises(ExamError, match="tofu has no parts"):
        load("tofu/1", folder.parent)


def test_controls_are_questions_alone(tmp_path: Path) -> None:
    sums = {"id": 7, "question": "1 + 1?", "answers": [2]}
    signs = {"id": "s", "question": "2 - 3?", "answers": ["-1"], "choices": ["-1", "1"]}
    best = {"id": "b", "question": "1 + 2?", "answers": ["3"], "choices": ["3", "4"]}
    write(tmp_path / "controls" / "gsm8k_1.jsonl", sums)
    write(tmp_path / "controls" / "mmlu_2.jsonl", signs, best)
    gsm8k = load("controls/gsm8k_1", tmp_path)
    assert (gsm8k.documents, gsm8k.items[0].answers, gsm8k.main) == ((), ("2",), "contained")
    assert gsm8k.write_documents(tmp_path / "corpus") == []
    assert gsm8k.limited(documents=3) == gsm8k
    mmlu = load("controls/mmlu_2", tmp_path)
    assert ([item.id for item in mmlu.items], mmlu.main) == (["b"], "choice")
    assert "1 left out" in mmlu.origin
    with pytest.raises(ExamError, match="no set 'mmlu'") as caught:
        load("controls/mmlu", tmp_path)
    assert caught.value.hint == "There is controls/gsm8k_1, controls/mmlu_2."
