"""What a study would do and cost, worked out without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingrained.agent.notes import candidate_notes
from ingrained.agent.quizzing import targets
from ingrained.agent.reading.corpus import read_corpus
from ingrained.agent.reading.documents import Passage
from ingrained.agent.reading.passages import estimate_tokens, split
from ingrained.graphs.context import StudyPolicy

PROMPT_TOKENS = 70
"""Fixed part of a prompt with its reply: instructions, question, answer."""
USABLE = 0.6
"""Share of the questions asked for that reach the attempts, as seen with the default model."""
TOKENS_PER_SECOND = 600.0
"""In and out together: the default model on two cores. Replaced by this home's own last run."""


def estimate(
    paths: Sequence[Path], policy: StudyPolicy, runs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Read and split the corpus; return what would be studied and about what it would cost.

    Args:
        paths: The corpus.
        policy: How it would be studied.
        runs: Records of earlier runs in this home: the last one tells the speed.
    """
    corpus = read_corpus(paths)
    documents, questions, tokens = [], 0, 0.0
    for document in corpus.documents:
        passages = split(document, max_tokens=policy.passage_tokens)
        asked = [_questions(passage, policy) for passage in passages]
        cost = [_tokens(passage, n) for passage, n in zip(passages, asked, strict=True)]
        questions, tokens = questions + sum(asked), tokens + sum(cost)
        documents.append({
            "id": document.id, "title": document.title, "characters": len(document.text),
            "passages": len(passages), "questions": sum(asked),
        })  # fmt: skip
    speed, measured = _speed(runs)
    return {
        "documents": documents,
        "passages": sum(one["passages"] for one in documents),
        "skipped": [item.to_dict() for item in corpus.skipped],
        "questions": questions,
        "tokens": round(tokens),
        "seconds": round(tokens / speed),
        "speed": {"tokens_per_second": round(speed), "measured": measured},
        "training": policy.consolidate,
    }


def _questions(passage: Passage, policy: StudyPolicy) -> int:
    notes = [note.text[note.focus :] for note in candidate_notes(passage.text)]
    return len(
        targets(notes, per_note=policy.answers_per_note, openers_each=policy.openers_per_answer)
    )


def _tokens(passage: Passage, questions: int) -> float:
    """One call to ask; of the usable, two open-book, one closed-book and one with five notes."""
    size = estimate_tokens(passage.text)
    note = size / max(1, len(candidate_notes(passage.text)))
    asking = note + 2 * PROMPT_TOKENS
    answering = 2 * (size + PROMPT_TOKENS) + PROMPT_TOKENS + (5 * note + PROMPT_TOKENS)
    return questions * (asking + USABLE * answering)


def _speed(runs: Sequence[Mapping[str, Any]]) -> tuple[float, bool]:
    for run in reversed(runs):
        phases = [p for name, p in run["phases"].items() if name not in ("consolidate", "plan")]
        seconds = sum(phase["seconds"] for phase in phases)
        tokens = sum(phase["tokens_in"] + phase["tokens_out"] for phase in phases)
        if seconds > 1 and tokens:
            return tokens / seconds, True
    return TOKENS_PER_SECOND, False
