"""Plain RAG: passages in a bare Chroma collection, the nearest ones in the prompt.

Same splitter, embedder and number of passages as the agent's own recall, and headings beside the
passages as there, so that what differs is what was learnt.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingrained.agent.reading.documents import Document
from ingrained.agent.reading.passages import split
from ingrained.agent.recalling import Excerpt, headline, shown
from ingrained.memory.embedding import Embedder

from .benchmark import BenchDocument

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

    from ingrained.agent.exam import Recall

_NAME = "passages"
_AT_ONCE = 1000


def excerpts(documents: Sequence[BenchDocument], *, passage_tokens: int) -> list[Excerpt]:
    """Return the passages of documents as they stand in a prompt."""
    read = [Document.of(id=one.key, title=one.title, text=one.text) for one in documents]
    return [
        Excerpt(text=shown(headline(passage), passage.text), document=passage.document)
        for document in read
        for passage in split(document, max_tokens=passage_tokens)
    ]


@contextmanager
def plain_rag(
    passages: Sequence[Excerpt], embedder: Embedder, folder: Path, *, k: int
) -> Iterator[Recall]:
    """Index passages, and give what finds the `k` nearest of each question, nearest first.

    Args:
        passages: What can be found.
        embedder: Of passages and questions.
        folder: Of the collection, which is made anew.
        k: Passages for a question.
    """
    from ingrained.memory.chroma import open_client

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    client = open_client(folder)
    try:
        made = client.create_collection(
            _NAME, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        for start in range(0, len(passages), _AT_ONCE):
            part = passages[start : start + _AT_ONCE]
            made.add(
                ids=[str(start + number) for number in range(len(part))],
                embeddings=cast("Any", embedder.embed([one.text for one in part])),
            )
        yield lambda questions: _nearest(made, passages, embedder, questions, k)
    finally:
        cast("Client", client).close()


def _nearest(
    made: Collection,
    passages: Sequence[Excerpt],
    embedder: Embedder,
    questions: Sequence[str],
    k: int,
) -> list[list[Excerpt]]:
    if not questions or not passages:
        return [[] for _ in questions]
    vectors = cast("Any", embedder.embed(list(questions)))
    found = made.query(query_embeddings=vectors, n_results=min(k, len(passages)), include=[])
    return [[passages[int(id_)] for id_ in ids] for ids in found["ids"]]
