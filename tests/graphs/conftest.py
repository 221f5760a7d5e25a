"""A page, a model that has read it, and a home to study it in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from bridge import PAGE, Adaptable, reader

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.session import Home, StudyResult, open_study, run_study
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model


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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where `study` studies; made by it."""
    return tmp_path / "home"


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


@pytest.fixture
def consolidate(tmp_path: Path, corpus: Path, model: ScriptedModel) -> Study:
    """Study and train a tiny network on what was remembered."""
    base = make_tiny_model(tmp_path / "base")
    recipe = LoraRecipe(
        rank=2, alpha=4, first_layer=1, epochs=1, batch_rows=16, batch_tokens=8192,
        checkpoint_seconds=0,
    )  # fmt: skip

    def run(
        stop: Callable[[dict[str, Any]], None] = lambda _event: None,
        *,
        learns: bool = True,
        changed: Mapping[str, Any] = MappingProxyType({}),
        **policy: Any,
    ) -> tuple[StudyResult, list[dict[str, Any]]]:
        events: list[dict[str, Any]] = []

        def on_event(event: dict[str, Any]) -> None:
            events.append(event)
            stop(event)

        settings = Settings(home=tmp_path / "home")
        opened = open_study(
            settings,
            (corpus,),
            StudyPolicy(**{"sealed_share": 0.9, "mastered": 1.0, **policy}),
            model=Adaptable(script=model.script, learns=learns),
            embedder=HashEmbedder(),
            recipe=dataclasses.replace(recipe, **changed),
        )
        with opened as context:
            context = dataclasses.replace(
                context,
                base_path=base,
                policy=dataclasses.replace(context.policy, consolidate=True),
            )
            return run_study(Home(settings.home), context, on_event), events

    return run


@pytest.fixture
def learnt(study: Study, tmp_path: Path) -> Iterator[StudyContext]:
    """What a study left, with a tiny network to train and a model that then has all by heart."""
    study(sealed_share=0)
    opened = open_study(
        Settings(home=tmp_path / "home"), (), StudyPolicy(),
        model=Adaptable(script=reader), embedder=HashEmbedder(),
    )  # fmt: skip
    with opened as context:
        yield dataclasses.replace(context, base_path=make_tiny_model(tmp_path / "base"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    """An empty memory."""
    with MemoryStore.open(tmp_path / "store", HashEmbedder()) as opened:
        yield opened
