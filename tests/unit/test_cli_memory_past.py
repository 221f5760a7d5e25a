"""`ingrained memory history`, `undo`, `at`, `pin`, `supersede`, `rebuild` and what chooses memories."""

from __future__ import annotations

import json
import time

import pytest
from cli_student import doors, studied

from ingrained.agent.cli import run


@pytest.fixture
def home(tmp_path):
    return studied(tmp_path)


@pytest.fixture
def call(home, capsys):
    def call(*arguments, code=0, behind=None):
        capsys.readouterr()
        words = ["memory", *arguments, "--home", str(home), "--json"]
        assert run(words, behind or doors()) == code
        out, err = capsys.readouterr()
        return json.loads(out or err)

    return call


@pytest.fixture
def shown(home, capsys):
    def shown(*arguments):
        capsys.readouterr()
        assert run(["memory", *arguments, "--home", str(home)], doors()) == 0
        return capsys.readouterr().out

    return shown


def test_history_tells_what_changed_and_undo_takes_it_back(call, shown):
    some = call("list")[0]["id"]
    assert call("pin", some) == {"pinned": [some]}
    assert call("pin", some) == {"pinned": []}
    events = call("history", some)
    assert [event["kind"] for event in events] == ["insert", "pin"]
    assert events[1]["changed"] == {"pinned": {"before": False, "after": True}}
    assert "pinned: False → True" in shown("history", some)
    (undone,) = call("undo", str(events[1]["id"]))
    assert undone["pinned"] is False
    assert call("undo", "99999", code=4)["kind"] == "NotFoundError"


def test_what_was_of_use_fades_more_slowly_from_now_on(call, shown):
    before = call("list")[0]
    assert call("reinforce", before["id"][:8]) == {"reinforced": [before["id"]]}
    after = call("show", before["id"])
    assert after["strength"] == before["strength"] + 1
    assert after["last_recalled"] >= before["created"]
    assert "Reinforced" in shown("reinforce", before["id"])
    assert call("reinforce", "none-such", code=4)["kind"] == "NotFoundError"


def test_a_step_is_undone_as_a_whole(call):
    everything = call("list")
    first = call("history", everything[0]["id"])[0]["id"]
    assert len(call("undo", str(first), "--whole")) > 1
    assert len(call("list")) < len(everything)


def test_the_past_is_listed(call, shown):
    before = call("list")
    some = before[0]["id"]
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 1))
    time.sleep(1.1)
    call("forget", some, "--yes")
    assert [memory["id"] for memory in call("at", now)] == [memory["id"] for memory in before]
    assert call("at", "2020-01-01") == []
    assert call("at", "yesterday", code=2)["kind"] == "InputError"
    assert some[:8] in shown("at", now)


def test_a_place_is_taken_and_both_can_be_seen(call, shown):
    old, new = (memory["id"] for memory in call("list")[:2])
    assert call("supersede", old, new)["superseded_by"] == new
    assert old not in [memory["id"] for memory in call("list")]
    assert [memory["id"] for memory in call("list", "--status", "superseded")] == [old]
    assert f"its place was taken by: {new}" in shown("show", old)
    assert call("supersede", old, old, code=2)["kind"] == "InputError"
    assert call("list", "--status", "gone", code=2)["kind"] == "SettingsError"


def ids(found):
    return [one["memory"]["id"] for one in found]


def test_forgetting_by_document_by_query_and_not_at_all(call):
    found = ids(call("search", "heron"))
    preview = call("forget", "--query", "heron", "--dry-run")
    assert preview["would be forgotten"] == found
    assert ids(call("search", "heron")) == found
    assert call("forget", "--query", "heron", "--yes")["forgotten"]
    assert call("search", "heron") == []
    left = len(call("list"))
    assert len(call("forget", "--document", "teskow.md", "--yes")["forgotten"]) == left
    assert call("list") == []
    for wrong in (["--user", "ada"], ["--document", "other.md"]):
        assert call("forget", *wrong, "--yes", code=4)["kind"] == "NotFoundError"
    for wrong in (
        [],
        ["--faded", "--query", "x"],
        ["--query", "x", "--user", "y"],
        ["--query", "x"],
    ):
        assert call("forget", *wrong, code=2)["kind"] == "InputError"


