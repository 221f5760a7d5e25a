"""Dialogues as documents: LoCoMo's sessions, MemoryBank's days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.bench.loading import load
from ingrained.errors import ExamError

TURNS_1 = [
    {"speaker": "Ann", "dia_id": "D1:1", "text": "I moved to Bern."},
    {"speaker": "Bo", "dia_id": "D1:2", "text": "Look!", "blip_caption": "a red bike"},
]
TURNS_2 = [{"speaker": "Bo", "dia_id": "D10:1", "text": "I sold it."}]


def asked(question: str, answer: Any, category: int, *evidence: str) -> dict[str, Any]:
    return {
        "question": question, "answer": answer, "category": category, "evidence": list(evidence),
    }  # fmt: skip


QUESTIONS = [
    asked("Where did Ann move?", "Bern", 4, "D1:1"),
    asked("When did Ann move?", 2023, 2, "D1:1", "D1:2"),
    asked("What became of the bike?", "sold", 1, "D1:2; D10:1"),
    {"question": "Where did Bo move?", "category": 5, "evidence": ["D1:1"],
     "adversarial_answer": "Bern"},
    asked("Does Ann like towns?", "Likely yes", 3),
]  # fmt: skip


def sample(label: str, **changed: Any) -> dict[str, Any]:
    conversation = {
        "speaker_a": "Ann", "speaker_b": "Bo",
        "session_10_date_time": "9 am on 3 June, 2023", "session_10": TURNS_2,
        "session_1_date_time": "1 pm on 8 May, 2023", "session_1": TURNS_1,
        "session_11_date_time": "never held",
    }  # fmt: skip
    talk = f"{label} it was."
    conversation["session_2"] = [{"speaker": "Ann", "dia_id": "D2:1", "text": talk}]
    return {"sample_id": label, "conversation": conversation, "qa": QUESTIONS, **changed}


def locomo(folder: Path, *samples: Any) -> Path:
    (folder / "locomo").mkdir(exist_ok=True)
    (folder / "locomo" / "locomo10.json").write_text(json.dumps(samples))
    return folder


def test_a_session_is_a_document_that_tells_its_date(tmp_path: Path) -> None:
    one = load("locomo/1", locomo(tmp_path, sample("conv-1")))
    assert [document.id for document in one.documents] == [
        "conv-1/session-01", "conv-1/session-02", "conv-1/session-10",
    ]  # fmt: skip
    assert one.documents[0].title == "Ann and Bo, 1 pm on 8 May, 2023"
    assert one.documents[0].text == (
        "Ann and Bo, 1 pm on 8 May, 2023\n\n"
        "Ann: I moved to Bern.\nBo: Look! [shares a photo: a red bike]"
    )


def test_questions_bear_their_category_and_the_session_that_answers_them(tmp_path: Path) -> None:
    one = load("locomo/1", locomo(tmp_path, sample("conv-1")))
    first = one.documents[0].key
    assert [(item.topic, item.answers, item.document) for item in one.items] == [
        ("single-hop", ("Bern",), first),
        ("temporal", ("2023",), first),
        ("multi-hop", ("sold",), ""),
        ("adversarial", (), first),
        ("open-domain", ("Likely yes",), ""),
    ]


def test_conversations_are_read_one_by_one_or_all(tmp_path: Path) -> None:
    data = locomo(tmp_path, sample("conv-1"), sample("conv-2", conversation={"session_1": TURNS_2}))
    assert [one.id for one in load("locomo/2", data).documents] == ["conv-2/session-01"]
    assert load("locomo/2", data).name == "locomo/2"


def test_all_conversations_are_kept_apart_by_their_ids(tmp_path: Path) -> None:
    other = {"session_1": [{"speaker": "Cy", "dia_id": "D1:1", "text": "Hello."}]}
    whole = load("locomo", locomo(tmp_path, sample("conv-1"), sample("conv-2", conversation=other)))
    assert (len(whole.documents), len(whole.items)) == (4, 10)


@pytest.mark.parametrize(
    ("samples", "part", "wrong"),
    [
        ([sample("c")], "2", "no conversation '2'"),
        ([sample("c")], "x", "no conversation 'x'"),
        ([{"qa": []}], "1", r"0\.conversation: Field required"),
        ([sample("c", conversation={"session_1": [{"text": "Hi"}]})], "1", "session 1: 0.speaker"),
        ([sample("c", qa=[asked("?", "yes", 6)])], "1", "unknown category 6"),
        ([sample("c", qa=[asked("?", None, 1)])], "1", "question 0 has no answer"),
        ([sample("c", qa=[])], "1", "no questions"),
    ],
)
def test_what_is_no_locomo_is_refused_with_its_place(
    tmp_path: Path, samples: list[Any], part: str, wrong: str
) -> None:
    with pytest.raises(ExamError, match=wrong) as caught:
        load(f"locomo/{part}", locomo(tmp_path, *samples))
    assert caught.value.hint


def test_a_broken_or_missing_file_is_named(tmp_path: Path) -> None:
    locomo(tmp_path, sample("c"))
    path = tmp_path / "locomo" / "locomo10.json"
    path.write_text('[\n{"qa": }]')
    with pytest.raises(ExamError, match=r"locomo10\.json, line 2: not JSON"):
        load("locomo/1", tmp_path)
    path.unlink()
    with pytest.raises(ExamError, match="0 files locomo"):
        load("locomo/1", tmp_path)


def memorybank(folder: Path, questions: dict[str, list[str]]) -> Path:
    days = {"2023-04-27": [{"query": "I ran.", "response": "How far?"}], "2023-04-28": []}
    people = {" Jason ": {"history": days}, "Lucy": {"history": {"2023-04-27": [
        {"query": "I sang.", "response": "What?"}]}}}  # fmt: skip
    place = folder / "memorybank" / "en"
    place.mkdir(parents=True)
    (place / "memory_bank_en.json").write_text(json.dumps(people))
    rows = [json.dumps({name: asked}) for name, asked in questions.items()]
    (place / "probing_questions_en.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def test_a_day_of_dialogue_is_a_document_and_nobody_knows_the_answers(tmp_path: Path) -> None:
    bank = load("memorybank/en", memorybank(tmp_path, {"Jason": ["What did I do?"], "Lucy": []}))
    assert [one.id for one in bank.documents] == ["Jason/2023-04-27", "Lucy/2023-04-27"]
    assert bank.documents[0].text == "Jason, 2023-04-27\n\nJason: I ran.\nAI: How far?"
    assert [(item.topic, item.answers) for item in bank.items] == [("Jason", ())]
    assert not bank.gold


def test_one_person_can_be_asked_alone(tmp_path: Path) -> None:
    data = memorybank(tmp_path, {"Jason": ["What did I do?"], "Lucy": ["And I?"]})
    lucy = load("memorybank/en/Lucy", data)
    assert [one.id for one in lucy.documents] == ["Lucy/2023-04-27"]
    assert [one.question for one in lucy.items] == ["And I?"]


def test_parts_and_people_that_are_not_there_are_refused(tmp_path: Path) -> None:
    data = memorybank(tmp_path, {"Jason": ["?"], "Nobody": ["?"]})
    with pytest.raises(ExamError, match="entry 2: no dialogues of 'Nobody'"):
        load("memorybank/en", data)
    with pytest.raises(ExamError, match="no person 'Bob'") as caught:
        load("memorybank/en/Bob", data)
    assert caught.value.hint == "There are Jason, Lucy."
    for part in ("", "/fr"):
        with pytest.raises(ExamError, match="has no part"):
            load(f"memorybank{part}", data)
    with pytest.raises(ExamError, match="memory_bank_cn"):
        load("memorybank/cn", data)


@pytest.mark.parametrize("name", ["locomo/1", "memorybank/en"])
def test_what_is_on_no_hub_says_where_it_is(name: str) -> None:
    with pytest.raises(ExamError, match="not on the hub") as caught:
        load(name)
    assert "github.com" in caught.value.hint
    assert "--data" in caught.value.hint
