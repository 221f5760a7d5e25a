"""Whoever loads a model from Python sees no bars of transformers, and keeps them for their own use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers.utils import logging

from ingrained.agent.models.engine import Engine
from ingrained.memory.embedding import SentenceTransformerEmbedder
from ingrained.quiet import no_progress_bars
from ingrained.trainer.network import load_base
from ingrained.trainer.testing import make_tiny_model

bars: Any = logging  # these functions carry no types


@pytest.fixture(autouse=True)
def shown() -> Iterator[None]:
    """The user wants bars."""
    before = bars.is_progress_bar_enabled()
    bars.enable_progress_bar()
    yield
    (bars.enable_progress_bar if before else bars.disable_progress_bar)()


@pytest.mark.parametrize(
    "load",
    [
        Engine.load,
        load_base,
        lambda folder: SentenceTransformerEmbedder(folder, "tiny").embed(["a text"]),
    ],
    ids=["to answer", "to train", "to embed"],
)
def test_loading_a_model_draws_nothing(
    load: Callable[[Path], object], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = make_tiny_model(tmp_path / "model")
    capfd.readouterr()
    load(folder)
    assert "%|" not in capfd.readouterr().err
    assert bars.is_progress_bar_enabled()


def test_whoever_wants_no_bars_gets_none_afterwards_either() -> None:
    bars.disable_progress_bar()
    with no_progress_bars():
        pass
    assert not bars.is_progress_bar_enabled()
