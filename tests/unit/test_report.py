"""The HTML page, and the records it is made of."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace

import pytest
from cli_student import PAGE, doors, studied, write_exam, write_page

from ingrained.agent.cli import run
from ingrained.agent.exam import Graded, Item, to_rows
from ingrained.agent.grading import ABSTENTION, score
from ingrained.agent.library import Library
from ingrained.agent.report.marks import by_question
from ingrained.agent.report.records import exams, runs, save_exam, save_run
from ingrained.errors import StoreError
from ingrained.memory.records import Memory, Span
from ingrained.memory.store import MemoryStore
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.gate import Count, Decision, Scores
from ingrained.trainer.manifest import Manifest

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of an agent that read, learnt, sat an exam and was trained."""
    folder = tmp_path_factory.mktemp("report")
    home, behind = folder / "home", doors()
    corpus = write_page(folder, PAGE)
    (corpus / "picture.png").write_bytes(b"\x89PNG")
    assert run(["study", str(corpus), "--home", str(home)], behind) == 0
    rows = [
        {"id": "1", "question": f"Who? {HOSTILE}", "answers": ["Pip", HOSTILE],
         "topic": HOSTILE, "document": "teskow.md"},
    ]  # fmt: skip
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
        before=_scores(
            closed=0.1, controls=Count(n=55, of=55), kinds={"reversed": Count(n=1, of=8)}
        ),
        after=_scores(
            closed=0.6, controls=Count(n=54, of=55), kinds={"reversed": Count(n=7, of=8)}
        ),
        decision=Decision(accept=True, reasons=("it helps alone",)),
    )


def _scores(**measured):
    return Scores(memory=0.8, n=20, abstention=0.5, unanswerable=4, **measured)


def body(page: str) -> str:
    """The page without plotly's own script."""
    return page[page.index("<body>") :]


def test_the_page_tells_what_was_read_kept_rejected_and_trained(page):
    shown = body(page)
    for text in ("teskow.md", "picture.png", "kind .png is not read", "A heron named Pip",
                 "it helps alone", "exam.jsonl", "no adapter is promoted", "Studies"):  # fmt: skip
        assert text in shown, text


def test_the_page_tells_what_the_gate_measured(page):
    rows = [" ".join(re.sub("<[^>]*>", " ", row).split()) for row in body(page).splitlines()]
    for row in ("of these, reversed 1 of 8 7 of 8", "declined, of 4 without an answer 50 % 50 %",
                "everyday questions that the base answers 55 of 55 54 of 55"):  # fmt: skip
        assert row in rows, row


def test_a_merged_adapter_says_what_of_and_whether_it_was_judged(page, tmp_path):
    home = studied(tmp_path / "home")
    registry = AdapterRegistry(home)
    for _ in range(2):
        version = registry.stage()
        registry.commit(
            version, Manifest(version=version, base_model="m", merged_from=("v007", "v008"))
        )
    registry.promote("v001", force=True)
    assert run(["report", "--home", str(home)]) == 0
    shown = body((home / "report.html").read_text())
    assert shown.count("0 memories, merged from v007, v008, 0.0 s</p>") == 2
    assert "Promoted</b> by force" in shown
    assert "Candidate</b>, not judged" in shown
    assert "not judged" not in body(page)


def test_the_words_of_the_exam_are_explained(page):
    text = body(page)
    for word in ("base: the untouched model", "open: shown the document", "contained: an accepted"):
        assert word in text


@pytest.mark.parametrize("picture", ["exam0", "loss0", "rejected", "seconds"])
def test_each_picture_is_drawn(page, picture):
    assert re.search(rf'Plotly\.newPlot\(\s*"{picture}"', body(page))


def test_plotly_is_put_in_once_and_nothing_is_fetched(page):
    assert page.count("plotly.js v") == 1
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=", page)
    assert "default-src 'none'" in page


def test_a_documents_markup_is_shown_not_obeyed(page):
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 7


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


def replies(item: Item, **by_cell: str) -> list[dict[str, object]]:
    """An exam's rows for one question."""
    return to_rows([
        Graded(item=item, cell=cell, reply=reply, score=score(reply, item.answers))
        for cell, reply in by_cell.items()
    ])  # fmt: skip


