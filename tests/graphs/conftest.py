"""A page, a model that has read it, and a home to study it in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridge import FACTS, PAGE

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import Home, StudyResult, open_study, run_study
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings


def reader(prompt: str) -> str:
    """Ask well, answer from the text in the prompt, and know nothing otherwise."""
    if "First words:" in prompt:
        return _question(prompt)
    question = prompt.rstrip().rsplit("\n", 1)[-1].removeprefix("Question: ")
    answer, evidence = FACTS.get(question, ("", ""))
    return answer if evidence and evidence in prompt else "I don't know."


def _question(prompt: str) -> str:
    asked = prompt.rsplit("Topic:", 1)[-1]
    answer = asked.split("Answer: ")[1].split("\n")[0]
    opener = asked.split("First words: ")[1].strip()
    fitting = (q for q, (a, _) in FACTS.items() if a == answer and q.startswith(opener))
    return next(fitting, "What?")


@pytest.fixture
def page() -> str:
    return PAGE


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "bridge.md").write_text(PAGE, encoding="utf-8")
    return folder


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel(script=reader)


Study = Callable[..., tuple[StudyResult, list[dict[str, Any]]]]


@pytest.fixture
def study(tmp_path: Path, corpus: Path, model: ScriptedModel) -> Study:
    """Run a study on the home `home` and return its result and its events."""

    def run(
        *, stop: Callable[[dict[str, Any]], None] | None = None, **policy: Any
    ) -> tuple[StudyResult, list[dict[str, Any]]]:
        settings = Settings(home=tmp_path / "home")
        events: list[dict[str, Any]] = []

        def on_event(event: dict[str, Any]) -> None:
            events.append(event)
            if stop:
                stop(event)

        opened = open_study(
            settings, (corpus,), StudyPolicy(**policy), model=model, embedder=HashEmbedder()
        )
        with opened as context:
            return run_study(Home(settings.home), context, on_event), events

    return run
