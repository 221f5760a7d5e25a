"""TOFU (Maini et al. 2024): invented authors, so nothing of it is known beforehand.

Answers are whole sentences, hence token F1 is the score to read.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from ingrained.agent.exam import Item

from .benchmark import Benchmark
from .hub import Fetch
from .loading_files import read_folder
from .loading_parts import checked, document, read_json_lines

NAME = "tofu"
_REPO = "locuslab/TOFU"
_FILE = "full.json"
_OF_AN_AUTHOR = 20


class _Row(BaseModel):
    question: str
    answer: str


def from_folder(folder: Path) -> Benchmark:
    """Read authors, each a document of 20 statements, and the questions behind the statements."""
    return read_folder(folder, name=NAME, origin=f"TOFU ({_REPO}); MIT", main="f1")


def from_hub(fetch: Fetch) -> Benchmark:
    """Fetch all authors: 20 rows in a row are one's."""
    rows = read_json_lines(fetch(_REPO, _FILE), _Row, "lines of question and answer")
    documents, items = [], []
    for number, start in enumerate(range(0, len(rows), _OF_AN_AUTHOR)):
        own = rows[start : start + _OF_AN_AUTHOR]
        text = "\n".join(row.answer for row in own)
        one = document(f"tofu-{number:03}", f"Author {number}", text)
        documents.append(one)
        items += [
            Item(
                id=f"{one.id}-q{index}",
                question=row.question,
                answers=(row.answer,),
                document=one.key,
            )
            for index, row in enumerate(own)
        ]
    return checked(
        Benchmark(
            name=NAME,
            documents=tuple(documents),
            items=tuple(items),
            origin=f"TOFU, all authors (hub: {_REPO}); MIT",
            main="f1",
        )
    )
