"""The leak audit of a study: each closed-book prompt once, whoever replied and however often."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.agent.answering import closed_book, open_book
from ingrained.agent.asking import Asker
from ingrained.agent.bench.auditing import AuditedAsker, StudyAudit, read_audit
from ingrained.agent.replies import ReplyCache
from ingrained.agent.tasks.cloze import cloze
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import StoreError

MILL = "The mill at Teskow was built by Ada Kern in the year of the great flood."
FERRY = "The ferry at Orrel carries forty goats across the water every single morning."
ASKED = [closed_book("Who built the mill?"), closed_book("How many goats are carried?")]
NOTHING = {"prompts": 0, "leaks": [], "cloze": {"prompts": 0, "longest_run": 0}}


def audit(folder: Path) -> StudyAudit:
    return StudyAudit([MILL, FERRY], folder / "audit.jsonl")


def told(folder: Path) -> dict[str, object]:
    return read_audit(folder / "audit.jsonl")


def test_closed_book_prompts_only_are_heard_and_the_leak_is_found(tmp_path: Path) -> None:
    ear = audit(tmp_path)
    ear.hear([ASKED[0], open_book(MILL, "Who built the mill?")])
    assert told(tmp_path) == {**NOTHING, "prompts": 1}

    ear.hear([closed_book(f"{MILL} Who built it?")])
    found = told(tmp_path)
    assert found["prompts"] == 2
    (leak,) = found["leaks"]
    assert MILL in leak


def test_a_title_of_many_words_may_be_named_and_hides_no_text(tmp_path: Path) -> None:
    title = "A report on the mill at Teskow and on those who built it"
    text = f"{title}\n\n{MILL}"
    ear = StudyAudit([text], tmp_path / "audit.jsonl", titles=[title, "The mill at Teskow"])
    ear.hear([closed_book(f"Which words are missing in “built by … in the year” about {title}?")])
    assert told(tmp_path) == {
        "prompts": 1, "leaks": [], "cloze": {"prompts": 1, "longest_run": 2},
    }  # fmt: skip
    ear.hear([closed_book(f"Who, by {title}, does “{MILL}” tell of?")])
    ear.hear([closed_book("Is it so that the mill at Teskow was built by Ada Kern?")])
    assert len(told(tmp_path)["leaks"]) == 2  # type: ignore[arg-type]
    plain = StudyAudit([text], tmp_path / "plain.jsonl")
    plain.hear([closed_book(f"Who wrote {title}?")])
    assert len(read_audit(tmp_path / "plain.jsonl")["leaks"]) == 1


def test_a_prompt_counts_once_in_a_run_and_after_a_kill(tmp_path: Path) -> None:
    leaking = closed_book(f"{MILL} Who built it?")
    audit(tmp_path).hear([ASKED[0], leaking, ASKED[0]])
    at_once = told(tmp_path)
    audit(tmp_path).hear([ASKED[0], leaking])
    assert told(tmp_path) == at_once
    assert (at_once["prompts"], len(at_once["leaks"])) == (2, 1)


def test_a_line_that_a_kill_cut_takes_no_other_with_it(tmp_path: Path) -> None:
    audit(tmp_path).hear(ASKED)
    path = tmp_path / "audit.jsonl"
    path.write_text(path.read_text()[:-9])
    assert told(tmp_path)["prompts"] == 1

    audit(tmp_path).hear(ASKED)
    assert told(tmp_path) == {**NOTHING, "prompts": 2}


def test_nothing_was_heard_where_there_is_no_file(tmp_path: Path) -> None:
    assert told(tmp_path) == NOTHING


def test_prompts_whose_reply_was_kept_are_heard(tmp_path: Path) -> None:
    model = ScriptedModel(script={})
    with ReplyCache(tmp_path / "replies.sqlite") as replies:
        for run in ("one", "two"):
            (tmp_path / run).mkdir()
            asker = AuditedAsker(Asker(model, replies=replies), audit(tmp_path / run))
            asker.ask(ASKED, phase="attempt")
    assert len(model.asked) == len(ASKED)
    assert told(tmp_path / "one") == told(tmp_path / "two") == {**NOTHING, "prompts": 2}


def test_the_cost_is_booked_where_it_was_and_other_meters_are_heard_too(tmp_path: Path) -> None:
    asker = Asker(ScriptedModel(script={}))
    heard = AuditedAsker(asker, audit(tmp_path))
    heard.ask(ASKED[:1], phase="attempt")
    heard.metered_by(Asker(asker.model).meter).ask(ASKED, phase="attempt")
    assert asker.meter.of("attempt").calls == 1
    assert told(tmp_path)["prompts"] == 2


class Telling(ScriptedModel):
    """Tells likelihoods."""

    def likelihoods(self, prompt, replies, *, adapter=None):
        return [0.0 for _ in replies]


def test_a_prompt_that_is_put_for_its_likelihoods_is_heard(tmp_path: Path) -> None:
    AuditedAsker(Asker(Telling(script={})), audit(tmp_path)).choose(ASKED[0], ["a"], phase="exam")
    assert told(tmp_path)["prompts"] == 1


def test_cloze_questions_are_told_apart_with_what_they_show(tmp_path: Path) -> None:
    question = cloze("Teskow", MILL, "Ada Kern")
    assert question
    audit(tmp_path).hear([ASKED[0], closed_book(question)])
    shown = "mill at Teskow was built by"
    assert told(tmp_path) == {
        "prompts": 2,
        "leaks": [],
        "cloze": {"prompts": 1, "longest_run": len(shown.split())},
    }


def test_a_cloze_question_that_shows_too_much_is_a_leak_as_well(tmp_path: Path) -> None:
    audit(tmp_path).hear([closed_book(f"Which words are missing in “{FERRY} …” about Orrel?")])
    found = told(tmp_path)
    assert len(found["leaks"]) == 1
    assert found["cloze"] == {"prompts": 1, "longest_run": 11}


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    ear = StudyAudit([MILL], tmp_path / "none" / "audit.jsonl")
    with pytest.raises(StoreError, match=r"audit\.jsonl"):
        ear.hear(ASKED)
