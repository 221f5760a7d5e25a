"""`ingrained memory` and `ingrained adapters`."""

from __future__ import annotations

import io
import json

import pytest
from cli_student import doors, studied
from rich.console import Console

from ingrained.agent.cli import run
from ingrained.agent.ui.adapters import show_adapters
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.gate import Decision, Scores
from ingrained.trainer.manifest import Manifest


@pytest.fixture
def agent(tmp_path, capsys):
    """Runs a command on the home of an agent that has studied; returns its JSON."""
    home = studied(tmp_path / "home")
    capsys.readouterr()

    def call(*arguments: str, code: int = 0):
        assert run([*arguments, "--home", str(home), "--json"], doors()) == code
        return json.loads(capsys.readouterr().out)

    return call


def test_list_filters(agent):
    everything = agent("memory", "list")
    assert len(everything) > 2
    assert agent("memory", "list", "--limit", "2") == everything[:2]
    assert agent("memory", "list", "--kind", "insight") == []
    assert agent("memory", "list", "--kind", "fact", "--document", "teskow.md") == everything


@pytest.mark.parametrize("command", [["list"], ["search", "heron"]])
def test_a_document_that_no_memory_rests_on_is_named_with_those_that_there_are(agent, command):
    told = agent("memory", *command, "--document", "other.md", code=4)
    assert "unknown document 'other.md'" in told["error"]
    assert told["hint"] == "There are: teskow.md."


def test_a_document_whose_memories_are_all_forgotten_is_known(agent):
    ids = [one["id"] for one in agent("memory", "list")]
    agent("memory", "forget", *ids, "--yes")
    assert agent("memory", "list", "--document", "teskow.md") == []
    assert agent("memory", "search", "heron", "--document", "teskow.md") == []


def test_a_search_for_nothing_is_refused(agent):
    assert agent("memory", "search", " ", code=2)["error"] == "the query is empty"


def test_a_kind_that_does_not_exist(agent):
    assert "fact" in agent("memory", "list", "--kind", "rumour", code=2)["hint"]


def test_search_gives_scores(agent):
    best = agent("memory", "search", "heron on the roof")[0]
    assert "heron" in best["memory"]["text"]
    assert 0 < best["score"] <= 1
    assert best["rank"] == 1


def test_show_has_quote_evidence_and_history(agent):
    some = agent("memory", "list")[0]
    shown = agent("memory", "show", some["id"][:6])
    assert shown["spans"][0]["quote"]
    assert shown["evidence"][0]["passed_before"] is False
    assert shown["evidence"][0]["passed_after"] is True
    assert [event["kind"] for event in shown["history"]] == ["insert"]


def test_show_in_a_terminal(tmp_path, capsys, agent):
    some = agent("memory", "list")[0]
    assert run(["memory", "show", some["id"], "--home", str(tmp_path / "home")], doors()) == 0
    out = capsys.readouterr().out
    assert "Source: teskow.md, characters " in out
    assert "insert by study" in out
    assert "failed" in out


def test_forget_and_restore(agent):
    some = agent("memory", "list")[0]
    forgotten = agent("memory", "forget", some["id"], "--yes")
    assert forgotten == {"forgotten": [some["id"]], "already": []}
    assert some["id"] not in [one["id"] for one in agent("memory", "list")]
    assert [one["id"] for one in agent("memory", "list", "--forgotten")] == [some["id"]]
    assert agent("memory", "restore", some["id"]) == {"restored": [some["id"]], "already": []}
    history = agent("memory", "show", some["id"])["history"]
    assert [event["kind"] for event in history] == ["insert", "forget", "restore"]


def test_what_is_forgotten_already_is_not_forgotten_again(agent, tmp_path, capsys, monkeypatch):
    gone, there = (one["id"] for one in agent("memory", "list")[:2])
    agent("memory", "forget", gone, "--yes")
    told = agent("memory", "forget", gone, there, gone[:6], "--yes")
    assert told == {"forgotten": [there], "already": [gone]}
    monkeypatch.setattr("typer.confirm", _refuse)
    assert run(["memory", "forget", gone, "--home", str(tmp_path / "home")], doors()) == 0
    assert capsys.readouterr().out.startswith(f"Already forgotten {gone}: ")


def test_what_was_not_forgotten_is_not_restored(agent, tmp_path, capsys):
    there = agent("memory", "list")[0]["id"]
    assert agent("memory", "restore", there) == {"restored": [], "already": [there]}
    assert run(["memory", "restore", there, "--home", str(tmp_path / "home")], doors()) == 0
    assert capsys.readouterr().out.startswith(f"Already remembered {there}: ")


