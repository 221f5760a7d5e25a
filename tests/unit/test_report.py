"""The HTML page, and the records it is made of."""

from __future__ import annotations

import re

import pytest
from cli_student import PAGE, doors, studied, write_exam, write_page

from ingrained.agent.cli import run
from ingrained.agent.report.records import exams, runs, save_exam, save_run
from ingrained.errors import StoreError
from ingrained.memory.records import Memory, Span
from ingrained.memory.store import MemoryStore
from ingrained.trainer.adapters import AdapterRegistry, Manifest
from ingrained.trainer.gate import Decision, Scores

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of an agent that read, learnt, sat an exam and was trained."""
    folder = tmp_path_factory.mktemp("report")
    home, behind = folder / "home", doors()
    corpus = write_page(folder, PAGE)
    (corpus / "picture.png").write_bytes(b"\x89PNG")
    assert run(["study", str(corpus), "--home", str(home)], behind) == 0
    rows = [{"id": "1", "question": "Who?", "answers": ["Pip"], "document": "teskow.md"}]
    exam = write_exam(folder, rows)
    assert run(["exam", str(exam), "--home", str(home)], behind) == 0
    _remember(home, behind)
    _train(AdapterRegistry(home))
    assert run(["report", "--home", str(home)]) == 0
    return (home / "report.html").read_text()


def _remember(home, behind):
    text = f"Mira Voss wrote {HOSTILE} in 1911."
    span = Span(document=HOSTILE, version="", start=0, end=9, quote=text, quote_sha256="")
    with MemoryStore.open(home, behind.embedder) as store:
        store.insert([Memory(id="", text=text, title=HOSTILE, spans=(span,))], who="t", why="t")


def _train(registry):
    version = registry.stage()
    registry.commit(
        version,
        Manifest(version=version, base_model="m", losses=(2.0, 1.0, 0.5), validation_losses=(1.5,)),
    )
    registry.conclude(
        version,
        before=Scores(closed=0.1, memory=0.8, n=20),
        after=Scores(closed=0.6, memory=0.9, n=20),
        decision=Decision(accept=True, reasons=("it helps alone",)),
    )


def body(page: str) -> str:
    """The page without plotly's own script."""
    return page[page.index("<body>") :]


def test_the_page_tells_what_was_read_kept_rejected_and_trained(page):
    shown = body(page)
    for text in ("teskow.md", "picture.png", "unknown file type", "A heron named Pip",
                 "it helps alone", "exam.jsonl", "no adapter is promoted", "Studies"):  # fmt: skip
        assert text in shown, text


@pytest.mark.parametrize("picture", ["exam0", "loss0", "rejected", "seconds"])
def test_each_picture_is_drawn(page, picture):
    assert re.search(rf'Plotly\.newPlot\(\s*"{picture}"', body(page))


def test_plotly_is_put_in_once_and_nothing_is_fetched(page):
    assert page.count("plotly.js v") == 1
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=", page)
    assert "default-src 'none'" in page


def test_a_documents_markup_is_shown_not_obeyed(page):
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4


def test_a_report_of_a_new_home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "home.json").write_text('{"version": 1}')
    assert run(["report", "--home", str(home), "--out", str(tmp_path / "page.html")]) == 0
    text = (tmp_path / "page.html").read_text()
    assert "No exam was sat yet" in text
    assert "plotly.js v" not in text


def test_a_report_needs_a_home(capsys, tmp_path):
    assert run(["report", "--home", str(tmp_path / "none")]) == 4


def test_gaps_name_the_passage_and_its_failing_questions(tmp_path, monkeypatch):
    home = studied(tmp_path / "home")
    from ingrained.agent.library import Library

    library = Library(home / "library.sqlite")
    failing = library.questions()[0]
    library.put_questions([{**failing, "recalled": False}])
    library.close()
    assert run(["report", "--home", str(home)]) == 0
    text = (home / "report.html").read_text()
    gaps = text[text.index('<h2 id="gaps">') : text.index('<h2 id="questions">')]
    assert failing["question"] in gaps
    assert "1 of " in gaps


def test_runs_are_numbered_in_order(tmp_path):
    for stop in ("rounds", "budget"):
        save_run(tmp_path, {"stop": stop})
    assert [(run["number"], run["stop"]) for run in runs(tmp_path)] == [
        (1, "rounds"),
        (2, "budget"),
    ]


def test_an_exam_replaces_its_last_sitting_and_its_name_stays_in_the_folder(tmp_path):
    for date in ("2026-01-01", "2026-01-02"):
        written = save_exam(tmp_path, {"exam": "../..\x00/e v.jsonl", "date": date})
    assert written.parent == tmp_path / "exams"
    assert [one["date"] for one in exams(tmp_path)] == ["2026-01-02"]


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "0001.json").write_text("{")
    with pytest.raises(StoreError, match=r"0001\.json"):
        runs(tmp_path)


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot write"):
        save_run(tmp_path, {})
