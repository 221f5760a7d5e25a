"""SQuAD 1.1 (Rajpurkar et al. 2016): passages of Wikipedia and what people asked about them."""

from __future__ import annotations

from pathlib import Path

from ingrained.agent.exam import Item

from .benchmark import BenchDocument, Benchmark
from .hub import Fetch, read_table
from .loading_files import read_folder
from .loading_parts import checked, document

NAME = "squad"
LICENCE = "CC BY-SA 4.0"
_REPO = "rajpurkar/squad"
_FILE = "plain_text/validation-00000-of-00001.parquet"


def from_folder(folder: Path) -> Benchmark:
    """Read the passages and questions of SEAL's knowledge incorporation task."""
    origin = f"SQuAD 1.1 dev, as of SEAL (Continual-Intelligence/SEAL); {LICENCE}"
    return read_folder(folder, name=NAME, origin=origin)


def from_hub(fetch: Fetch) -> Benchmark:
    """Fetch all passages of SQuAD 1.1 dev, in their order, and their questions."""
    rows = read_table(fetch(_REPO, _FILE), ["title", "context", "question", "answers"])
    documents: dict[str, BenchDocument] = {}
    items: list[Item] = []
    asked: dict[str, int] = {}
    for row in rows:
        context, title = row["context"], row["title"].replace("_", " ")
        one = documents.setdefault(context, document(f"squad-{len(documents):04}", title, context))
        number = asked[one.id] = asked.get(one.id, -1) + 1
        items.append(
            Item(
                id=f"{one.id}-q{number}",
                question=row["question"],
                answers=tuple(dict.fromkeys(row["answers"]["text"])),
                document=one.key,
                topic=title,
            )
        )
    return checked(
        Benchmark(
            name=NAME,
            documents=tuple(documents.values()),
            items=tuple(items),
            origin=f"SQuAD 1.1 dev (hub: {_REPO}); {LICENCE}",
        )
    )
