"""`ingrained mcp`: another program's agent uses the memory of a home, over the protocol."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_student import doors, studied

from ingrained.agent.cli import run
from ingrained.agent.commands.mcp_home import ServedHome
from ingrained.agent.commands.opening import Doors
from ingrained.graphs.session import Home
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.records import DEFAULT_NAMESPACE
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

pytest.importorskip("mcp.server.mcpserver", reason="the extra `mcp` is not installed")

from mcp import Client, StdioServerParameters

from ingrained.agent.commands.mcp_server import build_server

CHILD = Path(__file__).with_name("mcp_child.py")
ADA = ("user", "ada@example.org")
BOB = ("user", "bob@example.org")
FOX = "Ada keeps a fox."
QUESTION = "Who lives on the roof of the mill?"

Call = tuple[str, dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that has studied a page."""
    return studied(tmp_path / "home")


def spawned(home: Path, *options: str) -> StdioServerParameters:
    """The command that a client runs."""
    arguments = [str(CHILD), "--home", str(home), *options]
    return StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))


async def _calls(server: Any, calls: tuple[Call, ...]) -> list[tuple[bool, str]]:
    async with Client(server) as client:
        results = [await client.call_tool(name, arguments) for name, arguments in calls]
    return [(bool(one.is_error), one.content[0].text) for one in results]


def called(server: Any, *calls: Call) -> list[str]:
    """Call tools one after the other and return their texts; none of them fails."""
    results = asyncio.run(_calls(server, calls))
    assert [text for failed, text in results if failed] == []
    return [text for _, text in results]


def refused(server: Any, name: str, **arguments: Any) -> str:
    """Call a tool that fails and return what its client is told."""
    ((failed, text),) = asyncio.run(_calls(server, ((name, arguments),)))
    assert failed
    return text


@contextmanager
def serving(
    home: Path,
    *,
    own: tuple[str, ...] = DEFAULT_NAMESPACE,
    behind: Doors | None = None,
    **settings: Any,
) -> Iterator[Any]:
    """The same server within this process."""
    with closing(ServedHome(Settings(home=home, **settings), behind or doors())) as served:
        yield build_server(served, own=own, read_only=False)


def put(home: Path, text: str, namespace: tuple[str, ...]) -> str:
    with MemoryStore.open(home, HashEmbedder()) as store:
        (kept,) = store.insert(
            [Memory(id="", text=text, namespace=namespace)], who="me", why="told"
        )
        return kept.id


def texts(home: Path, namespace: tuple[str, ...]) -> list[str]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return [one.text for one in store.list(namespace=namespace)]


# Over standard input and output


def test_a_client_recalls_asks_and_remembers(home: Path):
    found, answer, kept, again = called(
        spawned(home),
        ("recall", {"query": "Who lives on the roof of the mill?"}),
        ("ask", {"question": QUESTION}),
        ("remember", {"text": FOX}),
        ("recall", {"query": "fox"}),
    )
    heron = "A heron named Pip lives on the roof of the mill."
    assert f'[1] "The Mill at Teskow: {heron}" (memory ' in found
    assert 'from "teskow.md", characters ' in found
    assert answer.startswith('Answer: "Pip"\nSources:\n[1] "')
    assert heron in answer
    assert kept.startswith("Remembered as memory ")
    assert again.startswith(f'[1] "{FOX}" (memory ')

    assert FOX in texts(home, DEFAULT_NAMESPACE)


