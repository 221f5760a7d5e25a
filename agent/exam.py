"""A sealed exam: questions nobody on the learning side sees, sat in several cells.

Cells: `base` (weights alone), `memory` (recalled notes in the prompt), `adapter` (trained weights
alone), `both`, and `open` (the gold document in the prompt: the ceiling).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingrained.errors import ExamError

from .answering import closed_book, open_book, with_memory
from .asking import Asker
from .grading import Score, exact_match, score, words
from .grounding import ask_in
from .prompts import Messages
from .recalling import Excerpt

REPLY_TOKENS = 32
CELLS = ("base", "memory", "adapter", "both", "open")
RECALLING = ("memory", "both", "rag")
"""Cells that something is recalled in."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One exam question; no `answers` means that abstaining is right."""

    id: str
    question: str
    answers: tuple[str, ...]
    document: str = ""
    topic: str = ""
    choices: tuple[str, ...] = ()
    """Replies to choose from; one of them is right."""


@dataclass(frozen=True, kw_only=True)
class Exam:
    """A parsed exam file."""

    name: str
    items: tuple[Item, ...]
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Laid:
    """A question as it is put to the model in a cell."""

    item: Item
    prompt: Messages
    excerpts: tuple[Excerpt, ...] = ()
    """What was recalled for it; part of the prompt."""


