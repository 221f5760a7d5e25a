"""Controls: what studying and consolidating must not make worse. Questions only, no documents."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel

from ingrained.agent.exam import Item
from ingrained.agent.grading import exact_match, words
from ingrained.errors import ExamError

from .benchmark import Benchmark
from .hub import Fetch, read_table
from .loading_parts import checked, main_score, read_json_lines

NAME = "controls"
LAYOUT = (
    "mmlu_500.jsonl, trivia_300.jsonl or gsm8k_200.jsonl (lines of id, question, answers, choices?)"
)
_ORIGINS = {
    "mmlu": "MMLU (cais/mmlu); MIT",
    "trivia": "OpenTriviaQA; CC BY-SA 4.0",
    "gsm8k": "GSM8K (openai/gsm8k); MIT",
}
_MMLU = ("cais/mmlu", "all/test-00000-of-00001.parquet")
_GSM8K = ("openai/gsm8k", "main/test-00000-of-00001.parquet")
_SIZED = re.compile(r"(mmlu|gsm8k)_(\d+)")
_SEED = 0


class _Row(BaseModel):
    id: str | int
    question: str
    answers: list[str | int | float]
    topic: str = ""
    choices: list[str] = []


def from_folder(folder: Path, part: str = "") -> Benchmark:
    """Read one set of questions, the file `PART.jsonl`.

    Raises:
        ExamError: no such set, or one that does not parse.
    """
    path = folder / f"{part}.jsonl"
    sets = sorted(one.stem for one in folder.glob("*.jsonl"))
    if part not in sets:
        raise ExamError(
            f"{str(folder)!r} has no set {part!r}",
            hint=f"There is {', '.join(f'{NAME}/{one}' for one in sets) or 'none'}.",
        )
    items = [
        Item(
            id=str(row.id),
            question=row.question,
            answers=tuple(map(str, row.answers)),
            topic=row.topic,
            choices=tuple(row.choices),
        )
        for row in read_json_lines(path, _Row, LAYOUT)
    ]
    return _controls(part, items, _ORIGINS.get(part.partition("_")[0], path.name))


def from_hub(fetch: Fetch, part: str = "") -> Benchmark:
    """Draw as many questions as the name says, always the same: `mmlu_500` or `gsm8k_200`.

    Raises:
        ExamError: another name.
    """
    found = _SIZED.fullmatch(part)
    if not found or not int(found[2]):
        raise ExamError(
            f"{NAME} has no set {part!r} on the hub",
            hint=f"Give {NAME}/mmlu_500 or {NAME}/gsm8k_200, or name the folder of the data with --data.",
        )
    read: Callable[[Fetch], list[Item]] = _mmlu if found[1] == "mmlu" else _gsm8k
    items = read(fetch)
    drawn = random.Random(_SEED).sample(items, min(int(found[2]), len(items)))
    return _controls(part, drawn, f"{_ORIGINS[found[1]]}; drawn from the test set")


def _controls(part: str, items: Sequence[Item], origin: str) -> Benchmark:
    """Return those of the questions that can be graded; the origin tells how many others there are."""
    kept = tuple(item for item in items if _gradable(item))
    left_out = len(items) - len(kept)
    return checked(
        Benchmark(
            name=f"{NAME}/{part}",
            documents=(),
            items=kept,
            origin=origin
            + (f"; {left_out} left out: choices alike but for punctuation" if left_out else ""),
            main=main_score(kept),
        )
    )


def _gradable(item: Item) -> bool:
    """Return whether exactly one choice is right, in the normal form that grading compares."""
    right = [choice for choice in item.choices if exact_match(choice, item.answers)]
    return not item.choices or (len(right) == 1 and all(map(words, item.choices)))


def _mmlu(fetch: Fetch) -> list[Item]:
    rows = read_table(fetch(*_MMLU), ["question", "subject", "choices", "answer"])
    return [
        Item(
            id=f"mmlu-{number}",
            question=row["question"],
            answers=(row["choices"][row["answer"]],),
            topic=row["subject"],
            choices=tuple(row["choices"]),
        )
        for number, row in enumerate(rows)
    ]


def _gsm8k(fetch: Fetch) -> list[Item]:
    rows = read_table(fetch(*_GSM8K), ["question", "answer"])
    return [
        Item(
            id=f"gsm8k-{number}",
            question=row["question"],
            answers=(row["answer"].rpartition("####")[2].strip().replace(",", ""),),
        )
        for number, row in enumerate(rows)
    ]
