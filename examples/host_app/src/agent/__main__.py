"""Run the graph with doubles in place of the models, which need no weights: `python -m agent`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.base import IndexConfig

import ingrained.agent
from ingrained import Settings
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import StudyPolicy, open_study
from ingrained.memory import ChromaStore
from ingrained.memory.testing import HashEmbedder

from . import __file__ as own_file
from .graph import asked_by, build_graph
from .parts import Parts

PAGE = "# The Orlan Bridge\n\nMara Vint built the Orlan Bridge in 1402.\n"
QUESTION = "Who built the Orlan Bridge?"


def pupil(prompt: str) -> str:
    """Say what a small model might that studies the page."""
    if "You write quiz questions" in prompt:
        wanted = prompt.rsplit("Topic:", 1)[-1]
        return QUESTION if "Answer: Mara Vint" in wanted else "What?"
    asked = prompt.rstrip().endswith(QUESTION)
    return "Mara Vint" if asked and "Mara Vint built" in prompt else "I don't know."


def host(prompt: str) -> str | AIMessage:
    """Say what the host's model might: keep what it is told, answer from the notes in view."""
    said = prompt.splitlines()[-1]
    if said == "I live by the bridge.":
        args = {"text": "The user lives by the bridge."}
        return AIMessage("", tool_calls=[{"name": "remember", "args": args, "id": "1"}])
    note = re.search(r'\[1\] "(.*?)" \(memory ', prompt)
    return note[1] if note and said.endswith("?") else said


def main(folder: Path) -> None:
    page = folder / "bridge.md"
    page.write_text(PAGE, encoding="utf-8")
    settings, embedder = Settings(home=folder / "home"), HashEmbedder()
    index = IndexConfig(dims=embedder.dimension, embed=embedder.embed, fields=["text"])
    opened = open_study(
        settings, (page,), StudyPolicy(), model=ScriptedModel(script=pupil), embedder=embedder
    )
    with opened as context, ChromaStore.from_path(folder / "store", index=index) as store:
        parts = Parts(model=ScriptedModel(script=host), study=context)
        graph = build_graph(lambda: parts, store)
        for said in (QUESTION, "I live by the bridge.", "Where does the user live?"):
            state = graph.invoke(
                {"messages": [HumanMessage(said)]}, context={"user_id": "ada@example.org"}
            )
            print(f"{said} {state['messages'][-1].text}")
        for item in store.search(asked_by("ada@example.org"), query="bridge"):
            print(f"asked: {item.value['text']}")
    print(f"agent is {own_file}")
    print(f"ingrained.agent is {ingrained.agent.__file__}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
