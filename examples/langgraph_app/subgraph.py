"""A host's graph with the study graph as one of its nodes, under the host's own checkpointer.

    python examples/langgraph_app/subgraph.py

The model and the embedder are doubles, so that it runs without weights: leave both out of
`open_study`, and those of the settings are loaded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import StudyContext, StudyPolicy, build_study_graph, open_study
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

PAGE = """# The Orlan Bridge

Mara Vint built the Orlan Bridge in 1402. Its keystone weighs 700 kilograms.
"""
QUESTION = "Who built the Orlan Bridge?"
ANSWER = "Mara Vint"


class State(TypedDict, total=False):
    """The host's; of what a study gives back, only `kept` is declared, so only that comes in."""

    question: str
    answer: str
    kept: int


def pupil(prompt: str) -> str:
    """Say what a small model might: ask one good question, answer it only with the text in view."""
    if "You write quiz questions" in prompt:
        wanted = prompt.rsplit("Topic:", 1)[-1]
        return QUESTION if f"Answer: {ANSWER}" in wanted else "What?"
    asked = prompt.rstrip().endswith(QUESTION)
    return ANSWER if asked and "Mara Vint built" in prompt else "I don't know."


def answer(state: State, runtime: Runtime[StudyContext]) -> State:
    found = runtime.context.store.recall(state["question"], k=1)
    return {"answer": found[0].memory.text if found else "I don't know."}


def main(folder: Path) -> None:
    page = folder / "bridge.md"
    page.write_text(PAGE, encoding="utf-8")

    builder = StateGraph(State, context_schema=StudyContext)
    builder.add_node("study", build_study_graph().compile())
    builder.add_node(answer)
    builder.add_edge(START, "study")
    builder.add_edge("study", "answer")
    builder.add_edge("answer", END)
    graph = builder.compile(checkpointer=InMemorySaver())

    settings = Settings(home=folder / "home")
    model, embedder = ScriptedModel(script=pupil), HashEmbedder()
    config = RunnableConfig(configurable={"thread_id": "1"})
    with open_study(settings, (page,), StudyPolicy(), model=model, embedder=embedder) as context:
        state = graph.invoke({"question": QUESTION}, config, context=context)
    print(state)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
