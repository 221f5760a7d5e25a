"""A person decides what an agent may change in memory: each change is shown first, and waits.

    python examples/human_approval.py

The agent wants to replace one memory and to forget another. Its run stops before either, with the
change; what you type resumes it. New sentences are kept without a question. The model and the embedder
are doubles, so that it runs without weights: put your own in their places.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import IngrainedMiddleware
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder


def call(name: str, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "1", "type": "tool_call"}])


def scripted(prompt: str) -> str | AIMessage:
    """Say what a model might that sees notes with their ids, then what its tool replied."""
    said = prompt.splitlines()[-1]
    ids = {text: name for text, name in re.findall(r'\] "(.*?)" \(memory (\w+)', prompt)}
    if said == "The pool opens at ten, not at nine.":
        old = ids["The pool opens at nine."]
        return call("remember", text="The pool opens at ten.", replaces=old)
    if said == "Forget the code of the gate.":
        return call("forget", memory_id=ids["The code of the gate is 4711."])
    return said


def difference(change: dict[str, Any]) -> str:
    """Return what would go and what would come, line by line."""
    new = [change["new"]] if change["new"] is not None else []
    return "\n".join(difflib.unified_diff([change["old"]], new, "memory", "proposed", lineterm=""))


def decide(change: dict[str, Any]) -> dict[str, Any]:
    """Show a change and ask for a decision; the answer names the very change that was shown."""
    print(difference(change))
    approved = input(f"{change['action']}? [y/N] ").strip().lower() == "y"
    return {"approved": approved, "change": change["change"]}


def main(folder: Path) -> None:
    with MemoryStore.open(folder, HashEmbedder()) as store:
        facts = ("The pool opens at nine.", "The code of the gate is 4711.")
        store.insert([Memory(id="", text=fact) for fact in facts], who="me", why="an example")
        agent = create_agent(
            ScriptedModel(script=scripted),
            middleware=[IngrainedMiddleware(store, approve=True)],
            checkpointer=InMemorySaver(),
        )
        for said in ("The pool opens at ten, not at nine.", "Forget the code of the gate."):
            print(f"> {said}")
            config = RunnableConfig(configurable={"thread_id": said})
            state = agent.invoke({"messages": [HumanMessage(said)]}, config)
            while "__interrupt__" in state:
                (question,) = state["__interrupt__"]
                state = agent.invoke(Command(resume=decide(question.value)), config)
            print(state["messages"][-1].text)
        print("In memory:", *(f"  {memory.text}" for memory in store.list()), sep="\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
