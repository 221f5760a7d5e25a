"""`ingrained memory export` and `ingrained memory import`."""

from __future__ import annotations

import io
import json

import pytest
from cli_student import doors, studied
from rich.console import Console

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.ui.memories import when
from ingrained.agent.ui.moving import show_imported
from ingrained.agent.ui.progress import CountBar
from ingrained.memory.testing import HashEmbedder
from ingrained.memory.transfer import Skipped, Tally


class MutedEmbedder(HashEmbedder):
    """Refuses to embed: an import with vectors must not need it."""

    def embed(self, texts):
        assert not texts
        return []


@pytest.fixture
def call(tmp_path, capsys):
    """Runs a command on a home, the studied one unless another is named; returns its JSON."""

    def call(*arguments: str, home: str = "home", code: int = 0, behind: Doors | None = None):
        capsys.readouterr()
        command = [*map(str, arguments), "--home", str(tmp_path / home), "--json"]
        assert run(command, behind or doors()) == code
        return json.loads(capsys.readouterr().out)

    return call


HERONS = [
    {"text": "A heron named Pip lives on the roof.", "document": "mill.md", "tags": ["bird"]},
    {"text": "The ferry carries forty goats.", "kind": "insight"},
    {"text": "The mill was built in 1702."},
]


@pytest.fixture
def agent(tmp_path, call):
    """The same, with three memories, the last of them forgotten."""
    call("memory", "import", write_plain(tmp_path, *HERONS))
    call("memory", "forget", call("memory", "list")[-1]["id"], "--yes")
    return call


def write_plain(folder, *rows: dict):
    file = folder / "notes.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def all_memories(call, home: str):
    return call("memory", "list", home=home) + call("memory", "list", "--forgotten", home=home)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_what_one_agent_exports_another_remembers_as_it_was(call, tmp_path, form):
    studied(tmp_path / "home")
    call("memory", "forget", call("memory", "list")[0]["id"], "--yes")
    known, file = all_memories(call, "home"), tmp_path / f"memories.{form}"
    told = call("memory", "export", file)
    assert told == {
        "file": str(file), "format": form, "memories": len(known), "vectors": False,
    }  # fmt: skip
    imported = call("memory", "import", file, home="new")
    assert (imported["format"], imported["rows"], imported["added"]) == (
        form,
        len(known),
        len(known),
    )
    assert all_memories(call, "new") == known
    assert recalled(call, "new") == recalled(call, "home")


def recalled(call, home: str):
    """What is recalled of herons: memories, and how near they are."""
    found = call("memory", "search", "heron", home=home)
    return [(one["memory"], round(one["dense"], 5)) for one in found]


def test_importing_twice_changes_nothing(agent, tmp_path):
    file = tmp_path / "memories.jsonl"
    agent("memory", "export", file)
    agent("memory", "import", file, home="new")
    known = all_memories(agent, "new")
    again = agent("memory", "import", file, home="new")
    assert (again["unchanged"], "added" in again) == (len(known), False)
    assert all_memories(agent, "new") == known
    history = agent("memory", "show", known[0]["id"], home="new")["history"]
    assert [(event["who"], event["why"]) for event in history] == [
        ("import", "imported from memories.jsonl")
    ]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_with_vectors_nothing_is_embedded_anew(agent, tmp_path, form):
    file = tmp_path / f"memories.{form}"
    assert agent("memory", "export", file, "--vectors", "--status", "active")["vectors"] is True
    muted = Doors(embedder=MutedEmbedder())
    told = agent("memory", "import", file, home="new", behind=muted)
    assert told["vectors"] == told["added"] == len(agent("memory", "list"))
    assert recalled(agent, "new") == recalled(agent, "home")


def test_export_of_a_part(agent, tmp_path):
    file = tmp_path / "memories.jsonl"
    assert agent("memory", "export", file, "--status", "forgotten")["memories"] == 1
    assert agent("memory", "export", file, "--namespace", "nobody")["memories"] == 0
    everything = len(all_memories(agent, "home"))
    assert agent("memory", "export", file, "--namespace", "default")["memories"] == everything


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["memories.txt"], "does not say what to write"),
        (["memories.txt", "--format", "csv"], "there is no format 'csv'"),
        (["memories.jsonl", "--status", "asleep"], "there is no status 'asleep'"),
        (["none/memories.jsonl"], "no such folder"),
        (["notes.jsonl"], "is no export of memories"),
    ],
)
def test_an_export_that_cannot_be(agent, tmp_path, arguments, told):
    file, *options = arguments
    error = agent("memory", "export", tmp_path / file, *options, code=2)
    assert told in error["error"]
    assert error["hint"]


def test_a_new_agent_can_begin_with_an_import(call, tmp_path):
    file = write_plain(tmp_path, {"text": "Ada keeps a heron."}, {"text": ""})
    command = ("memory", "import", file, "--trust", "0.3")
    told = call(*command, home="new")
    assert (told["format"], told["rows"], told["added"]) == ("plain", 1, 1)
    assert told["skipped"] == [{"place": "notes.jsonl:2", "reason": '"text" is empty'}]
    (memory,) = call("memory", "list", home="new")
    assert (memory["text"], memory["trust"]) == ("Ada keeps a heron.", 0.3)
    assert call(*command, home="new")["unchanged"] == 1
    found = call("memory", "search", "heron", home="new")
    assert found[0]["memory"]["id"] == memory["id"]


