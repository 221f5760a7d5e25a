"""An agent of create_agent that remembers what each of its users tells it.

    python examples/langgraph_app/middleware.py

The model and the embedder are doubles, so that it runs without weights: put your own in their places.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import IngrainedMiddleware
from ingrained.memory import DEFAULT_NAMESPACE, Memory, MemoryStore, StoreOptions
from ingrained.memory.screening import PatternScreen
from ingrained.memory.testing import HashEmbedder


@dataclass(frozen=True)
class Run:
    """What the application says of a run; the model has no part in it."""

    user_id: str


def call(name: str, **args: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "1", "type": "tool_call"}])


def scripted(prompt: str) -> str | AIMessage:
    """Say what a model might: keep what it is told, correct it, answer from the notes in view."""
    said = prompt.splitlines()[-1]
    note = re.search(r'\[1\] "(.*?)" \(memory (\w+)', prompt)
    if said == "I keep a fox.":
        return call("remember", text="The user keeps a fox.")
    if said == "It is a wolf, not a fox." and note:
        return call("remember", text="The user keeps a wolf.", replaces=note[2])
    if said.endswith("?"):
        return f"{note[1]} [1]" if note else "I don't know."
    return said


def main(folder: Path) -> None:
    options = StoreOptions(screen=PatternScreen(), screening="redact")
    with MemoryStore.open(folder, HashEmbedder(), options=options) as store:
        rule = Memory(id="", text="Visitors report at the gate house.", namespace=DEFAULT_NAMESPACE)
        store.insert([rule], who="me", why="an example")
        agent = create_agent(
            ScriptedModel(script=scripted),
            middleware=[IngrainedMiddleware(store, shared=[DEFAULT_NAMESPACE], approve=True)],
            context_schema=Run,
            checkpointer=InMemorySaver(),
        )

        def say(user: str, text: str) -> None:
            config = RunnableConfig(configurable={"thread_id": f"{user}: {text}"})
            run = Run(user_id=user)
            state = agent.invoke({"messages": [HumanMessage(text)]}, config, context=run)
            print(f"{user}: {text}")
            while "__interrupt__" in state:
                (question,) = state["__interrupt__"]
                print(f"  replace {question.value['old']!r} by {question.value['new']!r}? yes")
                answer = {"approved": True, "change": question.value["change"]}
                state = agent.invoke(Command(resume=answer), config, context=run)
            print(f"  {state['messages'][-1].text}")

        say("ada@example.org", "I keep a fox.")
        say("ada@example.org", "What does the user keep?")
        say("ada@example.org", "It is a wolf, not a fox.")
        say("ada@example.org", "What does the user keep?")
        say("bob@example.org", "What does the user keep?")
        say("bob@example.org", "Where do visitors report?")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
