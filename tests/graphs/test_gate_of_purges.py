"""A purge that an agent asks for is shown to a person first, and is finished when the memory is closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bridge import Killed, dying
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from plugged import ADA, ADAS, calling, put, saying, texts

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.errors import SettingsError
from ingrained.graphs import memory_tools
from ingrained.graphs.erasing import unfinished
from ingrained.graphs.session import Home
from ingrained.memory import MemoryStore
from ingrained.memory.absence import search
from ingrained.memory.store import StoreOptions
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

CODE = "The code of Ada's gate is 4711."
LONGER = "Ada said: The code of Ada's gate is 4711. She wrote it on the door."
FOX = "Ada keeps a fox."
THREAD: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Iterator[MemoryStore]:
    with MemoryStore.open(home.path, HashEmbedder()) as opened:
        yield opened


def agent_of(home: Home, store: MemoryStore, *calls: AIMessage) -> Any:
    tools = memory_tools(store, home=home.path)
    return create_agent(saying(*calls, "Done."), tools, checkpointer=InMemorySaver())


def ask(agent: Any) -> Any:
    (asked,) = agent.invoke({"messages": [("user", "Go on.")]}, THREAD, context=ADA)[
        "__interrupt__"
    ]
    return asked


def answer(agent: Any, asked: Any, *, approved: bool, **more: Any) -> str:
    said = {"approved": approved, "change": asked.value["change"], **more}
    messages = agent.invoke(Command(resume=said), THREAD, context=ADA)["messages"]
    return str(messages[-2].content)


def adapter_of(home: Home, *ids: str) -> str:
    registry = home.registry()
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model="scripted", memory_ids=ids))
    return version


def test_what_would_go_is_shown_and_nothing_is_done_before_it_is_approved(home, store):
    code = put(store, CODE)
    put(store, LONGER)
    put(store, FOX)
    version = adapter_of(home, code)
    agent = agent_of(home, store, calling("purge", memory_id=code))
    asked = ask(agent)

    assert asked.value | {"change": ""} == {
        "action": "purge", "memory": code, "old": CODE, "new": None, "derived": (),
        "along": (LONGER,), "adapters": (version,), "change": "",
    }  # fmt: skip
    assert not unfinished(home)
    assert not AdapterRegistry(home.path).show(version).stale
    assert texts(store) == [CODE, LONGER, FOX]

    assert answer(agent, asked, approved=True).startswith(f"No longer recalled: memory {code}")
    assert texts(store) == [FOX]
    assert AdapterRegistry(home.path).show(version).stale
    store.close()
    assert not search(home.path, [CODE]).absent, "it can still be restored"

    assert (
        run(["memory", "purge", "--yes", "--home", str(home.path)], Doors(embedder=HashEmbedder()))
        == 0
    )
    assert search(home.path, [CODE]).absent
    assert not unfinished(home)


def test_what_is_rejected_stays_and_the_model_is_told_why(home, store):
    code = put(store, CODE)
    agent = agent_of(home, store, calling("purge", memory_id=code))
    said = answer(agent, ask(agent), approved=False, reason="She still needs it.")

    assert said == (
        'The user rejected this change. Nothing was changed. They say: "She still needs it.".'
    )
    assert texts(store) == [CODE]
    assert not unfinished(home)


@pytest.mark.parametrize("after", [False, True])
def test_one_that_is_killed_after_the_answer_is_done_once_when_it_runs_again(
    home, store, monkeypatch, after
):
    code = put(store, CODE)
    put(store, FOX)
    agent = agent_of(home, store, calling("purge", memory_id=code))
    asked = ask(agent)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "forget", dying(MemoryStore.forget, after=after))
        with pytest.raises(Killed):
            answer(agent, asked, approved=True)
    assert unfinished(home).ids == (code,)
    agent.invoke(None, THREAD, context=ADA)

    assert texts(store) == [FOX]
    assert unfinished(home).ids == (code,)
    assert [event.kind for event in store.events()].count("forget") == 1


def test_a_second_one_does_not_put_the_first_out_of_mind(home, store):
    code, fox = put(store, CODE), put(store, FOX)
    for id_ in (code, fox):
        agent = agent_of(home, store, calling("purge", memory_id=id_))
        answer(agent, ask(agent), approved=True)
    assert unfinished(home).ids == (code, fox)


@pytest.mark.parametrize(
    ("policy", "said", "left"),
    [("pass", "No longer recalled", []), ("refuse", "To purge is switched off here.", [CODE])],
)
def test_the_store_s_policy_says_what_is_done_where_nobody_watches(home, policy, said, left):
    options = StoreOptions(unattended={"purge": policy})
    with MemoryStore.open(home.path, HashEmbedder(), options=options) as store:
        code = put(store, CODE)
        agent = agent_of(home, store, calling("purge", memory_id=code))
        messages = agent.invoke({"messages": [("user", "Go on.")]}, THREAD, context=ADA)["messages"]
        assert messages[-2].content.startswith(said)
        assert texts(store, ADAS) == left


def test_of_somebody_else_s_memory_nothing_is_shown(home, store):
    code = put(store, CODE, ("user", "bob"))
    agent = agent_of(home, store, calling("purge", memory_id=code))
    messages = agent.invoke({"messages": [("user", "Go on.")]}, THREAD, context=ADA)["messages"]
    assert messages[-2].content.startswith(f"There is no memory {code!r}.")


def test_it_is_offered_only_with_the_home_that_it_is_noted_in(home, store, tmp_path):
    assert "purge" not in [tool.name for tool in memory_tools(store)]
    assert "purge" in [tool.name for tool in memory_tools(store, home=home.path)]
    with pytest.raises(SettingsError, match="no agent lives in"):
        memory_tools(store, home=tmp_path / "nowhere")
