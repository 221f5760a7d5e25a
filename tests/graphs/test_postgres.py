"""Our graphs on LangGraph's Postgres checkpointer: a server and a process that begin anew go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bridge import memories
from postgres_server import new_server, programs

from ingrained.agent.asking import Asker
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import StudyPolicy, build_study_graph, open_study
from ingrained.graphs.chat import ChatContext, OpenStore, build_chat_graph
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

postgres: Any = pytest.importorskip(
    "langgraph.checkpoint.postgres", exc_type=ImportError,
    reason="not installed: pip install langgraph-checkpoint-postgres 'psycopg[binary]'",
)  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="no Postgres: apt-get install postgresql"),
]

Opened = Callable[[], AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """Start the server and connect a checkpointer to it; each time anew, on the same data."""
    folder, connect = programs(), postgres.PostgresSaver.from_conn_string
    assert folder is not None
    with new_server(folder) as server:

        @contextmanager
        def saver() -> Iterator[Any]:
            with server.running() as address, connect(address) as saver:
                saver.setup()
                yield saver

        yield saver


def test_a_conversation_goes_on_after_a_restart(opened: Opened, store: MemoryStore):
    mill = "Ada Kern built the mill of Teskow in 1402."
    store.insert([Memory(id="", text=mill)], who="me", why="a test")
    prompts: list[str] = []

    def miller(prompt: str) -> str:
        prompts.append(prompt)
        if prompt.endswith("Where?"):
            raise KeyboardInterrupt
        return "In 1402." if prompt.endswith("And when was that?") else "Ada Kern."

    def say(saver: Any, *questions: str, thread: str = "1") -> Any:
        graph = build_chat_graph().compile(checkpointer=saver)
        talk = ChatContext(asker=Asker(ScriptedModel(script=miller)), memory=OpenStore(store))
        config: Any = {"configurable": {"thread_id": thread}}
        for question in questions:
            graph.invoke({}, config, context=dataclasses.replace(talk, question=question))
        return [(turn["user"], turn["agent"]) for turn in graph.get_state(config).values["turns"]]

    with opened() as saver:
        say(saver, "Who built the mill of Teskow?")
        with pytest.raises(KeyboardInterrupt):
            say(saver, "Where?")
        say(saver, "I keep a fox.", thread="2")
    with opened() as saver:
        turns = say(saver, "And when was that?")
        saver.delete_thread("2")
        kept = {one.config["configurable"]["thread_id"] for one in saver.list(None)}

    assert turns == [
        ("Who built the mill of Teskow?", "Ada Kern."),
        ("And when was that?", "In 1402."),
    ]
    assert "Who built the mill of Teskow?" in prompts[-1]
    assert kept == {"1"}


def test_a_study_that_was_cut_short_goes_on_after_a_restart(
    opened: Opened, home: Path, corpus: Path, model: ScriptedModel
):
    heard: list[dict[str, Any]] = []

    def stop(event: dict[str, Any]) -> None:
        if (event["phase"], event.get("event")) == ("remember", "start"):
            raise KeyboardInterrupt

    def study(start: Any, listener: Callable[[dict[str, Any]], None]) -> Any:
        settings, embedder = Settings(home=home), HashEmbedder()
        at_home = open_study(settings, (corpus,), StudyPolicy(), model=model, embedder=embedder)
        with opened() as saver, at_home as context:
            graph = build_study_graph().compile(checkpointer=saver)
            told = dataclasses.replace(context, listener=listener)
            config: Any = {"configurable": {"thread_id": "study"}}
            return graph.invoke(start, config, context=told, durability="sync")

    with pytest.raises(KeyboardInterrupt):
        study({"round": 0}, stop)
    assert memories(home) == []
    done = study(None, heard.append)

    assert {"read", "quiz"}.isdisjoint(event["phase"] for event in heard)
    assert done["kept"] == len(memories(home)) > 0