PIP = Item(id="1", question="Who lives on the roof?", answers=("Pip", "the heron"), topic="recall")
SACKS = Item(id="2", question="How many sacks a week?", answers=("nine",), topic="recall")
COLOUR = Item(id="3", question="What colour is the mill?", answers=())


def test_a_reply_is_right_wrong_or_declined():
    (one,) = by_question(replies(PIP, base=ABSTENTION, memory="It is Pip.", both="A goat."))
    assert {cell: given.mark for cell, given in one.replies.items()} == {
        "base": "declined",
        "memory": "right",
        "both": "wrong",
    }


def test_without_an_accepted_answer_declining_is_right():
    (one,) = by_question(replies(COLOUR, base="Red.", memory=ABSTENTION))
    assert [given.mark for given in one.replies.values()] == ["wrong", "right"]


def test_the_questions_that_failed_stand_first_and_the_wrong_before_the_declined():
    rows = [
        *replies(PIP, base="Pip", memory="Pip"),
        *replies(COLOUR, base=ABSTENTION, memory="Red."),
        *replies(SACKS, base=ABSTENTION, memory=ABSTENTION),
        *replies(replace(SACKS, id="4"), base="six", memory="ten"),
    ]
    marks = [[given.mark for given in one.replies.values()] for one in by_question(rows)]
    assert marks == [
        ["wrong", "wrong"],
        ["declined", "declined"],
        ["right", "wrong"],
        ["right", "right"],
    ]


def test_every_question_of_an_exam_is_listed_with_its_replies(page):
    table = page[page.index("Every question with its replies") : page.index('id="rounds-section"')]
    headings = re.findall(r"<th>(.*?)</th>", table)
    assert headings == ["topic", "question", "accepted answers", "base", "memory", "open"]
    assert table.count(">declined</b>") == 3
    assert "Who? &lt;script&gt;" in table


def test_the_replies_are_folded_and_scroll_in_a_box_of_their_own(page):
    assert re.search(r"<details[^>]*(?<!open)>\s*<summary>Every question with its", page)
    assert re.search(r"\.replies \{ overflow: auto;", page)
    assert '<div class="replies"><table>' in page


def test_what_an_unfinished_study_left_is_not_told_as_nothing(tmp_path):
    home = studied(tmp_path / "home")
    for record in (home / "runs").iterdir():
        record.unlink()
    assert run(["report", "--home", str(home)]) == 0
    shown = body((home / "report.html").read_text())
    assert shown.lower().count("not recorded: no study has ended here") == 3
    assert "<b>0</b><span>studies" not in shown
    rejected = shown[shown.index('<h2 id="questions">') : shown.index('<h2 id="adapters">')]
    assert "None" not in rejected


@pytest.mark.parametrize(("sealed", "drawn"), [(20, True), (0, False)])
def test_rounds_are_drawn_only_if_sealed_questions_were_asked(tmp_path, sealed, drawn):
    home = studied(tmp_path / "home")
    with closing(Library(home / "library.sqlite")) as library:
        kept = [one["sealed"] for one in library.rounds()]
        assert not any(kept), "the page is too short for sealed questions"
        scores = {"base": 0.25, "memory": 0.9}
        library.put_round({"round": 1, "scores": scores, "sealed": sealed})
    assert run(["report", "--home", str(home)]) == 0
    shown = body((home / "report.html").read_text())
    assert bool(re.search(r'Plotly\.newPlot\(\s*"rounds"', shown)) is drawn
    assert ('<td class="n">90 %</td>' in shown) is drawn
    assert ("own sealed questions yet" in shown) is not drawn


def test_only_the_agents_own_questions_are_called_sealed(page):
    named = re.findall(r"(.{12})sealed questions", body(page).replace("&#39;", "'"))
    assert len(named) >= 3
    assert set(named) == {"agent's own "}
    assert "sealed as" not in page


def test_gaps_name_the_passage_and_its_failing_questions(tmp_path, monkeypatch):
    home = studied(tmp_path / "home")
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
