"""The application of `in_memory_app.py` on ChromaStore: what it was told is there in the next run.

    python examples/store_swap/chroma_app.py

Run it twice: the second run knows the answer at once. The items are in the folder `app-store`. Two lines
are another: the import, and the one that makes the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, IndexConfig

from ingrained.memory import ChromaStore

ADA = ("users", "ada")


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Count the letters of each text, in place of an embedding model."""
    return [[float(text.lower().count(letter)) for letter in ascii_lowercase] for text in texts]


INDEX = IndexConfig(dims=len(ascii_lowercase), embed=letters, fields=["text"])


class State(TypedDict, total=False):
    said: str
    answer: str


def listen(state: State, runtime: Runtime[None]) -> State:
    said, store = state["said"], runtime.store
    assert store is not None
    if not said.endswith("?"):
        store.put(ADA, said, {"text": said})
        return {"answer": "I shall remember that."}
    near = store.search(ADA, query=said, limit=1)
    return {"answer": near[0].value["text"] if near else "I don't know."}


def open_store() -> BaseStore:
    return ChromaStore.from_path("app-store", index=INDEX)


def main(store: BaseStore) -> None:
    builder = StateGraph(State)
    builder.add_node(listen)
    builder.add_edge(START, "listen")
    builder.add_edge("listen", END)
    graph = builder.compile(store=store)
    for said in ("Which animal?", "The animal is a fox.", "The car is red.", "Which animal?"):
        print(f"{said} {graph.invoke({'said': said})['answer']}")


if __name__ == "__main__":
    main(open_store())
