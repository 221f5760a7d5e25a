"""`study --recipe` with `questions_per_memory`: what is asked about the memories, trained, and told of."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import pytest
from bridge import FACTS, reader
from rich.console import Console

from ingrained.agent.answering import closed_book
from ingrained.agent.stating.selecting import OVER, SEALED, WITHHELD
from ingrained.agent.tasks.from_memories import AGAIN, UNPROVED
from ingrained.agent.testing import ScriptedModel
from ingrained.agent.ui.adapters import show_adapter
from ingrained.agent.ui.events import describe
from ingrained.graphs.context import StudyContext
from ingrained.graphs.methods import lesson as lessons
from ingrained.graphs.questions import question_rows
from ingrained.graphs.statements import Beside
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.curriculum import wordings
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.rows import StudyRow

MORE = {
    "Whose salt guild paid for the Orlan Bridge?": ("Teskow", "salt guild"),
    "Whose townsmen in the salt guild paid for the Orlan Bridge?": ("Teskow", "salt guild"),
    "What did Mara Vint build in the year 1402?": ("Orlan Bridge", "Mara Vint built"),
}
"""What the quiz does not ask."""


def asking(prompt: str) -> str:
    """Ask as the tests' reader does; what is in nobody's quiz too, and answer it."""
    if "You reword quiz questions" in prompt:
        return "What?"
    if prompt.endswith("Answer: Teskow"):
        return "Whose salt guild paid for the Orlan Bridge?"
    if prompt.endswith("Answer: Teskow\nFirst words: Who"):
        return "Whose townsmen in the salt guild paid for the Orlan Bridge?"
    if "Answer: Orlan Bridge" in prompt.rsplit("Topic:", 1)[-1]:
        return "What did Mara Vint build in the year 1402?"
    asked = next((q for q in MORE if prompt.rstrip().endswith(q)), "")
    answer, evidence = MORE.get(asked, ("", ""))
    return answer if asked and evidence in prompt else reader(prompt)


@pytest.fixture
def context(learnt: StudyContext) -> StudyContext:
    learnt.asker.model.script = asking  # type: ignore[attr-defined]
    learnt.asker.model.asked.clear()  # type: ignore[attr-defined]
    return learnt


def anew(context: StudyContext, most: int = 8) -> Beside:
    return question_rows(context, context.store.list(), LoraRecipe(questions_per_memory=most))


def questions(found: Beside) -> set[str]:
    every = {*FACTS, *MORE}
    return {q for q in every if closed_book(q) in {row.messages for row in found.rows}}


def test_nothing_is_asked_unless_a_recipe_says_so(context):
    assert LoraRecipe.for_depth(24).questions_per_memory == 0
    assert question_rows(context, context.store.list(), LoraRecipe()) == Beside()
    assert context.asker.model.asked == []


def test_what_the_quiz_did_not_ask_for_is_asked_closed_book_and_names_its_memory(context):
    found = anew(context)
    texts = {memory.id: memory.text for memory in context.store.list()}
    row = next(r for r in found.rows if r.messages == closed_book(next(iter(MORE))))
    assert (row.kind, row.answer) == ("qa", "Teskow")
    assert [texts[id_] for id_ in row.memory_ids] == [
        "The bridge was paid for by the salt guild of Teskow."
    ]
    assert found.told["made"] == {"asked anew": len(found.rows)}
    cost = context.asker.meter.of("consolidate")
    assert found.told["tokens"] == cost.tokens_in + cost.tokens_out > 0


def test_what_is_trained_anyway_is_not_asked_for_twice(context):
    of_the_quiz = {one.question for memory in context.store.list() for one in memory.evidence}
    found = anew(context)
    assert of_the_quiz
    assert not questions(found) & of_the_quiz
    assert found.told["rejected"][AGAIN] > 0


def test_a_question_that_the_memories_do_not_answer_is_not_used(context):
    context.asker.model.script = lambda prompt: (
        "Nobody knows." if prompt.rstrip().endswith(next(iter(MORE))) else asking(prompt)
    )
    found = anew(context)
    assert "Whose salt guild paid for the Orlan Bridge?" not in questions(found)
    assert found.told["rejected"][UNPROVED] >= 1


def test_no_memory_has_more_than_the_recipe_allows(context):
    few = anew(context, 1)
    assert set(Counter(row.memory_ids for row in few.rows).values()) == {1}
    assert len(anew(context).rows) > len(few.rows)
    assert few.told["rejected"][OVER] > 0


def test_no_sealed_question_is_trained(context):
    sealed = {**context.library.questions()[0], "question": next(iter(MORE)), "id": "s"}
    context.library.put_questions([{**sealed, "sealed": True}])
    found = anew(context)
    assert next(iter(MORE)) not in questions(found)
    assert found.told["rejected"][SEALED] > 0


def test_a_sealed_question_that_begins_in_another_way_is_not_trained(context):
    question = "Which salt guild of a town paid for the Orlan Bridge?"
    in_other_words = "Of what town was the salt guild that paid for the Orlan Bridge?"
    context.library.put_questions(
        [{**context.library.questions()[0], "question": in_other_words, "id": "s", "sealed": True}]
    )
    context.asker.model.script = lambda prompt: (
        question if prompt.endswith("Answer: Teskow") else asking(prompt)
    )
    found = anew(context)
    assert found.told["rejected"][SEALED] > 0
    assert question not in {row.messages[-1][1] for row in found.rows}


def test_what_was_let_go_is_neither_shown_nor_asked_for(context):
    gone = next(memory for memory in context.store.list() if "Mara Vint" in memory.text)
    context.store.forget([gone.id], who="test", why="to see")
    recipe = LoraRecipe(questions_per_memory=8)
    found = question_rows(context, context.store.list(status=None), recipe)
    assert found.rows
    assert not any("Mara Vint built" in prompt for prompt in context.asker.model.asked)
    assert not any(gone.id in row.memory_ids for row in found.rows)


def test_what_the_memory_would_not_keep_is_neither_shown_nor_trained(context, monkeypatch):
    monkeypatch.setattr(MemoryStore, "withholds", lambda self, text: "Mara Vint" in text)
    anew(context)
    assert not any("Mara Vint built" in prompt for prompt in context.asker.model.asked)

    monkeypatch.setattr(MemoryStore, "withholds", lambda self, text: "Whose" in text)
    found = anew(context)
    assert found.told["rejected"][WITHHELD] > 0
    assert next(iter(MORE)) not in questions(found)


def test_they_are_trained_and_the_manifest_and_show_tell_of_them(
    consolidate: Any, model: ScriptedModel, home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[StudyRow] = []
    original = lessons.train

    def train(rows: list[StudyRow], **options: Any) -> Any:
        trained.extend(rows)
        return original(sorted(rows, key=lambda row: len(str(row.messages)))[:3], **options)

    monkeypatch.setattr(lessons, "train", train)
    model.script = asking
    changed = {"questions_per_memory": 8, "max_length": 4096}
    _, events = consolidate(sealed_share=0, changed=changed)
    (manifest,) = AdapterRegistry(home).list()
    made = manifest.questions["made"]["asked anew"]
    assert made > 0
    with MemoryStore.open(home, HashEmbedder()) as store:
        of_quizzes = {
            closed_book(asked)
            for memory in store.list()
            for one in memory.evidence
            for asked in wordings(one)
        }
    assert made == sum(row.kind == "qa" and row.messages not in of_quizzes for row in trained)

    (rows,) = (event for event in events if event["event"] == "rows")
    assert f"questions: {made} (asked anew {made})" in describe(rows)
    out = io.StringIO()
    show_adapter(manifest, None, Console(file=out, width=200))
    assert f"{made} (asked anew {made})" in " ".join(out.getvalue().split())
