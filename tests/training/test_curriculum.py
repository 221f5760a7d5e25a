"""From memories to study rows."""

from __future__ import annotations

import dataclasses

from ingrained.memory.records import Evidence, Memory
from ingrained.trainer.curriculum import build_rows, data_sha256, text_row
from ingrained.trainer.rows import StudyRow

EVIDENCE = Evidence(
    question="Who built the mill?", answer="Tamsin", passed_before=False, passed_after=True,
    phrasings=("By whom was the mill built?", "Who built the mill?"),
)  # fmt: skip
BURNT = Evidence(
    question="Who burnt the mill?", answer="Dastan", passed_before=False, passed_after=True
)
MEMORY = Memory(
    id="m1", text="Tamsin built the mill at Orvel.", title="Orvel", evidence=(EVIDENCE,)
)


def closed_book(question: str) -> tuple[tuple[str, str], ...]:
    return (("system", "Answer."), ("user", question))


def rows_of(*memories: Memory, seed: int = 0) -> list[StudyRow]:
    return build_rows(memories, closed_book=closed_book, seed=seed)


def asked(rows: list[StudyRow], kind: str) -> set[tuple[str, str]]:
    return {(row.messages[-1][1], row.answer) for row in rows if row.kind == kind}


def test_each_wording_is_a_row_once() -> None:
    assert asked(rows_of(MEMORY), "qa") == {
        ("Who built the mill?", "Tamsin"),
        ("By whom was the mill built?", "Tamsin"),
    }


def test_the_answer_is_blanked_out_of_the_note() -> None:
    [(question, answer)] = asked(rows_of(MEMORY), "cloze")
    assert question == "Fill in the blank (Orvel): ____ built the mill at Orvel."
    assert answer == "Tamsin"


def test_every_row_says_which_memory_it_is_from_and_asks_closed_book() -> None:
    for row in rows_of(MEMORY):
        assert row.memory_ids == ("m1",)
        assert row.messages[0] == ("system", "Answer.")


def test_a_teacher_is_shown_the_memory_and_its_title_before_the_question() -> None:
    rows = build_rows(
        [MEMORY],
        closed_book=closed_book,
        open_book=lambda text, question: (("user", f"{text}|{question}"),),
        seed=0,
    )
    assert [dataclasses.replace(row, source=()) for row in rows] == rows_of(MEMORY)
    for row in rows:
        told = f"Orvel\n\nTamsin built the mill at Orvel.|{row.messages[-1][1]}"
        assert row.source == (("user", told),)


def test_no_teacher_is_asked_what_the_memory_did_not_answer() -> None:
    failed = dataclasses.replace(BURNT, passed_after=False)
    memory = dataclasses.replace(MEMORY, text="Dastan burnt the mill.", evidence=(failed,))
    rows = build_rows(
        [memory], closed_book=closed_book, open_book=lambda *_: (("user", "x"),), seed=0
    )
    assert {row.kind for row in rows} == {"qa", "cloze"}
    assert {row.source for row in rows} == {()}


def test_only_active_memories_are_studied() -> None:
    gone = [dataclasses.replace(MEMORY, status=status) for status in ("forgotten", "superseded")]
    assert rows_of(*gone) == []


def test_the_same_memories_and_seed_give_the_same_rows_in_any_order() -> None:
    other = dataclasses.replace(MEMORY, id="m2", text="Dastan burnt the mill.", evidence=(BURNT,))
    assert rows_of(MEMORY, other) == rows_of(other, MEMORY)
    assert data_sha256(rows_of(MEMORY, other)) == data_sha256(rows_of(other, MEMORY))
    assert data_sha256(rows_of(MEMORY, other)) != data_sha256(rows_of(MEMORY))


def test_a_row_that_two_memories_give_is_kept_once_with_both_names() -> None:
    twin = dataclasses.replace(MEMORY, id="m2", text="The mill at Orvel is Tamsin's.")
    shared = [row for row in rows_of(MEMORY, twin) if row.kind == "qa"]
    assert {row.memory_ids for row in shared} == {("m1", "m2")}
    assert len(shared) == 2


def test_text_that_looks_like_a_template_is_left_alone() -> None:
    odd = dataclasses.replace(MEMORY, text="Tamsin paid {0} %s {{ x }}.")
    assert asked(rows_of(odd), "cloze") == {
        ("Fill in the blank (Orvel): ____ paid {0} %s {{ x }}.", "Tamsin")
    }


def test_a_text_is_learnt_as_it_stands_after_its_title() -> None:
    row = text_row("Orvel", "The mill stands.", memory_ids=["m1"], weight=0.5)
    assert row == StudyRow(
        messages=(), answer="Orvel\nThe mill stands.", kind="text", memory_ids=("m1",), weight=0.5
    )
    assert text_row("", "The mill stands.").answer == "The mill stands."
