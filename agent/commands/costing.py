"""About how many tokens each part of a study takes, from what it would read.

The prompts are measured as they are; the shares are those of measured runs of the default model on
the corpora of `examples/` and `benchmarks/dev/`. A test compares the sum with benchmarks/results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingrained.agent.answering import closed_book, open_book, with_memory
from ingrained.agent.notes import candidate_notes
from ingrained.agent.prompts import Messages, load
from ingrained.agent.quizzing import targets
from ingrained.agent.reading.documents import Passage
from ingrained.agent.reading.passages import estimate_tokens
from ingrained.graphs.context import StudyPolicy

TURN_TOKENS = 6
"""What a chat template adds to each turn."""
QUESTION_TOKENS = 16
ANSWER_TOKENS = 11
NOTE_TOKENS = 34
"""A note with its heading, and the sentence before it where it leans on that."""

ASKED_AGAIN = 0.31
"""Come out unusable and are asked for once more."""
OPENED = 2.95
"""Calls with a passage in view: round trip and votes, of questions made from others too."""
CLOSED = 1.18
"""Calls with nothing in view, gaps among them."""
RECALLED = 1.26
"""Calls with a note in view."""
SEALED = 0.03
KEPT = 0.44
"""Memories. All these are for each question with a chosen answer that is asked for."""
PASSAGES_READ = 2.1
"""Passages read for a question: those near the best, to order them, and what is shown in the end."""
RECALLING = 2
"""Prompts that they stand in."""
TRAINED_TOKENS = 930
"""Trained on for each memory, over all epochs of the default recipe."""
REPLAYED_TOKENS = 30_800
"""Of its replay, whatever is remembered."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What there is to study."""

    passages: int = 0
    notes: int = 0
    questions: int = 0
    tokens: float = 0.0

    def __add__(self, other: Load) -> Load:
        return Load(
            passages=self.passages + other.passages,
            notes=self.notes + other.notes,
            questions=self.questions + other.questions,
            tokens=self.tokens + other.tokens,
        )


def load_of(passage: Passage, policy: StudyPolicy) -> Load:
    """Return what studying a passage means; the questions are those that would be asked for."""
    notes = [note.text[note.focus :] for note in candidate_notes(passage.text)]
    asked = targets(notes, per_note=policy.answers_per_note)
    return Load(
        passages=1,
        notes=len(notes),
        questions=len(asked),
        tokens=study_tokens(questions=len(asked), size=estimate_tokens(passage.text)),
    )


def study_tokens(*, questions: int, size: float) -> float:
    """Return the tokens of quiz, attempt and remember of one passage, in and out.

    Args:
        questions: With a chosen answer, that would be asked for.
        size: Tokens of the passage.
    """
    opened, closed = answering_tokens(open_book("", ""), size), answering_tokens(closed_book(""))
    asking = _prompt(_ask_for()) + NOTE_TOKENS + QUESTION_TOKENS
    filled = answering_tokens(load("fill_gap").render(text="", gap=""), NOTE_TOKENS)
    return questions * (
        (1 + ASKED_AGAIN) * asking + OPENED * opened + CLOSED * closed + RECALLED * filled
    )


def exam_tokens(questions: float, cells: Sequence[str], *, size: float, document: float) -> float:
    """Return the tokens of an examination.

    Args:
        questions: Asked in each cell.
        cells: Of `agent.exam.CELLS`.
        size: Tokens of a passage.
        document: Tokens of a document, for the cell `open`.
    """
    recalled = RECALLING * answering_tokens(with_memory([""], "")) + PASSAGES_READ * size
    alone = answering_tokens(closed_book(""))
    looked_up = answering_tokens(open_book("", ""), document)
    each = {"memory": recalled, "both": recalled, "open": looked_up}
    return questions * sum(each.get(cell, alone) for cell in cells)


def answering_tokens(prompt: Messages, shown: float = 0.0) -> float:
    """Return the tokens of a question and its answer.

    Args:
        prompt: Without question and text.
        shown: Tokens of the text.
    """
    return _prompt(prompt) + shown + QUESTION_TOKENS + ANSWER_TOKENS


def _prompt(prompt: Messages) -> float:
    return sum(estimate_tokens(content) + TURN_TOKENS for _, content in prompt)


def _ask_for() -> Messages:
    return load("ask_for").render(topic="", gapped="", answer="")
