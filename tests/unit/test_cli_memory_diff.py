"""`ingrained memory diff`, and what a study says of documents that changed."""

from __future__ import annotations

import json

import pytest
from cli_student import PAGE, doors, studied, write_page

from ingrained.agent.cli import run
from ingrained.agent.library import Library
from ingrained.agent.report.records import runs
from ingrained.agent.ui.events import describe

EDITED = PAGE.replace("nine sacks", "twelve sacks").replace("Its wheel", "The wheel")


@pytest.fixture
def home(tmp_path, capsys):
    made = studied(tmp_path / "home")
    capsys.readouterr()
    return made


@pytest.fixture
def newer(tmp_path):
    path = tmp_path / "newer.md"
    path.write_text(EDITED, encoding="utf-8")
    return path


@pytest.fixture
def agent(home, capsys):
    """Runs a command on the home; returns its JSON."""

    def call(*arguments: object, code: int = 0):
        assert run([*map(str, arguments), "--home", str(home), "--json"], doors()) == code
        return json.loads(capsys.readouterr().out)

    return call


def test_diff_tells_what_each_memory_would_come_to(agent, newer):
    everything = {one["id"]: one["text"] for one in agent("memory", "list")}
    told = agent("memory", "diff", "teskow.md", newer)

    superseded = {one["text"]: one["instead"]["text"] for one in told["memories"]
                  if one["fate"] == "superseded"}  # fmt: skip
    sacks = "It grinds nine sacks of barley a week."
    assert all("nine sacks" in text or "Its wheel" in text for text in superseded)
    assert any(sacks in text and "twelve sacks" in new for text, new in superseded.items())
    assert {one["id"] for one in told["memories"]} == set(everything)
    ferry = next(one for one in told["memories"] if one["text"].startswith("The ferry"))
    assert (ferry["fate"], ferry["is"]) == ("moves", [EDITED.index("The ferry was")])
    assert told["counts"]["superseded"] == len(superseded)


def test_diff_changes_nothing(agent, newer):
    before = agent("memory", "list")
    agent("memory", "diff", "teskow.md", newer)
    assert agent("memory", "list") == before


def test_the_old_version_may_be_named_by_its_file_or_a_copy_of_it(agent, newer, tmp_path):
    copy = tmp_path / "copy.md"
    copy.write_text(PAGE, encoding="utf-8")
    by_id = agent("memory", "diff", "teskow.md", newer)
    for name in (tmp_path / "corpus" / "teskow.md", copy):
        assert agent("memory", "diff", name, newer) == by_id


def test_diff_in_a_terminal(home, newer, capsys):
    assert run(["memory", "diff", "teskow.md", str(newer), "--home", str(home)], doors()) == 0
    out = capsys.readouterr().out
    assert "superseded" in out
    assert "twelve sacks" in " ".join(out.split())
    assert "Nothing was changed." in out


def test_an_unknown_document_and_a_file_that_cannot_be_read(agent, newer, tmp_path):
    assert "There are: teskow.md." in agent("memory", "diff", "other.md", newer, code=4)["hint"]
    assert agent("memory", "diff", newer, newer, code=4)["kind"] == "NotFoundError"
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"PNG")
    for path in (picture, tmp_path / "none.md"):
        assert "cannot be read" in agent("memory", "diff", "teskow.md", path, code=2)["error"]


def test_of_a_file_with_rows_the_row_of_the_same_id_is_taken(agent, home, tmp_path):
    rows = tmp_path / "rows.jsonl"
    text = "The old mill of Teskow was built in 1650 by Odo Brand."
    lines = [{"id": 1, "text": text}, {"id": 2, "text": "Nothing."}]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    agent("study", rows)
    lines[0]["text"] = text.replace("1650", "1651")
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (one,) = agent("memory", "diff", "rows.jsonl#1", rows)["memories"]
    assert one["instead"]["text"] == lines[0]["text"]
    assert "none of them like" in agent("memory", "diff", "teskow.md", rows, code=2)["error"]


def test_diff_does_not_show_what_was_purged(agent, home, newer):
    library = Library(home / "library.sqlite")
    library.bury(["It grinds twelve sacks of barley a week."])
    library.close()
    told = agent("memory", "diff", "teskow.md", newer)
    assert told["counts"]["superseded"]
    assert "twelve" not in json.dumps(told)


def test_a_new_version_may_be_empty(agent, tmp_path):
    (tmp_path / "none.md").write_text(" ")
    told = agent("memory", "diff", "teskow.md", tmp_path / "none.md")
    assert told["counts"]["superseded"] == len(told["memories"]) == len(agent("memory", "list"))


def test_a_study_of_an_edited_page_says_what_became_of_its_memories(agent, home, tmp_path, capsys):
    corpus = write_page(tmp_path, EDITED)
    record = agent("study", corpus)
    (revised,) = record["revised"]
    assert revised["id"] == "teskow.md"
    assert revised["superseded"] > 0
    assert runs(home)[-1]["revised"] == [revised]
    assert run(["report", "--home", str(home)]) == 0
    page = (home / "report.html").read_text()
    assert f"{revised['kept']} kept, {revised['superseded']} superseded" in page


def test_a_study_forgets_what_a_deleted_page_taught_only_when_told_to(
    agent, home, tmp_path, capsys
):
    corpus = write_page(tmp_path)
    (corpus / "teskow.md").unlink()
    (corpus / "ferry.md").write_text("Nothing can be asked here.")
    count = len(agent("memory", "list"))

    assert run(["study", str(corpus), "--home", str(home)], doors()) == 0
    told = capsys.readouterr()
    assert f"teskow.md is no longer there, {count} memories rest on it" in told.err
    assert "--forget-deleted" in told.err
    assert "no longer there" in told.out
    assert len(agent("memory", "list")) == count

    record = agent("study", corpus, "--forget-deleted")
    assert [(one["id"], one["forgotten"]) for one in record["dropped"]] == [("teskow.md", count)]
    assert agent("memory", "list") == []


def test_a_study_goes_on_when_its_only_page_is_gone(agent, tmp_path):
    corpus = write_page(tmp_path)
    (corpus / "teskow.md").unlink()
    assert [one["id"] for one in agent("study", corpus)["missing"]] == ["teskow.md"]
    plan = agent("study", corpus, "--dry-run")
    assert (plan["documents"], plan["deleted"]) == ([], ["teskow.md"])
    assert agent("study", corpus, "--forget-deleted")["dropped"]
    assert agent("memory", "list") == []
    assert "Nothing readable" in agent("study", corpus, code=2)["error"]


def test_the_lines_of_a_document_that_changed():
    facts = {"phase": "plan", "id": "a.md", "kept": 1, "superseded": 2, "thinned": 3, "returned": 1}
    assert describe({**facts, "event": "revised"}) == (
        "changed   a.md: 1 memory kept, 2 superseded, 3 lost one source of several, 1 came back"
    )
    assert describe({**facts, "event": "missing", "memories": 0}).endswith("no memory rests on it")
    dropped = {"forgotten": 2, "thinned": 1, "pinned": 1}
    assert describe({**facts, **dropped, "event": "dropped"}) == (
        "forget    a.md is no longer there: 2 memories forgotten, "
        "2 kept: pinned, or also in another document"
    )
