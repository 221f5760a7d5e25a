"""Study rows made of memories: pure, and the same for the same memories and seed.

Training on one wording teaches the wording; several wordings of a question, and the blank in the
statement it rests on, teach the fact (Allen-Zhu & Li 2023, part 3.1).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingrained.memory.records import Evidence, Memory

from .rows import RowKind, StudyRow

WORDINGS = 8
"""Most wordings of one question."""

Messages = tuple[tuple[str, str], ...]


def build_rows(
    memories: Sequence[Memory],
    *,
    closed_book: Callable[[str], Messages],
    open_book: Callable[[str, str], Messages] | None = None,
    seed: int,
) -> list[StudyRow]:
    """Return the curriculum, shuffled, each prompt and answer once.

    Args:
        memories: Only the active ones are used.
        closed_book: Renders the exact prompt that a question will be asked with.
        open_book: Renders the prompt that a text and a question are put to a teacher with; rows
            have no source without it, nor where the memory did not lead to the answer.
        seed: Of the shuffle.
    """
    rows: list[StudyRow] = []
    for memory in sorted(memories, key=lambda memory: memory.id):
        if memory.status != "active":
            continue
        rows += [
            _row(asked, memory, closed_book, open_book)
            for asked in (*_questions(memory), *_blanks(memory))
        ]
    rows = _merged(rows)
    random.Random(seed).shuffle(rows)
    return rows


def text_row(
    title: str, text: str, *, memory_ids: Sequence[str] = (), weight: float = 1.0
) -> StudyRow:
    """Return a row that learns a text as it stands, after its title.

    The title says what "it" and "the bridge" are once the document is out of view (SEAL, arXiv
    2506.10943, puts it before every statement).
    """
    return StudyRow(
        messages=(), answer=f"{title}\n{text}" if title else text, kind="text",
        memory_ids=tuple(memory_ids), weight=weight,
    )  # fmt: skip


def data_sha256(rows: Sequence[StudyRow]) -> str:
    """Return a SHA-256 over everything in the rows, in order."""
    text = json.dumps([dataclasses.asdict(row) for row in rows], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Asked:
    question: str
    answer: str
    kind: RowKind
    proved: bool
    """Answered rightly with the memory in view: what a teacher may be asked."""


def wordings(evidence: Evidence) -> tuple[str, ...]:
    """Return the wordings of a question that are trained, its own first, each once."""
    return tuple(dict.fromkeys([evidence.question, *evidence.phrasings]))[:WORDINGS]


def _questions(memory: Memory) -> Iterator[_Asked]:
    for evidence in memory.evidence:
        for question in wordings(evidence):
            yield _Asked(
                question=question, answer=evidence.answer, kind="qa", proved=evidence.passed_after
            )


def _blanks(memory: Memory) -> Iterator[_Asked]:
    proved = {evidence.answer for evidence in memory.evidence if evidence.passed_after}
    for answer in dict.fromkeys(evidence.answer for evidence in memory.evidence):
        if answer and memory.text.count(answer) == 1 and answer != memory.text:
            blanked = memory.text.replace(answer, "____")
            about = f" ({memory.title})" if memory.title else ""
            question = f"Fill in the blank{about}: {blanked}"
            yield _Asked(question=question, answer=answer, kind="cloze", proved=answer in proved)


def _row(
    asked: _Asked,
    memory: Memory,
    closed_book: Callable[[str], Messages],
    open_book: Callable[[str, str], Messages] | None,
) -> StudyRow:
    text = f"{memory.title}\n\n{memory.text}" if memory.title else memory.text
    return StudyRow(
        messages=closed_book(asked.question),
        answer=asked.answer,
        kind=asked.kind,
        memory_ids=(memory.id,),
        source=open_book(text, asked.question) if open_book and asked.proved else (),
    )


def _merged(rows: Sequence[StudyRow]) -> list[StudyRow]:
    """Drop repeated rows; the one that stays carries the memories of all."""
    kept: dict[tuple[Messages, str], StudyRow] = {}
    for row in rows:
        key = (row.messages, row.answer)
        first = kept.get(key)
        ids = dict.fromkeys((*(first.memory_ids if first else ()), *row.memory_ids))
        kept[key] = dataclasses.replace(first or row, memory_ids=tuple(ids))
    return list(kept.values())
