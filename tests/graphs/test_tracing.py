"""Spans for OpenTelemetry: what a study did, how long each part took, and nothing that anybody said."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from bridge import PAGE
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ingrained import Ingrained
from ingrained.agent.cli import run
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import InputError, SettingsError
from ingrained.graphs.serving import served_study
from ingrained.memory import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.tracing import Spans, span, tracing


def traced(act) -> list[ReadableSpan]:
    """The spans of what `act` does."""
    exporter = InMemorySpanExporter()
    with closing(Spans(exporter)) as spans, spans.active():
        act()
    return list(exporter.get_finished_spans())


def named(spans: list[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [one for one in spans if one.name == name]


def test_a_study_has_a_span_for_each_node_batch_and_recall(study):
    spans = traced(study)
    names = {one.name for one in spans}
    nodes = {"plan", "read", "quiz", "attempt", "grade", "reflect", "remember", "forget", "examine"}
    assert {f"node.{node}" for node in nodes} <= names
    assert {"study", "batch.quiz", "batch.attempt", "recall"} <= names
    (whole,) = named(spans, "study")
    (examined,) = named(spans, "node.examine")
    assert examined.parent is not None
    assert examined.parent.span_id == whole.context.span_id
    assert all(one.end_time >= one.start_time for one in spans)


def test_a_span_counts(study):
    spans = traced(study)
    batch = named(spans, "batch.attempt")[0].attributes
    assert batch["ingrained.prompts"] > 0
    assert batch["ingrained.tokens_in"] > batch["ingrained.tokens_out"] > 0
    found = [one.attributes["ingrained.found"] for one in named(spans, "recall")]
    assert max(found) > 0
    assert named(spans, "node.attempt")[0].attributes["ingrained.tokens"] > 0


def test_no_span_holds_a_text(study):
    spans = traced(study)
    values = [value for one in spans for value in one.attributes.values()]
    assert all(isinstance(value, int | float) for value in values)
    told = " ".join(one.to_json() for one in spans)
    words = {word.strip(".,") for word in PAGE.split() if word[0].isupper() and len(word) > 4}
    assert words
    assert not {word for word in words if word in told}


def test_an_error_is_told_by_its_kind_and_not_by_what_it_says():
    def fails() -> None:
        with pytest.raises(ValueError, match="secret"), span("reply"):
            raise ValueError("a secret of the user")

    (failed,) = traced(fails)
    assert failed.status.description == "ValueError"
    assert "secret" not in failed.to_json()


def test_a_training_has_a_span_with_its_rows(consolidate):
    (training,) = named(traced(consolidate), "training")
    assert training.attributes["ingrained.rows"] > 0
    assert training.attributes["ingrained.tokens"] > 0


def test_off_is_the_default_and_loads_nothing():
    assert Settings().traces == ""
    source = (
        "import sys, ingrained.tracing as t\n"
        "with t.tracing(''), t.span('study') as told: told(found=1)\n"
        "print(*[name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


class Collector(BaseHTTPRequestHandler):
    """Takes spans, as an OpenTelemetry collector does."""

    taken: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An address of this machine, and what came there."""
    taken: list[tuple[str, bytes]] = []
    with HTTPServer(("127.0.0.1", 0), type("Taking", (Collector,), {"taken": taken})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()


def test_the_setting_sends_what_a_command_does(collector, corpus, home, monkeypatch):
    from ingrained.agent.commands.opening import Doors

    address, taken = collector
    monkeypatch.setenv("INGRAINED_TRACES", address)
    behind = Doors(model=ScriptedModel(script={}), embedder=HashEmbedder())
    assert run(["study", str(corpus), "--home", str(home)], behind) == 0
    assert {path for path, _ in taken} == {"/v1/traces"}
    body = b"".join(body for _, body in taken)
    assert b"node.quiz" in body
    assert b"Orlan" not in body


def test_the_setting_holds_in_python_too(collector, corpus, home):
    address, taken = collector
    model = ScriptedModel(script={})
    settings = Settings(traces=address)
    with Ingrained(home, model=model, embedder=HashEmbedder(), settings=settings) as agent:
        agent.study(corpus)
    assert b"node.quiz" in b"".join(body for _, body in taken)


def test_the_setting_holds_on_an_agent_server_too(collector, corpus, home, monkeypatch):
    address, taken = collector
    named = {"TRACES": address, "CORPUS": str(corpus), "HOME": str(home)}
    for name, value in named.items():
        monkeypatch.setenv(f"INGRAINED_{name}", value)
    graph = served_study(model=ScriptedModel(script={}), embedder=HashEmbedder()).compile()
    graph.invoke({"round": 0})
    assert b"node.quiz" in b"".join(body for _, body in taken)


def test_a_chat_is_traced_and_says_nothing_of_what_was_said(corpus, home):
    agent = Ingrained(home, model=ScriptedModel(script={}), embedder=HashEmbedder())
    with agent:
        agent.study(corpus)
        spans = traced(lambda: agent.chat(user="Mara").say("Who built the Orlan Bridge?"))
    assert {"reply", "recall"} <= {one.name for one in spans}
    assert not any("Mara" in one.to_json() or "Orlan" in one.to_json() for one in spans)


def test_without_it_nothing_is_sent(collector, corpus, home):
    _, taken = collector
    with Ingrained(home, model=ScriptedModel(script={}), embedder=HashEmbedder()) as agent:
        agent.study(corpus)
    assert taken == []


def test_a_collector_that_is_away_fails_nothing(tmp_path):
    with (
        tracing("http://127.0.0.1:9"),
        MemoryStore.open(tmp_path / "home", HashEmbedder()) as store,
    ):
        assert store.recall("Who built the bridge?") == []


def test_what_is_no_address_is_refused(monkeypatch, capsys):
    with pytest.raises(SettingsError, match="INGRAINED_TRACES"), tracing("collector:4318"):
        pass
    monkeypatch.setenv("INGRAINED_TRACES", "collector:4318")
    assert run(["models", "list"]) == 2
    assert "INGRAINED_TRACES" in capsys.readouterr().err


def test_it_says_how_to_get_what_only_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(InputError) as told, tracing("http://127.0.0.1:4318"):
        pass
    assert 'pip install "ingrained[traces]"' in told.value.hint
