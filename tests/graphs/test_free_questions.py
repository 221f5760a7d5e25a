"""A note that offers nothing to ask for is asked about freely, and answers for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from bridge import reader

from ingrained.agent.mechanisms import DEFAULT_MECHANISMS
from ingrained.agent.quizzing import answers_in
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

FREE = DEFAULT_MECHANISMS - {"cloze"} | {"free-recall"}
NOTE = "Boats wait until somebody on the far shore rings the old bell twice and then waves."
QUESTION = "What do boats at the Toll wait for?"
ANSWER = "somebody on the far shore"
FREELY = "Ask one question that the sentence answers"


@pytest.fixture
def home(tmp_path: Path, corpus: Path) -> Path:
    (corpus / "toll.md").write_text(f"# Toll\n\n{NOTE}", encoding="utf-8")
    return tmp_path / "home"


def curious(question: str = QUESTION, answer: str = ANSWER, known: bool = False):
    """Return a script that asks this about the note, and answers this where it is in view."""

    def script(prompt: str) -> str:
        if FREELY in prompt:
            return question if NOTE in prompt else "Nothing."
        if prompt.rstrip().endswith(question):
            return answer if known or NOTE in prompt else "I don't know."
        return reader(prompt)

    return script


def kept(home: Path) -> list[Memory]:
    """Return the memories of the page about the toll."""
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return store.list(document="toll.md")


def test_a_note_without_a_question_is_kept_by_a_free_one(study, model, home):
    assert answers_in(NOTE) == []
    model.script = curious()
    study(mechanisms=FREE)

    (memory,) = kept(home)
    (evidence,) = memory.evidence
    assert memory.text == NOTE
    assert (evidence.question, evidence.answer) == (QUESTION, ANSWER)
    assert (evidence.passed_before, evidence.passed_after) == (False, True)


def test_only_notes_without_a_question_are_asked_about_freely(study, model, home):
    model.script = curious()
    study(mechanisms=FREE)

    free = [prompt.rsplit("Topic: ", 1)[-1] for prompt in model.asked if FREELY in prompt]
    assert free == [f"Toll\nSentence: {NOTE}"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Nothing comes to mind.", ANSWER),
        ("What does the text say that boats wait for?", ANSWER),
        ("What do boats in Teskow wait for?", ANSWER),
        ("Do boats wait for somebody on the far shore?", ANSWER),
        (QUESTION, "a goat"),
        (QUESTION, "somebody on the far shore rings the old bell twice and then waves"),
        (QUESTION, ""),
    ],
)
def test_neither_a_faulty_question_nor_an_answer_of_its_own_is_kept(
    study, model, home, question, answer
):
    model.script = curious(question, answer)
    study(mechanisms=FREE)

    assert any(FREELY in prompt for prompt in model.asked)
    assert kept(home) == []


def test_a_free_question_is_tried_like_any_other(study, model, home):
    model.script = curious(known=True)
    result, _ = study(mechanisms=FREE)

    assert any(prompt == f"Answer in a few words.\n{QUESTION}" for prompt in model.asked)
    assert kept(home) == []
    assert result.state["kept"] == 4