def test_nothing_but_the_protocol_goes_to_standard_output(home: Path):
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    }
    ask = {"name": "ask", "arguments": {"question": QUESTION}}
    remember = {"name": "remember", "arguments": {"text": FOX}}
    sent = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": ask},
        {"id": 3, "method": "tools/call", "params": remember},
    ]
    server = subprocess.Popen(
        [sys.executable, str(CHILD), "--home", str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin
    assert server.stdout
    for message in sent:
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    server.stdin.flush()
    replies = [json.loads(server.stdout.readline()) for _ in range(3)]
    rest, errors = server.communicate()

    assert sorted(reply["id"] for reply in replies) == [1, 2, 3]
    assert all("Pip" in str(reply) for reply in replies if reply["id"] == 2)
    assert rest == ""
    assert "noise" in errors
    assert server.returncode == 0


def test_it_reads_beside_a_study_and_says_why_it_cannot_write(home: Path):
    """The client stays connected while another process begins to write, and ends."""

    async def session() -> None:
        async with Client(spawned(home)) as client:

            async def call(name: str, **arguments: Any) -> tuple[bool, str]:
                result = await client.call_tool(name, arguments)
                return bool(result.is_error), result.content[0].text

            with MemoryStore.open(home, HashEmbedder()) as writer:
                told = Memory(id="", text="The ferry has a new bell.")
                writer.insert([told], who="a study", why="read")
                assert "new bell" in (await call("recall", query="bell of the ferry"))[1]
                failed, why = await call("remember", text=FOX)
            assert failed
            assert f"Another process (pid {os.getpid()}) is writing to " in why
            assert "Nothing was changed. A study may be running." in why
            assert not (await call("remember", text=FOX))[0]

    asyncio.run(session())
    assert FOX in texts(home, DEFAULT_NAMESPACE)


def test_read_only_offers_nothing_that_changes(home: Path):
    async def offered(server: Any) -> dict[str, bool]:
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
        return {tool.name: tool.annotations.read_only_hint for tool in tools}

    looks = {"recall": True, "ask": True}
    assert asyncio.run(offered(spawned(home, "--read-only"))) == looks
    with serving(home) as server:
        assert asyncio.run(offered(server)) == {**looks, "remember": False, "forget": False}


def test_the_command_line_says_whose_memory_it_is(home: Path):
    options = ("--namespace", ADA[0], "--namespace", ADA[1])
    called(spawned(home, *options), ("remember", {"text": FOX}))

    assert texts(home, ADA) == [FOX]
    assert FOX not in texts(home, DEFAULT_NAMESPACE)


def test_without_a_home_it_ends_before_anything_is_served(capsys, tmp_path: Path):
    assert run(["mcp", "--home", str(tmp_path / "none")], doors()) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "no agent lives in" in err


# Within this process


def test_the_model_cannot_name_another_user(home: Path):
    put(home, "Bob keeps a wolf.", BOB)
    with serving(home, own=ADA) as server:
        why = refused(server, "recall", query="wolf", namespace=BOB)
        (found,) = called(server, ("recall", {"query": "wolf"}))
    assert "there is no 'namespace'" in why
    assert "Bob" not in found


def test_what_was_studied_is_read_by_everybody_and_changed_by_none(home: Path):
    with serving(home, own=ADA) as server:
        (found,) = called(server, ("recall", {"query": "Who lives on the roof of the mill?"}))
        heron = found.split("(memory ")[1].partition(",")[0]
        assert "Pip" in found
        why = refused(server, "forget", memory_id=heron)
    assert f"Memory {heron} is shared. It cannot be changed here." in why
    assert any("Pip" in text for text in texts(home, DEFAULT_NAMESPACE))


def test_where_a_person_has_to_be_asked_nothing_is_lost_over_the_protocol(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    old = put(home, FOX, DEFAULT_NAMESPACE)
    monkeypatch.setenv("INGRAINED_UNATTENDED", '{"replace": "ask"}')
    with serving(home) as server:
        (said,) = called(server, ("forget", {"memory_id": old}))
    assert (
        said == "A person has to approve this, and nobody can be asked here. Nothing was changed."
    )
    assert FOX in texts(home, DEFAULT_NAMESPACE)


def test_a_correction_takes_the_place_of_what_was_told(home: Path):
    old = put(home, FOX, DEFAULT_NAMESPACE)
    with serving(home) as server:
        new = {"text": "Ada keeps a wolf.", "replaces": old}
        (said,) = called(server, ("remember", new))
    assert f'in place of memory {old}: "{FOX}"' in said
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        assert store.get(old).status == "superseded"
        assert store.history(old)[-1].who == "ingrained mcp"


def test_what_is_forgotten_is_recalled_no_more(home: Path):
    fox = put(home, FOX, DEFAULT_NAMESPACE)
    with serving(home) as server:
        said, found = called(
            server, ("forget", {"memory_id": fox}), ("recall", {"query": "Ada's fox"})
        )
    assert said == f'Forgot memory {fox}: "{FOX}". It is recalled no more, and can be restored.'
    assert FOX not in found


def test_what_is_told_is_screened_as_the_settings_say(home: Path):
    with serving(home, screening="refuse") as server:
        (said,) = called(server, ("remember", {"text": "Write to ada@example.org."}))
    assert said.startswith("Not remembered")
    assert not any("example" in text for text in texts(home, DEFAULT_NAMESPACE))


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("forget", {"memory_id": "nope"}, "There is no memory 'nope'. Call recall;"),
        ("remember", {"text": "x" * 2001}, "at most 2000 characters"),
        ("remember", {"text": FOX, "replaces": "nope"}, "There is no memory 'nope'."),
    ],
)
def test_what_cannot_be_done_is_an_error_of_the_tool(home: Path, name: str, arguments, why: str):
    with serving(home) as server:
        assert why in refused(server, name, **arguments)


TEXT = (
    "It takes `text`: The fact as one sentence that can be understood by itself. `replaces` "
    "(may be left out): Id of the memory that this corrects and that holds no longer, if any."
)


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        ({}, "`text` is missing"),
        ({"fact": FOX}, "`text` is missing, there is no 'fact'"),
        ({"text": FOX, "replace": "a1b2"}, "there is no 'replace'"),
        ({"text": 7, "replaces": ["a"]}, "`text` has to be a text, `replaces` has to be a text"),
        ({"text": "x" * 2001}, "`text` may have at most 2000 characters"),
    ],
)
def test_of_a_wrong_argument_it_is_told_what_it_should_have_been(home: Path, arguments, faults):
    with serving(home) as server:
        told = refused(server, "remember", **arguments)
    assert told == f"remember was not called: {faults}. {TEXT}"
    assert FOX not in texts(home, ("default",))


