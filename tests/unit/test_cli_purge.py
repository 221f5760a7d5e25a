"""`ingrained memory purge` and `ingrained memory verify-absent`."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext

import pytest
import typer
from cli_student import PAGE, doors, studied, write_page

from ingrained.agent.cli import run
from ingrained.graphs import erasing
from ingrained.graphs.chat import open_threads
from ingrained.graphs.session import Home
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

HERON = "A heron named Pip lives on the roof of the mill."


@pytest.fixture
def home(tmp_path):
    return studied(tmp_path / "home")


@pytest.fixture
def agent(home, capsys):
    """Runs a command on the home of an agent that has studied; returns its JSON."""
    capsys.readouterr()

    def call(*arguments: str, code: int = 0):
        assert run([*arguments, "--home", str(home), "--json"], doors()) == code
        return json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def terminal(home, capsys):
    """Runs a command and returns what it shows."""

    def call(*arguments: str, code: int = 0):
        capsys.readouterr()
        assert run([*arguments, "--home", str(home)], doors()) == code
        return " ".join(capsys.readouterr().out.split())

    return call


@pytest.fixture
def heron(agent):
    """The id of the memory of the heron."""
    return next(one["id"] for one in agent("memory", "list") if one["text"] == HERON)


def test_what_was_purged_is_absent_and_was_there_before(agent, heron):
    assert agent("memory", "verify-absent", HERON, code=1)["absent"] is False
    done = agent("memory", "purge", heron[:8], "--yes")

    assert done["memories"] == [heron]
    assert done["left"] == []
    assert done["buried"]["documents"] == {"teskow.md": 1}
    found = agent("memory", "verify-absent", HERON)
    assert found["absent"] is True
    assert found["hits"] == []
    assert found["files"] > 3
    assert heron not in [one["id"] for one in agent("memory", "list")]
    assert agent("memory", "show", heron, code=4)["kind"] == "NotFoundError"


def test_verify_absent_names_files_and_places(terminal):
    shown = terminal("memory", "verify-absent", "a heron NAMED pip", code=1)
    assert "Still there: searched" in shown
    assert "memory/ledger.sqlite" in shown
    assert "library.sqlite" in shown
    assert "Absent: searched" in terminal("memory", "verify-absent", "a heron named Pup")


def test_nothing_is_not_searched_for(agent):
    assert agent("memory", "verify-absent", " ", code=2)["kind"] == "InputError"


def test_a_dry_run_tells_what_would_go_and_changes_nothing(agent, terminal, heron, home):
    registry = AdapterRegistry(home)
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model="m", memory_ids=(heron,)))
    told = agent("memory", "purge", heron, "--dry-run")
    assert [one["id"] for one in told["chosen"]] == [heron]
    assert (told["derived"], told["along"], told["adapters"]) == ([], [], ["v001"])
    assert "no longer to be used: v001" in terminal("memory", "purge", heron, "--dry-run")
    assert agent("memory", "show", heron)["id"] == heron
    assert not registry.show(version).stale


def test_it_says_that_it_cannot_be_undone_and_takes_no_for_an_answer(
    agent, terminal, heron, monkeypatch
):
    asked = []

    def refuse(question: str, *, abort: bool) -> bool:
        asked.append(question)
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)
    assert HERON in terminal("memory", "purge", heron, code=1)
    assert asked == ["Erase 1 for good? This cannot be undone"]
    assert agent("memory", "show", heron)["id"] == heron


def test_json_wants_a_yes(agent, heron):
    assert "--yes" in agent("memory", "purge", heron, code=2)["hint"]


def test_the_terminal_tells_what_went_where(terminal, heron, home):
    run(["report", "--home", str(home)])
    shown = terminal("memory", "purge", heron, "--yes")
    assert shown.startswith("Erased 1 memory for good. 1 stretch of 1 document")
    assert "report.html, made anew" in shown
    assert "Absent: searched" in shown
    page = (home / "report.html").read_text()
    assert "heron" not in page


def test_a_file_of_the_users_own_that_holds_the_text_is_named(terminal, heron, home):
    (home / "export.jsonl").write_text(HERON)
    shown = terminal("memory", "purge", heron, "--yes", code=1)
    assert "Still there: searched" in shown
    assert "export.jsonl" in shown
    assert "library.sqlite" not in shown


def test_a_stale_adapter_shows_and_is_not_promoted_without_force(agent, terminal, heron, home):
    registry = AdapterRegistry(home)
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model="scripted", memory_ids=(heron,)))
    registry.promote(version, force=True)
    shown = terminal("memory", "purge", heron, "--yes")

    assert "adapters that are stale now: v001" in shown
    assert "adapters taken out of use: v001" in shown
    assert "No adapter is in use; the next `ingrained study PATH --consolidate`" in shown
    assert "stale" in terminal("adapters", "list")
    assert "a memory it was trained on was purged" in terminal("adapters", "show", "v001")
    assert agent("adapters", "list")[0]["stale"]
    refused = agent("adapters", "promote", "v001", code=4)
    assert refused["error"] == "Adapter v001 is stale: a memory it was trained on was purged."
    assert "--force" in refused["hint"]
    assert agent("adapters", "promote", "v001", "--force") == {"active": "v001"}


def test_a_whole_document_is_purged(agent, home):
    done = agent("memory", "purge", "--document", "teskow.md", "--yes")
    assert len(done["memories"]) > 2
    assert done["buried"]["emptied"] == ["teskow.md"]
    assert agent("memory", "list") == []
    for text in ("Ada Kern", "from Orrelsund", "forty goats", "crosses in eleven minutes"):
        agent("memory", "verify-absent", text)
    again = agent("memory", "purge", "--document", "teskow.md", "--yes", code=4)
    assert again["kind"] == "NotFoundError"


def test_a_document_that_nothing_is_remembered_of_is_purged_too(agent, terminal, home):
    with MemoryStore.open(home, HashEmbedder()) as store:
        store.purge([one.id for one in store.list(status=None)], who="me", why="a test")
    told = agent("memory", "purge", "--document", "teskow.md", "--dry-run")
    assert (told["chosen"], told["documents"]) == ([], ["teskow.md"])
    shown = terminal("memory", "purge", "--document", "teskow.md", "--yes")
    assert "teskow.md as a whole" in shown
    agent("memory", "verify-absent", "forty goats")


@pytest.mark.parametrize("where", ["records", "ledger"])
def test_a_documents_purge_cut_short_is_finished_by_the_same_command(
    agent, home, monkeypatch, where
):
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "redact_records" if where == "records" else "finish", die)
        with pytest.raises(Killed):
            run(
                ["memory", "purge", "--document", "teskow.md", "--yes", "--home", str(home)],
                doors(),
            )
    agent("memory", "purge", "--document", "teskow.md", "--yes")
    agent("memory", "verify-absent", "forty goats")
    assert not (home / "purge.json").exists()


def test_what_a_query_brings_back_is_purged(agent, heron):
    done = agent("memory", "purge", "--query", "Which heron is on the roof?", "--yes")
    assert heron in done["memories"]


@pytest.fixture
def users(home):
    """Two users and a project of one of them, beside what was studied."""
    spaces = [("user", "ida"), ("team", "user", "ida", "notes"), ("user", "ida@x.org"), ("ida",)]
    with MemoryStore.open(home, HashEmbedder()) as store:
        for space in spaces:
            said = Memory(id="", text=f"Ida of {'/'.join(space)} likes pears.", namespace=space)
            store.insert([said], who="me", why="a test")
    return home


def test_a_user_is_every_namespace_with_that_label_and_no_other(users, agent):
    told = agent("memory", "purge", "--user", "ida", "--dry-run")
    assert [one["namespace"] for one in told["chosen"]] == [
        ["team", "user", "ida", "notes"], ["user", "ida"],
    ]  # fmt: skip
    assert len(agent("memory", "purge", "--user", "ida", "--yes")["memories"]) == 2
    unknown = agent("memory", "purge", "--user", "ida", "--yes", code=4)
    assert unknown["hint"] == "There are: ida@x.org."


@pytest.mark.parametrize(
    "choice",
    [[], ["abcd", "--document", "teskow.md"], ["--query", "x", "--user", "y"], ["--query", " "]],
)
def test_exactly_one_way_of_choosing(agent, choice):
    refused = agent("memory", "purge", *choice, "--yes", code=2)
    assert refused["kind"] == "InputError"


@pytest.mark.parametrize(("choice", "kind"), [
    (["ffffffff"], "NotFoundError"),
    (["--document", "other.md"], "NotFoundError"),
    (["--user", "nobody"], "NotFoundError"),
])  # fmt: skip
def test_what_is_not_there_cannot_be_purged(agent, choice, kind):
    assert agent("memory", "purge", *choice, "--yes", code=4)["kind"] == kind


class Killed(BaseException):
    """Stands for the process ending."""


def test_a_purge_cut_short_is_finished_by_the_same_command_or_by_one_without_ids(
    agent, heron, home, monkeypatch
):
    def die(*_: object) -> None:
        raise Killed

    for again in ([heron], []):
        with monkeypatch.context() as patch:
            patch.setattr(erasing, "redact_records", die)
            with pytest.raises(Killed):
                run(["memory", "purge", heron, "--yes", "--home", str(home)], doors())
        done = agent("memory", "purge", *again, "--yes")
        assert done["memories"] == [heron]
        agent("memory", "verify-absent", HERON)
        with MemoryStore.open(home, HashEmbedder()) as store:
            store.insert([Memory(id="", text=HERON)], who="me", why="told again")


def test_an_edited_document_is_studied_without_what_was_purged(agent, heron, home, capsys):
    agent("memory", "purge", heron, "--yes")
    corpus = write_page(home.parent, PAGE.replace("nine sacks", "ten sacks"))
    assert run(["study", str(corpus), "--home", str(home)], doors()) == 0
    assert "purged    teskow.md: 1 stretch left out" in capsys.readouterr().err
    agent("memory", "verify-absent", HERON)


def test_killed_before_the_index_is_gone_the_next_purge_deletes_it_and_a_study_tells(
    agent, heron, home, monkeypatch, capsys
):
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "finish", die)
        with pytest.raises(Killed):
            run(["memory", "purge", heron, "--yes", "--home", str(home)], doors())
    assert list((home / "memory").glob("chroma*"))
    run(["study", str(write_page(home.parent)), "--home", str(home)], doors())
    assert "A purge is not finished" in capsys.readouterr().err
    agent("memory", "purge", "--yes")
    assert not list((home / "memory").glob("chroma*"))
    assert not (home / "purge.json").exists()


def test_a_short_text_is_said_not_to_be_searched_for(terminal, home):
    with MemoryStore.open(home, HashEmbedder()) as store:
        (done,) = store.insert([Memory(id="", text="Teskow")], who="me", why="a test")
    shown = terminal("memory", "purge", done.id, "--yes")
    assert shown.startswith("Erased 1 memory for good.")
    assert "Too short to be taken out of other texts, and not searched for: “Teskow”" in shown
    assert "Still there" not in shown


SECRET = "My secret boat is called Zebulon."


@pytest.fixture
def says(home, monkeypatch, capsys):
    """Say something in a chat, beside a process that writes or not."""

    def said(user: str, text: str, *, thread: str = "one", beside: bool = False) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
        with MemoryStore.open(home, HashEmbedder()) if beside else nullcontext():
            options = ["--home", str(home), "--user", user, "--thread", thread]
            assert run(["chat", *options], doors()) == 0
        capsys.readouterr()

    return said


def names(home, user: str) -> list[str]:
    with open_threads(Home(home)) as threads:
        return threads.names(user)


def test_what_a_user_said_goes_though_it_is_not_in_the_memory_yet(says, agent, home):
    says("ada", SECRET, beside=True)
    says("bob", "I like jam on toast.")
    assert agent("memory", "purge", "--user", "ada", "--dry-run")["users"] == ["ada"]
    assert agent("memory", "purge", "--user", "ada", "--yes")["conversations"] == 1
    assert agent("memory", "verify-absent", SECRET)["absent"]
    assert (names(home, "ada"), names(home, "bob")) == ([], ["one"])
    assert agent("memory", "purge", "--user", "ada", "--yes", code=4)["kind"] == "NotFoundError"


def test_a_purge_of_a_user_takes_every_conversation_of_theirs(says, agent, home):
    says("ada", SECRET, thread="two", beside=True)
    says("ada", "I like jam on toast.", thread="three")
    assert agent("memory", "purge", "--user", "ada", "--yes")["conversations"] == 2
    assert names(home, "ada") == []
    assert agent("memory", "verify-absent", SECRET)["absent"]


def test_it_says_that_the_conversations_go(says, terminal):
    says("ada", SECRET)
    assert "All conversations of ada" in terminal("memory", "purge", "--user", "ada", "--dry-run")


def test_a_purge_of_a_user_cut_short_is_finished(says, agent, home, monkeypatch):
    says("ada", SECRET, beside=True)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "drop_conversations", die)
        with pytest.raises(Killed):
            run(["memory", "purge", "--user", "ada", "--yes", "--home", str(home)], doors())
    agent("memory", "purge", "--yes")
    assert names(home, "ada") == []
