"""examples/host_app under `langgraph dev`: its package is called `agent`, and clashes with nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from dev_server import dev_server, needs_server

pytestmark = [pytest.mark.slow, needs_server]


@pytest.fixture(autouse=True)
def told(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Work in a copy of the application, importable as `pip install -e .` makes it."""
    shutil.copytree(root / "examples" / "host_app", Path.cwd(), dirs_exist_ok=True)
    path = [str(Path("src").resolve()), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    return dict(json.loads(Path("langgraph.json").read_text(encoding="utf-8")))


def test_the_dev_server_shows_the_host_s_graph():
    from langgraph_sdk import get_sync_client

    with dev_server() as address:
        client = get_sync_client(url=address)
        (shown,) = client.assistants.search()
        nodes = client.assistants.get_graph(shown["assistant_id"])["nodes"]
        asks = client.assistants.get_schemas(shown["assistant_id"])["context_schema"]

    assert shown["graph_id"] == "agent"
    assert [node["id"] for node in nodes] == ["__start__", "study", "talk", "note", "__end__"]
    assert list(asks["properties"]) == ["user_id"]


def test_a_run_studies_and_streams_an_answer_from_what_was_studied(
    told: dict[str, Any], root: Path, corpus: Path, home: Path, monkeypatch: pytest.MonkeyPatch
):
    from langgraph_sdk import get_sync_client

    monkeypatch.setenv("INGRAINED_CORPUS", str(corpus))
    monkeypatch.setenv("INGRAINED_HOME", str(home))
    shutil.copy(root / "tests" / "graphs" / "served_host.py", Path.cwd())
    with_doubles = {**told, "graphs": {"agent": "./served_host.py:graph"}}
    Path("langgraph.json").write_text(json.dumps(with_doubles), encoding="utf-8")

    asked = {"messages": [{"role": "user", "content": "Who built the Orlan Bridge?"}]}
    user = {"user_id": "ada@example.org"}
    with dev_server() as address:
        client = get_sync_client(url=address)
        modes: Any = ["updates", "messages-tuple"]
        stream = client.runs.stream(None, "agent", input=asked, context=user, stream_mode=modes)
        parts = list(stream)
        (item,) = client.store.search_items(["asked", "ada%40example%2Eorg"])["items"]

    steps = [name for part in parts if part.event == "updates" for name in part.data]
    said = "".join(part.data[0]["content"] for part in parts if part.event == "messages")
    assert steps == ["study", "talk", "note"]
    assert "Mara Vint built the Orlan Bridge" in said
    assert item["value"]["text"] == "Who built the Orlan Bridge?"
