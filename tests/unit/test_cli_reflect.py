"""`ingrained memory reflect`: insights on demand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.session import Home
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

LEFT = "The ship Grey Linnet left Drennoway on 2 April."
SHIP = "The ship Grey Linnet was a grain carrier."
CARRIED = "The ship Grey Linnet housed 44 people."
INSIGHT = "A grain carrier left Drennoway on 2 April."


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    Home(folder)
    with MemoryStore.open(folder, HashEmbedder()) as store:
        facts = [Memory(id="", text=text) for text in (LEFT, SHIP, CARRIED)]
        store.insert(facts, who="test", why="a test")
    return folder


Reflect = Callable[..., tuple[int, str, str]]


@pytest.fixture
def reflect(home: Path, capsys: pytest.CaptureFixture[str]) -> Reflect:
    def call(*options: str, reply: str = f"{INSIGHT} [1][2]") -> tuple[int, str, str]:
        behind = Doors(model=ScriptedModel(script=lambda _prompt: reply), embedder=HashEmbedder())
        code = run(["memory", "reflect", "--home", str(home), *options], behind)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def ids(home: Path) -> dict[str, str]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return {one.text: one.id for one in store.list(status=None)}


def test_each_insight_is_shown_with_the_ids_it_cites(home: Path, reflect: Reflect) -> None:
    code, out, err = reflect()
    known = ids(home)
    cited = ", ".join(sorted(known[text][:8] for text in (LEFT, SHIP)))
    assert code == 0
    assert out.splitlines()[:2] == [f"New {known[INSIGHT]}: {INSIGHT}", f"follows from {cited}"]
    assert "Reflecting: 1 of 1 groups of facts" in err


def test_as_json_an_insight_names_what_it_was_derived_from(home: Path, reflect: Reflect) -> None:
    _, out, _ = reflect("--json")
    told: dict[str, Any] = json.loads(out)
    known = ids(home)
    assert [one["text"] for one in told["kept"]] == [INSIGHT]
    assert told["kept"][0]["derived_from"] == sorted([known[LEFT], known[SHIP]])


def test_a_second_time_there_is_nothing_new(reflect: Reflect) -> None:
    reflect()
    assert reflect()[1] == "Nothing new to reflect on.\n"


def test_it_says_why_nothing_was_kept(reflect: Reflect) -> None:
    _, out, _ = reflect(reply=LEFT)
    assert out == "Dropped 1: repeats one fact\n"


def test_an_insight_that_has_lost_its_sources_is_shown_as_forgotten(
    home: Path, reflect: Reflect
) -> None:
    reflect()
    known = ids(home)
    with MemoryStore.open(home, HashEmbedder()) as store:
        store.forget([known[LEFT]], who="me", why="wrong")
    _, out, _ = reflect()
    assert out.startswith(f"Forgotten {known[INSIGHT]}: {INSIGHT}")


def test_an_insight_cannot_steer_the_terminal(home: Path, reflect: Reflect) -> None:
    with MemoryStore.open(home, HashEmbedder()) as store:
        sly = dataclasses.replace(store.get(ids(home)[LEFT]), text=f"{LEFT[:-1]} \x1b[31mred.")
        store.update(sly, who="me", why="a test")
    _, out, _ = reflect(reply="A grain carrier left Drennoway on 2 April \x1b[31mred.")
    assert "New" in out
    assert "\x1b" not in out


def test_without_an_agent_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["memory", "reflect", "--home", str(tmp_path / "none"), "--json"], Doors()) == 4
    assert "no agent lives" in json.loads(capsys.readouterr().out)["error"]