@dataclass(frozen=True, kw_only=True)
class Graded:
    """One reply in one cell."""

    item: Item
    cell: str
    reply: str
    score: Score
    sources: tuple[str, ...] = ()
    """Ids of the memories that the excerpts shown for it rest on."""
    documents: tuple[str, ...] = ()
    """Ids of the documents that the excerpts shown for it are from."""
    chosen: str | None = None
    """The likeliest of the item's choices; None without choices or without likelihoods."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float
    n: int


Recall = Callable[[Sequence[str]], list[list[Excerpt]]]
"""Questions → for each, what is laid before the model, best first."""


def read_exam(path: Path) -> Exam:
    """Read a JSONL exam.

    Raises:
        ExamError: no such file, a line that does not parse, a missing field or a repeated id.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        hint = "Check the path of the exam: a file with a JSON object in each line."
        raise ExamError(f"no such file: {str(path)!r}", hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ExamError(f"cannot read the exam {str(path)!r}: {error}") from error
    return parse_exam(text, path.name, where=str(path))


def exam_of(rows: Iterable[Mapping[str, Any]], name: str = "exam") -> Exam:
    """Return an exam of questions that are in memory, each as a line of an exam file has it.

    Raises:
        ExamError: a question is not plain data, has no question or answers, or repeats an id.
    """
    try:
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    except (TypeError, ValueError, RecursionError) as error:
        raise ExamError(f"a question of the exam is not plain data: {error}") from error
    return parse_exam(text, name, where="the exam")


def parse_exam(text: str, name: str, *, where: str) -> Exam:
    """Return what the text of a JSONL exam holds.

    Args:
        text: An object a line.
        name: The exam's.
        where: What an error calls the text.

    Raises:
        ExamError: a line that does not parse, a missing field or a repeated id.
    """
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    items = tuple(_item(f"{where}, line {number}", line) for number, line in lines)
    ids = [item.id for item in items]
    if not items:
        raise ExamError(f"{where} has no questions")
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise ExamError(
            f"{where} has the id {twice!r} more than once",
            hint="Give each question an id of its own.",
        )
    return Exam(name=name, items=items, sha256=hashlib.sha256(text.encode()).hexdigest())


def _item(where: str, line: str) -> Item:
    try:
        row = json.loads(line)
        if not isinstance(row["answers"], list):
            raise ExamError(f'{where}: "answers" is not a list')
        if not str(row["question"] or "").strip():
            raise ExamError(f"{where}: the question is empty")
        return Item(
            id=str(row["id"]),
            question=str(row["question"]),
            answers=tuple(str(answer) for answer in row["answers"]),
            document=str(row.get("document") or ""),
            topic=str(row.get("topic") or ""),
            choices=_choices(row, where),
        )
    except (json.JSONDecodeError, AttributeError, TypeError, RecursionError) as error:
        raise ExamError(f"{where}: {error}") from error
    except KeyError as error:
        raise ExamError(f"{where}: the field {error.args[0]!r} is missing") from error


def _choices(row: dict[str, Any], where: str) -> tuple[str, ...]:
    choices = tuple(str(choice) for choice in row.get("choices") or ())
    if not all(words(choice) for choice in choices):
        raise ExamError(f"{where}: a choice is empty")
    right = [choice for choice in choices if exact_match(choice, map(str, row["answers"]))]
    if choices and len(right) != 1:
        raise ExamError(
            f"{where}: {len(right)} of the choices are accepted answers",
            hint='Exactly one of "choices" must also stand in "answers".',
        )
    return choices


def sit(
    items: Sequence[Item],
    cell: str,
    asker: Asker,
    *,
    recall: Recall,
    gold: Callable[[Item], str],
    adapter: str | None,
    phase: str = "exam",
) -> list[Graded]:
    """Answer all items in one cell, greedily.

    Args:
        items: The questions.
        cell: One of `CELLS`, or `full` or `rag`.
        asker: The model.
        recall: Used by `memory`, `both` and `rag`.
        gold: Text for `open` and `full`; an empty one leaves the item closed-book.
        adapter: Name of the adapter for `adapter` and `both`.
        phase: Where the cost is booked.
    """
    laid = lay_out(items, cell, recall=recall, gold=gold)
    return reply_to(laid, cell, asker, adapter=adapter, phase=phase)


def lay_out(
    items: Sequence[Item], cell: str, *, recall: Recall, gold: Callable[[Item], str]
) -> list[Laid]:
    """Return the prompts of one cell; see `sit` for the arguments."""
    recalled: list[list[Excerpt]] = [[] for _ in items]
    if cell in RECALLING:
        recalled = recall([item.question for item in items])
    return [
        Laid(item=item, prompt=_prompt(item, cell, notes, gold), excerpts=tuple(notes))
        for item, notes in zip(items, recalled, strict=True)
    ]


def reply_to(
    laid: Sequence[Laid], cell: str, asker: Asker, *, adapter: str | None, phase: str = "exam"
) -> list[Graded]:
    """Have prompts answered greedily, and score the replies."""
    texts = [[note.text for note in one.excerpts] for one in laid]
    replies = ask_in(
        cell, asker, [one.prompt for one in laid], texts, adapter=adapter, phase=phase,
        max_tokens=REPLY_TOKENS,
    )  # fmt: skip
    return [
        Graded(
            item=one.item, cell=cell, reply=reply, score=score(reply, one.item.answers),
            sources=tuple(memory.memory.id for note in one.excerpts for memory in note.memories),
            documents=tuple(note.document for note in one.excerpts if note.document),
            chosen=asker.choose(
                one.prompt, one.item.choices, phase=phase,
                adapter=asker.adapter_in(cell, adapter, notes=bool(one.excerpts)),
            ) if one.item.choices else None,
        )
        for one, reply in zip(laid, replies, strict=True)
    ]  # fmt: skip


def _prompt(item: Item, cell: str, notes: list[Excerpt], gold: Callable[[Item], str]) -> Messages:
    texts = [note.text for note in notes]
    if cell not in ("open", "full", "rag"):
        return with_memory(texts, item.question)
    text = "\n\n".join(texts) if cell == "rag" else gold(item)
    return open_book(text, item.question) if text else closed_book(item.question)


def interval(values: Sequence[float], *, seed: int = 0, resamples: int = 2000) -> Interval:
    """Return the mean and its percentile bootstrap 95 % interval (Efron 1979)."""
    if not values:
        return Interval(value=0.0, low=0.0, high=0.0, n=0)
    rng = random.Random(seed)
    size = len(values)
    means = sorted(sum(rng.choices(values, k=size)) / size for _ in range(resamples))
    return Interval(
        value=sum(values) / size,
        low=means[int(0.025 * resamples)],
        high=means[int(0.975 * resamples) - 1],
        n=size,
    )


def summarise(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the scores of one cell as plain data: answerable and unanswerable items apart."""
    answerable = [one for one in graded if one.item.answers]
    rest = [one for one in graded if not one.item.answers]
    topics = sorted({one.item.topic for one in answerable if one.item.topic})

    def of(rows: Sequence[Graded], field: str) -> dict[str, float]:
        return vars(interval([getattr(row.score, field) for row in rows]))

    return {
        "contained": of(answerable, "contained"),
        "exact": of(answerable, "exact"),
        "f1": of(answerable, "f1"),
        "choice": vars(interval([_chose_rightly(one) for one in graded if one.chosen is not None])),
        "abstained_wrongly": of(answerable, "abstained"),
        "abstained_rightly": of(rest, "abstained"),
        "topics": {
            topic: of([one for one in answerable if one.item.topic == topic], "contained")
            for topic in topics
        },
    }


def _chose_rightly(graded: Graded) -> float:
    return float(exact_match(graded.chosen or "", graded.item.answers))


def to_rows(graded: Sequence[Graded]) -> list[dict[str, Any]]:
    """Return one plain dict per reply, for the per-question file."""
    return [
        {
            "id": one.item.id, "cell": one.cell, "topic": one.item.topic,
            "question": one.item.question, "answers": list(one.item.answers), "reply": one.reply,
            "sources": list(one.sources), "documents": list(one.documents), "chosen": one.chosen,
            **vars(one.score),
        }
        for one in graded
    ]  # fmt: skip
