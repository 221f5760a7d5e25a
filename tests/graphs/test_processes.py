"""Real processes on one home: one that is killed with SIGKILL, and two at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bridge import PAGE, reader

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.library import Library
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import Home, open_study, run_study
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

CHILD = Path(__file__).with_name("child_study.py")
FIRST_PASSAGE = "The bridge was paid for by"
Process = subprocess.Popen[str]


def memories(home: Path) -> list[Memory]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return store.list()


@pytest.fixture
def child(tmp_path: Path, corpus: Path) -> Iterator[Callable[[str, str], Process]]:
    """Start a study of two passages, one by one, that waits at an event of the second."""
    started: list[Process] = []

    def start(phase: str, event: str) -> Process:
        command = [sys.executable, str(CHILD), str(tmp_path / "home"), str(corpus), phase, event]
        process = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Memory]:
    """What the same study keeps when nobody kills it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    page, settings = folder / "bridge.md", Settings(home=folder / "home")
    page.write_text(PAGE, encoding="utf-8")
    with open_study(
        settings,
        (page,),
        StudyPolicy(batch_passages=1),
        model=ScriptedModel(script=reader),
        embedder=HashEmbedder(),
    ) as context:
        run_study(Home(settings.home), context, lambda _event: None)
    return memories(settings.home)


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        ("quiz", "question"),
        ("remember", "start"),
        ("remember", "kept"),  # written to the memory, but not yet checkpointed
        ("forget", "start"),
    ],
)
def test_a_study_killed_at_work_goes_on_and_comes_to_the_same(
    child, study, model, undisturbed, tmp_path, phase, event
):
    killed = child(phase, event)
    killed.kill()
    assert killed.wait() == -9
    result, _ = study(batch_passages=1)

    assert result.resumed
    quizzed = [prompt for prompt in model.asked if "First words:" in prompt]
    assert bool(quizzed) == (phase == "quiz")
    assert not any(FIRST_PASSAGE in prompt for prompt in quizzed)
    assert Library(tmp_path / "home" / "library.sqlite").unread() == []
    kept = memories(tmp_path / "home")
    assert {m.id: m.evidence for m in kept} == {m.id: m.evidence for m in undisturbed}
    assert len(kept) == len(undisturbed) == result.state["kept"]
    assert all(memory.count == 1 for memory in kept)


def test_a_second_process_is_told_who_holds_the_home_and_the_first_goes_on(
    child, corpus, model, undisturbed, tmp_path, capsys
):
    first, home = child("quiz", "question"), tmp_path / "home"
    second = run(
        ["study", str(corpus), "--home", str(home)], Doors(model=model, embedder=HashEmbedder())
    )

    assert second == 4
    err = capsys.readouterr().err
    assert f"Error: Another process (pid {first.pid}) is writing to" in err
    assert "Wait for the other run to end, or give this one its own --home." in err
    assert not model.asked
    first.communicate("go on\n")
    assert first.returncode == 0
    assert [memory.id for memory in memories(home)] == [memory.id for memory in undisturbed]
