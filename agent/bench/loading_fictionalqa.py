"""FictionalQA (Kirchenbauer et al. 2025): invented events, each told in several styles."""

from __future__ import annotations

from pathlib import Path

from ingrained.agent.exam import Item

from .benchmark import Benchmark
from .hub import Fetch, read_table
from .loading_files import read_folder
from .loading_parts import checked, document

NAME = "fictionalqa"
_REPO = "jwkirchenbauer/fictionalqa"
_TEXTS = "fictions/train-00000-of-00001.parquet"
_QUESTIONS = "fict_qa/train-00000-of-00001.parquet"
_COLUMNS = ("fiction_id", "question_id", "question", "span_answer", "duplicate_root")


def from_folder(folder: Path) -> Benchmark:
    """Read documents and questions with choices."""
    return read_folder(folder, name=NAME, origin=f"FictionalQA ({_REPO}); MIT")


def from_hub(fetch: Fetch) -> Benchmark:
    """Fetch all texts and the distinct questions on them, without choices."""
    texts = read_table(fetch(_REPO, _TEXTS), ["fiction_id", "fiction"])
    rows = read_table(fetch(_REPO, _QUESTIONS), _COLUMNS)
    documents = {
        row["fiction_id"]: document(row["fiction_id"], row["fiction_id"], row["fiction"])
        for row in texts
    }
    items = tuple(
        Item(
            id=row["question_id"],
            question=row["question"],
            answers=(row["span_answer"],),
            document=documents[row["fiction_id"]].key,
        )
        for row in rows
        if row["fiction_id"] in documents
        and (row["duplicate_root"] or row["question_id"]) == row["question_id"]
    )
    return checked(
        Benchmark(
            name=NAME,
            documents=tuple(documents.values()),
            items=items,
            origin=f"FictionalQA, all events (hub: {_REPO}); MIT",
        )
    )
