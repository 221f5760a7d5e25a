"""`ingrained metrics`: what a home tells Prometheus, and whether it is well."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cli_student import PAGE, QUESTION, studied, write_exam
from prometheus_client.parser import text_string_to_metric_families
from vllm_double import Double, serving

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import existing_home
from ingrained.agent.library import Library
from ingrained.agent.metrics import families
from ingrained.agent.metrics.endpoint import application, listen, parse_address
from ingrained.agent.metrics.families import HomeCollector
from ingrained.agent.metrics.health import examine
from ingrained.errors import InputError
from ingrained.memory import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(text: str) -> Samples:
    """What Prometheus reads: by name and the values of the labels, in the order of their names."""
    return {
        (
            one.name.removeprefix("ingrained_"),
            tuple(dict(sorted(one.labels.items())).values()),
        ): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], Samples]:
    """What the command prints of a home."""

    def tell(home: Path) -> Samples:
        capsys.readouterr()
        assert run(["metrics", "--home", str(home)]) == 0
        return samples(capsys.readouterr().out)

    return tell


@contextmanager
def answering(settings: Settings) -> Iterator[httpx.Client]:
    """A client of the endpoint of a home."""

    def home() -> Any:
        return existing_home(settings)

    answers = application(HomeCollector(home), lambda: examine(settings, home))
    with listen("127.0.0.1", 0, answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
            yield client
        server.shutdown()


def health(settings: Settings) -> tuple[int, dict[str, str]]:
    """The status of the endpoint, and what it says of the parts."""
    with answering(settings) as client:
        got = client.get("/health")
    return got.status_code, got.json()["parts"]


def test_a_home_tells_what_it_holds(agent, told):
    home, _ = agent
    figures = told(home)
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        stats = store.stats()
    assert figures["memories", ("fact", "active")] == stats.active > 0
    assert figures["ledger_events_total", ("insert",)] == stats.active
    assert figures["documents", ()] == 1
    assert figures["passages", ("studied",)] > 0
    assert figures["passages", ("unread",)] == 0
    assert figures["questions", ("no",)] > 0
    assert figures["home_bytes", ("memory",)] > (home / "memory/ledger.sqlite").stat().st_size / 2


def test_a_home_tells_what_its_last_study_took(agent, told):
    home, _ = agent
    run_file = json.loads((home / "runs" / "0001.json").read_text())
    figures = told(home)
    assert figures["studies_total", ()] == 1
    assert figures["study_unfinished", ()] == 0
    assert figures["study_started_timestamp_seconds", ()] > 1_600_000_000
    for phase, cost in run_file["phases"].items():
        assert figures["study_tokens", ("in", phase)] == cost["tokens_in"]
        assert figures["study_seconds", (phase,)] == pytest.approx(cost["seconds"])
    (home / "run.json").write_text("{}")
    assert told(home)["study_unfinished", ()] == 1


def test_a_home_tells_what_was_skipped_and_forgotten(agent, told):
    home, behind = agent
    (home.parent / "corpus" / "picture.png").write_bytes(b"\x89PNG")
    assert run(["study", str(home.parent / "corpus"), "--home", str(home)], behind) == 0
    with MemoryStore.open(home, HashEmbedder()) as store:
        store.forget([store.list()[0].id], who="t", why="t")
    figures = told(home)
    assert figures["documents_skipped", ()] == 1
    assert figures["memories", ("fact", "forgotten")] == 1
    assert figures["ledger_events_total", ("forget",)] == 1


def test_a_home_tells_how_its_exams_went(agent, told):
    home, behind = agent
    row: dict[str, object] = {"id": "1", "question": QUESTION, "answers": ["Pip"]}
    exam = str(write_exam(home.parent, [row]))
    assert run(["exam", exam, "--cells", "base,memory", "--home", str(home)], behind) == 0
    figures = told(home)
    report = json.loads((home / "exams" / "exam.json").read_text())
    assert figures["exam_questions", ("exam",)] == 1
    for cell in ("base", "memory"):
        for measure in ("contained", "exact", "f1"):
            expected = report["cells"][cell][measure]["value"]
            assert figures["exam_score", (cell, "exam", measure)] == expected


def test_a_home_tells_how_its_last_examination_went(agent, told):
    home, _ = agent
    with closing(Library(home / "library.sqlite")) as library:
        library.put_round({"sealed": 8, "scores": {"base": 0.25, "memory": 0.5}})
        library.put_round({"sealed": 9, "scores": {"base": 0.25, "memory": 0.75}})
        library.put_round({"sealed": 0, "scores": {"base": 0.0, "memory": 0.0}})
    figures = told(home)
    assert figures["sealed_score", ("base",)] == 0.25
    assert figures["sealed_score", ("memory",)] == 0.75


def test_a_home_tells_of_its_adapters(agent, told):
    home, _ = agent
    registry = AdapterRegistry(home)
    for _ in range(3):
        version = registry.stage()
        registry.commit(version, Manifest(version=version, base_model="tiny"))
    registry.promote("v002", force=True)
    registry.mark_stale(["v001"], "its memories are gone")
    registry.stage()
    figures = told(home)
    assert figures["adapters", ("candidate",)] == 1
    assert figures["adapters", ("promoted",)] == 1
    assert figures["adapters", ("stale",)] == 1
    assert figures["adapters", ("unfinished",)] == 1
    assert figures["adapter_in_use", ("v002",)] == 1


def test_no_figure_holds_what_a_document_says(agent, capsys):
    home, _ = agent
    assert run(["metrics", "--home", str(home)]) == 0
    text = capsys.readouterr().out
    words = {word.strip(".,") for word in PAGE.split() if word[0].isupper() and len(word) > 4}
    assert not {word for word in words if word in text}


def test_it_reads_while_another_process_writes_and_changes_nothing(agent, told):
    home, _ = agent
    with MemoryStore.open(home, HashEmbedder()):
        before = {path: path.read_bytes() for path in home.rglob("*.sqlite")}
        assert told(home)["documents", ()] == 1
        assert health(Settings(home=home)) == (200, {"home": "ok", "index": "ok"})
        assert {path: path.read_bytes() for path in home.rglob("*.sqlite")} == before


def test_a_home_in_which_nothing_was_studied_tells_of_nothing(tmp_path, told):
    home = tmp_path / "home"
    with MemoryStore.open(home, HashEmbedder()):
        pass
    (home / "home.json").write_text('{"version": 1}')
    figures = told(home)
    assert figures["documents", ()] == 0
    assert not any(name in ("adapter_in_use", "exam_score", "study_tokens") for name, _ in figures)
    assert not (home / "library.sqlite").exists()


def test_a_home_that_is_not_there_is_an_error_and_is_not_made(tmp_path, capsys):
    assert run(["metrics", "--home", str(tmp_path / "none")]) == 4
    assert "no agent lives" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_the_endpoint_tells_the_same(agent, told):
    home, _ = agent
    printed = told(home)
    with answering(Settings(home=home)) as client:
        got = client.get("/metrics")
        assert client.get("/").status_code == 404
        assert client.post("/metrics").status_code == 405
    served = samples(got.text)
    assert got.headers["Content-Type"].startswith("text/plain")
    assert served.pop(("up", ())) == 1
    assert served.keys() == printed.keys()


def test_the_endpoint_waits_for_a_home_that_is_not_there_yet(tmp_path):
    settings = Settings(home=tmp_path / "home")
    with answering(settings) as client:
        assert samples(client.get("/metrics").text) == {("up", ()): 0}
        got = client.get("/health")
        assert got.status_code == 503
        assert got.json()["status"] == "failing"
        assert "no agent lives" in got.json()["parts"]["home"]
        studied(settings.home)
        assert samples(client.get("/metrics").text)["up", ()] == 1
        assert client.get("/health").json()["status"] == "ok"


def test_a_damaged_home_is_told_by_both(agent):
    home, _ = agent
    (home / "library.sqlite").write_bytes(b"no database" * 1000)
    for left in home.glob("library.sqlite-*"):
        left.unlink()
    with answering(Settings(home=home)) as client:
        assert samples(client.get("/metrics").text) == {("up", ()): 0}
    status, parts = health(Settings(home=home))
    assert status == 503
    assert "not a database" in parts["home"]


def test_health_names_the_file_for_which_there_are_no_figures(agent):
    home, _ = agent
    (home / "exams").mkdir()
    (home / "exams" / "spring.json").write_text("{")
    status, parts = health(Settings(home=home))
    assert status == 503
    assert "spring.json" in parts["home"]


def test_an_index_that_is_gone_is_unhealthy(agent):
    home, _ = agent
    (folder,) = (home / "memory").glob("chroma-*")
    folder.rename(home / "elsewhere")
    status, parts = health(Settings(home=home))
    assert status == 503
    assert folder.name in parts["index"]


def test_a_model_server_is_asked_where_the_settings_name_one(agent):
    home, _ = agent
    with serving(Double()) as double:
        named = Settings(home=home, vllm=double.address)
        assert health(named) == (200, {"home": "ok", "index": "ok", "vllm": "ok"})
        by_model = Settings(home=home, model=f"vllm:@{double.address}")
        assert health(by_model)[1]["vllm"] == "ok"
    status, parts = health(named)
    assert status == 503
    assert double.address in parts["vllm"]


def test_a_chroma_server_that_is_away_is_unhealthy(agent):
    home, _ = agent
    status, parts = health(Settings(home=home, chroma="http://127.0.0.1:9"))
    assert status == 503
    assert "does not answer" in parts["chroma"]
    assert "does not answer" in parts["index"]
    assert "not the address" in health(Settings(home=home, chroma="chroma"))[1]["chroma"]


def test_addresses():
    assert parse_address("9464") == ("127.0.0.1", 9464)
    assert parse_address(":9464") == ("127.0.0.1", 9464)
    assert parse_address("0.0.0.0:9464") == ("0.0.0.0", 9464)
    assert parse_address("[::1]:9464") == ("::1", 9464)
    for wrong in ("localhost", "localhost:", "localhost:http", "localhost:99999"):
        with pytest.raises(InputError):
            parse_address(wrong)


def test_other_machines_are_let_in_only_on_demand(agent, capsys):
    home, _ = agent
    assert run(["metrics", "--home", str(home), "--listen", "0.0.0.0:9464"]) == 2
    assert "--expose" in capsys.readouterr().err


def test_a_port_in_use_is_told(agent, capsys):
    home, _ = agent
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run(["metrics", "--home", str(home), "--listen", f"127.0.0.1:{port}"]) == 2
    assert "--listen" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_answers_until_it_is_stopped(agent, number):
    home, _ = agent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["metrics", "--home", str(home), "--listen", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "ingrained", *words], stderr=subprocess.PIPE, text=True,
        env=dict(os.environ), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:  # fmt: skip
        assert child.stderr is not None
        assert "/metrics" in child.stderr.readline()
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        child.send_signal(number)
        assert child.wait(20) == 0


def test_it_says_how_to_get_what_only_it_needs(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert run(["metrics"]) == 2
    assert 'pip install "ingrained[metrics]"' in capsys.readouterr().err


def test_the_manual_names_every_figure(root: Path, agent):
    page = (root / "docs" / "deployment.md").read_text(encoding="utf-8")
    home, _ = agent
    names = [one.name for one in families.families(existing_home(Settings(home=home)))]
    assert {name for name in ("ingrained_up", *names) if name not in page} == set()
