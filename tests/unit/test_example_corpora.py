"""The two corpora that come with the repository can be trusted to measure something.

`examples/` is the demonstration and stays held out; `benchmarks/dev/` is for tuning. They have the
same shape and no name in common, so that nothing tuned on one can leak into the other.
"""

import calendar
import re
from collections import Counter
from pathlib import Path

import pytest

from ingrained.agent.exam import Exam, Item, read_exam
from ingrained.agent.grading import contains, words
from ingrained.agent.reading.corpus import read_corpus

ROOT = Path(__file__).parents[2]
FOLDERS = ("examples", "benchmarks/dev")
TOPICS = {
    "examples": {"recall": 22, "paraphrase": 14, "reverse": 9, "two-hop": 7, "unanswerable": 8},
    "benchmarks/dev": {
        "recall": 42, "paraphrase": 34, "reverse": 21, "two-hop": 19, "unanswerable": 8,
    },
}  # fmt: skip
MONTHS = set(calendar.month_name)

Case = tuple[dict[str, str], Exam]


def texts(folder: str) -> dict[str, str]:
    return {
        document.id: document.text for document in read_corpus([ROOT / folder / "corpus"]).documents
    }


@pytest.fixture(params=FOLDERS)
def case(request: pytest.FixtureRequest) -> Case:
    return texts(request.param), read_exam(ROOT / request.param / "exam.jsonl")


def answerable(exam: Exam) -> list[Item]:
    return [item for item in exam.items if item.topic != "unanswerable"]


def names(documents: dict[str, str]) -> set[str]:
    """Capitalised words that do not open a sentence."""
    found = re.findall(r"(?<=[a-z,] )[A-Z][a-z]+", "\n".join(documents.values()))
    return set(found) - MONTHS


def test_three_documents_of_about_five_hundred_words(case: Case):
    sizes = [len(re.findall(r"[\w'-]+", text)) for text in case[0].values()]
    assert len(sizes) == 3
    assert min(sizes) >= 440
    assert 1450 <= sum(sizes) <= 1550


@pytest.mark.parametrize("folder", FOLDERS)
def test_questions_in_fixed_proportions_none_asked_twice(folder: str):
    exam = read_exam(ROOT / folder / "exam.jsonl")
    assert Counter(item.topic for item in exam.items) == TOPICS[folder]
    distinct = {" ".join(words(item.question)) for item in exam.items}
    assert len(distinct) == len(exam.items)


def test_ids_count_up_in_the_order_of_the_file(case: Case):
    _, exam = case
    prefix = exam.items[0].id.rpartition("-")[0]
    assert [i.id for i in exam.items] == [f"{prefix}-{n:02}" for n in range(1, len(exam.items) + 1)]


def test_the_first_accepted_answer_stands_in_its_document(case: Case):
    documents, exam = case
    astray = [
        item.id
        for item in answerable(exam)
        if item.answers[0].lower() not in documents[item.document].lower()
        or not contains(documents[item.document], item.answers[0])
    ]
    assert astray == []


def test_no_question_gives_its_answer_away(case: Case):
    _, exam = case
    leaks = [
        item.id
        for item in exam.items
        if any(contains(item.question, answer) for answer in item.answers)
    ]
    assert leaks == []


def test_answers_are_short_but_never_hit_by_accident(case: Case):
    _, exam = case
    for item in answerable(exam):
        assert all(len(words(answer)) <= 7 for answer in item.answers), item.id
        assert all(len(answer) >= 2 for answer in item.answers), item.id
        assert len({answer.lower() for answer in item.answers}) == len(item.answers), item.id


def test_only_unanswerable_questions_have_no_answers(case: Case):
    _, exam = case
    assert all(bool(item.answers) == (item.topic != "unanswerable") for item in exam.items)


def test_questions_stand_alone(case: Case):
    _, exam = case
    vague = re.compile(r"\b(document|text|passage|article|section)\b", re.IGNORECASE)
    subject = re.compile(r"(?<!^)[A-Z]|varrolune|brellowroot|copper collar|lirrograph")
    for item in exam.items:
        assert item.question.endswith("?"), item.id
        assert not vague.search(item.question), item.id
        assert subject.search(item.question), item.id


def test_questions_are_spread_over_the_documents_and_their_paragraphs(case: Case):
    documents, exam = case
    per_document = Counter(item.document for item in answerable(exam))
    assert set(per_document) == set(documents)
    assert min(per_document.values()) >= 16
    for name, text in documents.items():
        answers = [item.answers[0] for item in answerable(exam) if item.document == name]
        paragraphs = [part for part in text.split("\n\n") if len(part) > 200]
        assert len(paragraphs) >= 6
        for paragraph in paragraphs:
            assert sum(contains(paragraph, answer) for answer in answers) >= 2, paragraph[:60]


def test_the_two_corpora_share_no_name_and_no_question():
    demo, dev = (texts(folder) for folder in FOLDERS)
    assert len(names(demo)) > 30
    assert names(demo) & names(dev) == set()
    questions = [
        {item.question for item in read_exam(ROOT / folder / "exam.jsonl").items}
        for folder in FOLDERS
    ]
    assert questions[0] & questions[1] == set()