def test_a_dry_run_counts_and_writes_nothing(call, tmp_path):
    file = write_plain(tmp_path, {"text": "Ada keeps a heron.", "namespace": ["team"]})
    told = call("memory", "import", file, "--dry-run", home="new")
    assert (told["dry_run"], told["rows"]) == (True, 1)
    assert told["namespaces"] == [{"namespace": ["team"], "rows": 1}]
    assert not (tmp_path / "new").exists()


def test_a_search_that_finds_nothing_says_where_it_did_not_look(call, tmp_path, capsys):
    file = write_plain(tmp_path, {"text": "Ada keeps a heron.", "namespace": ["user", "ada"]})
    call("memory", "import", file, home="new")
    words = ["memory", "search", "heron", "--home", str(tmp_path / "new")]
    assert run(words, doors()) == 0
    assert "Not searched (--namespace LABEL for each label): user / ada" in capsys.readouterr().out
    assert run([*words, "--namespace", "user", "--namespace", "ada"], doors()) == 0
    assert "Ada keeps a heron." in capsys.readouterr().out


def test_nothing_can_be_compared_where_nothing_was_studied(call, tmp_path):
    file = write_plain(tmp_path, {"text": "Ada keeps a heron."})
    call("memory", "import", file, home="new")
    newer = tmp_path / "newer.md"
    newer.write_text("Ada keeps two herons.", encoding="utf-8")
    told = call("memory", "diff", "mill.md", newer, home="new", code=4)
    assert "nothing was studied here yet" in told["error"]


def test_all_rows_can_go_into_one_namespace(call, tmp_path):
    file = write_plain(tmp_path, {"text": "A heron.", "namespace": "x"}, {"text": "A goat."})
    options = ["--namespace", "user", "--namespace", "ada@example.org"]
    told = call("memory", "import", file, *options, home="new")
    assert told["namespaces"] == [{"namespace": ["user", "ada@example.org"], "rows": 2}]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.jsonl"], "no such file"),
        (["notes.jsonl", "--format", "csv"], "there is no format 'csv'"),
        (["notes.jsonl", "--format", "mem0"], "nothing in 'notes.jsonl' can be read as mem0"),
        (["notes.jsonl", "--format", "jsonl"], "is no export of Ingrained"),
        (["notes.jsonl", "--trust", "2"], "not in [0, 1]"),
        (["notes.jsonl", "--namespace", " "], "a label of the namespace is empty"),
    ],
)
def test_an_import_that_cannot_be(call, tmp_path, arguments, told):
    write_plain(tmp_path, {"text": "A heron."})
    file, *options = arguments
    error = call("memory", "import", tmp_path / file, *options, home="new", code=2)
    assert told in error["error"]
    assert error["hint"]
    assert not (tmp_path / "new").exists()


def test_an_import_in_a_terminal(tmp_path, capsys):
    rows = [{"text": f"Heron {n}.", "colour": "red"} for n in range(3)]
    file = write_plain(tmp_path, *rows, {"text": ""}, {"text": " "})
    assert run(["memory", "import", str(file), "--home", str(tmp_path / "new")], doors()) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Read 3 memories from" in out
    assert "3 added 3 in the namespace default" in out
    assert 'Skipped 2: notes.jsonl:4 and 1 more: "text" is empty' in out
    assert "Left out of 3: colour" in out


def test_an_export_in_a_terminal(agent, tmp_path, capsys):
    file = tmp_path / "one.parquet"
    command = ["memory", "export", str(file), "--status", "forgotten", "--vectors"]
    assert run([*command, "--home", str(tmp_path / "home")], doors()) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out == f"Exported 1 memory with vectors to {file}."


def test_what_a_file_holds_does_not_steer_the_terminal():
    tally = Tally()
    tally.namespaces[("\x1b[31mred",)] = 1
    tally.left_out["\x1b]0;title"] = 1
    for number in range(150):
        tally.skip(Skipped(place=f"\x1b[2J:{number}", reason=f"reason {number}"))
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    show_imported(tally, "a\x1bb", "plain", dry_run=True, console=console)
    told = console.file.getvalue()
    assert "\x1b" not in told
    assert "Skipped 150:" in told
    assert "--json lists the first hundred" in told


def test_a_bar_is_shown_in_a_terminal_only():
    for terminal in (True, False):
        console = Console(file=io.StringIO(), width=80, force_terminal=terminal)
        with CountBar("Importing", "memories", 4, console=console) as bar:
            bar.advance(3)
        assert ("Importing" in console.file.getvalue()) is terminal


def test_an_export_is_screened_when_it_is_imported(agent, call, tmp_path, monkeypatch):
    told = {"text": "Write to Pip at pip@example.org.", "namespace": ["user", "pip"]}
    call("memory", "import", write_plain(tmp_path, told))
    file = tmp_path / "all.jsonl"
    call("memory", "export", file)
    monkeypatch.setenv("INGRAINED_SCREENING", "refuse")
    tally = call("memory", "import", file, home="other")
    assert tally["refused"] == 1
    assert len(all_memories(call, "other")) == len(all_memories(call, "home")) - 1


@pytest.mark.parametrize("seconds", [1e300, 5e11, -2e11, float("nan"), float("inf")])
def test_a_time_that_no_calendar_names_is_shown_as_a_number(seconds):
    assert when(seconds) == f"{seconds:g} s"
    assert when(0.0) == "1970-01-01 00:00"