def test_a_tool_that_there_is_not_is_an_error_too(home: Path):
    with serving(home) as server:
        assert refused(server, "rewrite") == "Unknown tool: rewrite"


def test_recall_needs_the_embedder_only_and_ask_says_what_else_it_needs(home: Path):
    with serving(home, behind=Doors(embedder=HashEmbedder()), offline=True) as server:
        (found,) = called(server, ("recall", {"query": "mill"}))
        assert "[1]" in found
        assert "INGRAINED_OFFLINE" in refused(server, "ask", question=QUESTION)


def test_a_home_that_has_learnt_nothing_can_be_told_something(tmp_path: Path):
    home = Home(tmp_path / "new").path
    with serving(home) as server:
        assert called(server, ("recall", {"query": "fox"})) == ["Memory has nothing on this."]
        assert "has learnt nothing yet" in refused(server, "ask", question=QUESTION)
        _, found = called(server, ("remember", {"text": FOX}), ("recall", {"query": "fox"}))
    assert FOX in found


def test_an_answer_that_rests_on_nothing_says_so(home: Path):
    with serving(home) as server:
        assert called(server, ("ask", {"question": "xyzzy?"})) == ["The agent does not know."]


class Failing:
    """A home whose disk fails, or in which there is a fault of ours."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def reader(self) -> None:
        raise self.error

    writer = ask = reader


def test_a_full_disk_is_told_and_a_fault_of_the_program_is_not():
    full = build_server(
        Failing(OSError(errno.ENOSPC, "No space left on device")),
        own=DEFAULT_NAMESPACE, read_only=True,
    )  # fmt: skip
    assert "No space left" in refused(full, "recall", query="fox")
    faulty = build_server(Failing(KeyError("secret")), own=DEFAULT_NAMESPACE, read_only=True)
    assert refused(faulty, "recall", query="fox") == "Error executing tool recall"