def test_what_faded_is_shown_and_goes_only_if_asked(call, shown, monkeypatch):
    assert call("forget", "--dry-run") == {"fading": []}
    assert "Nothing has faded" in shown("forget", "--dry-run")
    monkeypatch.setenv("INGRAINED_CAPACITY", "2")
    active = len(call("list"))
    fading = call("forget", "--dry-run")["fading"]
    assert {one["why"] for one in fading} == {"capacity"}
    assert len(fading) == active - 2
    assert "capacity" in shown("forget", "--dry-run")
    assert len(call("forget", "--faded", "--yes")["forgotten"]) == len(fading)
    assert len(call("list")) == 2


def test_a_recall_is_explained(call, shown):
    told = call("search", "Where does the heron live?", "--explain", "--limit", "1")
    assert told[0]["verdict"] == "recalled"
    assert told[0]["found"]["dense_rank"] == 1
    text = shown("search", "Where does the heron live?", "--explain")
    assert "recalled" in text
    assert "#1" in text
    assert "Nothing comes near" in shown("search", "heron", "--kind", "skill", "--explain")


def test_recall_keeps_to_conditions(call):
    assert call("search", "heron", "--kind", "insight") == []
    assert call("search", "heron", "--until", "2020-01-01") == []
    assert call("search", "heron", "--since", "2020-01-01", "--kind", "fact")
    assert call("search", "heron", "--tag", "none") == []
    assert call("search", "heron", "--namespace", "user", "--namespace", "ada") == []
    assert call("list", "--namespace", "default")
    assert call("search", "heron", "--namespace", "", code=2)["kind"] == "InputError"


def test_namespaces_are_listed(call, shown):
    assert call("namespaces") == [{"namespace": ["default"], "active": len(call("list"))}]
    assert "default" in shown("namespaces")


def test_another_embedder_takes_a_rebuild(call, home, shown):
    from ingrained.agent.commands.opening import Doors
    from ingrained.memory.testing import HashEmbedder

    other = Doors(embedder=HashEmbedder(name="other"))
    told = call("search", "heron", code=4, behind=other)
    assert "ingrained memory rebuild" in told["hint"]
    number = len(call("list"))
    assert call("rebuild", behind=other) == {
        "memories": number, "embedder": "other", "chroma": None,
    }  # fmt: skip
    assert call("search", "heron", behind=other)
    assert call("rebuild")["embedder"] == "hash"
    assert f"Indexed {number} memories with hash." in shown("rebuild")


def test_a_calibration_needs_questions_enough(call):
    assert "needs 30" in call("calibrate", code=2)["error"]


def test_a_mended_index_is_told(home, capsys):
    import shutil

    (index,) = (home / "memory").glob("chroma*")
    shutil.rmtree(index)
    for told in (True, False):
        capsys.readouterr()
        assert run(["memory", "pin", "0000", "--home", str(home)], doors()) == 4
        assert ("index was behind: 5 put in, 0 taken out" in capsys.readouterr().err) is told


@pytest.mark.parametrize(
    "words",
    [
        ("undo", "99999999999999999999"), ("list", "--limit", "99999999999999999999"),
        ("at", "2026-01-31", "--limit", "99999999999999999999"),
        ("search", "heron", "--limit", "99999999999999999999"),
    ],
)  # fmt: skip
def test_a_number_beyond_all_bounds_is_refused(home, words, capsys):
    assert run(["memory", *words, "--home", str(home)], doors()) == 2
    assert "Invalid value" in capsys.readouterr().err


def test_an_event_that_there_is_not_is_named(home, capsys):
    assert run(["memory", "undo", "99999", "--home", str(home)], doors()) == 4
    err = capsys.readouterr().err
    assert "There is no event 99999" in err
    assert "history" in err
