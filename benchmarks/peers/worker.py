"""The other memories of recall.py, run by the Python of an environment of their own.

Reads one JSON object from stdin: `peer`, `embedder` (a sentence-transformers folder), `texts`, `queries`,
`k` and `scratch` (an empty folder). Answers on stdout with {"version": v, "found": rows}: for each query
the places in `texts` of what was found, best first. No peer is given a language model to call.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

Task = dict[str, Any]
Found = list[list[int]]


def main() -> None:
    """Run one peer and answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    task = json.loads(sys.stdin.read())
    distribution, run = PEERS[task["peer"]]
    told = {"version": version(distribution), "found": run(task)}
    answers.write(json.dumps(told) + "\n")
    answers.flush()


def mem0(task: Task) -> Found:
    """Mem0 without inference: `add(..., infer=False)` keeps the text as it is.

    Its model of OpenAI is made but never called. Its search by words needs spaCy's
    `en_core_web_sm` and fastembed's `Qdrant/bm25`, both downloads from hubs; where these are missing
    it searches by meaning alone, as it does after a plain `pip install mem0ai`.
    """
    os.environ["MEM0_TELEMETRY"] = "False"
    os.environ["MEM0_DIR"] = task["scratch"]
    os.environ["OPENAI_API_KEY"] = "none"
    from mem0 import Memory

    memory = Memory.from_config(
        {
            "embedder": {"provider": "huggingface", "config": {"model": task["embedder"]}},
            "vector_store": {
                "provider": "qdrant",
                "config": {
                    "path": str(Path(task["scratch"]) / "qdrant"),
                    "embedding_model_dims": 384,
                },
            },
            "history_db_path": str(Path(task["scratch"]) / "history.db"),
        }
    )
    for text in task["texts"]:
        memory.add(text, user_id="exam", infer=False)

    def search(query: str) -> Sequence[str]:
        found = memory.search(query, top_k=task["k"], filters={"user_id": "exam"}, threshold=0.0)
        return [one["memory"] for one in found["results"]]

    return _places(task, search)


def langmem(task: Task) -> Found:
    """LangMem's two tools over LangGraph's store in memory, indexed as its guide does it."""
    from langgraph.store.memory import InMemoryStore
    from langmem import create_manage_memory_tool, create_search_memory_tool
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(task["embedder"], local_files_only=True)

    def embed(texts: Sequence[str]) -> list[list[float]]:
        return model.encode(list(texts), show_progress_bar=False).tolist()

    store = InMemoryStore(index={"dims": 384, "embed": embed})
    manage = create_manage_memory_tool(namespace=("memories",), store=store)
    searching = create_search_memory_tool(
        namespace=("memories",), store=store, response_format="content_and_artifact"
    )
    for text in task["texts"]:
        manage.invoke({"content": text, "action": "create"})

    def search(query: str) -> Sequence[str]:
        _, found = searching.func(query=query, limit=task["k"])
        return [one.value["content"] for one in found]

    return _places(task, search)


def rank_bm25(task: Task) -> Found:
    """The library's Okapi BM25 over lower-case words."""
    from rank_bm25 import BM25Okapi

    index = BM25Okapi([_words(text) for text in task["texts"]])
    scores = (index.get_scores(_words(query)) for query in task["queries"])
    return [[int(row) for row in (-one).argsort(kind="stable")[: task["k"]]] for one in scores]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _places(task: Task, search: Callable[[str], Sequence[str]]) -> Found:
    place = {text: row for row, text in enumerate(task["texts"])}
    return [[place[text] for text in search(query)] for query in task["queries"]]


PEERS: dict[str, tuple[str, Callable[[Task], Found]]] = {
    "mem0": ("mem0ai", mem0),
    "langmem": ("langmem", langmem),
    "rank_bm25": ("rank-bm25", rank_bm25),
}

if __name__ == "__main__":
    main()