def test_forget_asks_and_takes_no_for_an_answer(agent, tmp_path, capsys, monkeypatch):
    some = agent("memory", "list")[0]
    monkeypatch.setattr("typer.confirm", _refuse)
    command = ["memory", "forget", some["id"], "--home", str(tmp_path / "home")]
    assert run(command, doors()) == 1
    assert some["text"] in capsys.readouterr().out
    assert agent("memory", "list", "--forgotten") == []


def _refuse(question: str, *, abort: bool) -> bool:
    import typer

    assert abort
    raise typer.Abort


def test_forget_with_json_wants_a_yes(agent):
    assert "--yes" in agent("memory", "forget", "abcdef", code=2)["hint"]


def test_an_id_that_does_not_exist(agent):
    assert agent("memory", "show", "ffffffffffff", code=4)["kind"] == "NotFoundError"


@pytest.fixture
def trained(agent, tmp_path):
    """The same agent with one adapter that passed the gate and one that did not."""
    registry = AdapterRegistry(tmp_path / "home")
    for accept in (True, False):
        version = registry.stage()
        registry.commit(
            version, Manifest(version=version, base_model="scripted", losses=(2.0, 0.5), rows=9)
        )
        registry.conclude(
            version,
            before=Scores(closed=0.1, memory=0.8, n=20),
            after=Scores(closed=0.6, memory=0.9 if accept else 0.5, n=20),
            decision=Decision(accept=accept, reasons=("weighed",)),
        )
    registry.promote("v001")
    return agent


def test_adapters_list_and_show(trained, tmp_path, capsys):
    assert [(one["version"], one["active"]) for one in trained("adapters", "list")] == [
        ("v001", True),
        ("v002", False),
    ]
    assert "losses" not in trained("adapters", "list")[0]
    assert trained("adapters", "show", "v002")["losses"] == [2.0, 0.5]
    assert trained("adapters", "show", "v002")["decision"] == "rejected"
    for command in (["list"], ["show", "v001"]):
        assert run(["adapters", *command, "--home", str(tmp_path / "home")]) == 0
    out = capsys.readouterr().out
    assert "10 → 60 %" in out
    assert "2.000 → 0.500" in out


def test_the_list_of_adapters_fits_into_eighty_columns():
    scores = Scores(closed=0.0, memory=0.91, n=22), Scores(closed=0.68, memory=0.91, n=22)
    one = Manifest(
        version="v001", base_model="m", seconds=896.0, memory_ids=("a",) * 12, decision="promoted",
        exam_before=scores[0], exam_after=scores[1], created=0.0,
    )  # fmt: skip
    console = Console(file=io.StringIO(), width=80)
    show_adapters([one], "v001", console)
    rows = [" ".join(row.split()) for row in console.file.getvalue().splitlines()]
    assert "v001 in use 1970-01-01 promoted 0 → 68 % 91 → 91 % 12 14 min 56 s" in rows
    assert "version made gate book memory memories time" in rows


def test_promote_a_rejected_adapter_only_by_force_and_roll_back(trained):
    assert "--force" in trained("adapters", "promote", "v002", code=4)["hint"]
    assert trained("adapters", "promote", "v002", "--force") == {"active": "v002"}
    assert trained("adapters", "rollback") == {"active": "v001"}
    assert trained("adapters", "rollback") == {"active": None}


def test_an_adapter_that_does_not_exist(trained):
    assert trained("adapters", "show", "v009", code=4)["kind"] == "NotFoundError"


@pytest.mark.parametrize(
    "command", [["list"], ["show", "{id}"], ["forget", "{id}", "--yes"], ["restore", "{id}"]]
)
def test_only_search_needs_the_embedder(agent, tmp_path, command):
    some = agent("memory", "list")[0]["id"]
    home = ["--home", str(tmp_path / "home")]
    assert run(["memory", *(part.format(id=some) for part in command), *home]) == 0
    assert run(["memory", "search", "heron", *home]) == 3


def test_a_missing_vector_is_never_made_by_another_embedder(agent, tmp_path, capsys):
    from ingrained.agent.commands.opening import Doors
    from ingrained.memory.ledger import Ledger
    from ingrained.memory.testing import HashEmbedder

    home = ["--home", str(tmp_path / "home")]
    some = agent("memory", "list")[0]["id"]
    assert run(["memory", "forget", some, "--yes", *home], doors()) == 0
    ledger = Ledger(tmp_path / "home" / "memory" / "ledger.sqlite")
    ledger._db.execute("DELETE FROM vectors")
    ledger.close()
    other = Doors(embedder=HashEmbedder(name="other"))
    assert run(["memory", "restore", some, *home], other) == 4
    assert "indexed with the embedder 'hash', not 'other'" in capsys.readouterr().err
    assert run(["memory", "restore", some, *home], doors()) == 0
