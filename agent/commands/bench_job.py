"""What a benchmark's run needs: the plan, the models behind it, bars to watch it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.running import code, weights_of
from ingrained.agent.bench.sitting import Sitting
from ingrained.agent.models.factory import load_chat_model
from ingrained.agent.reading.documents import Skipped
from ingrained.agent.ui.console import line, notices
from ingrained.agent.ui.download import DownloadBar
from ingrained.agent.ui.progress import CountBar
from ingrained.graphs.context import StudyPolicy
from ingrained.settings import Settings

from .opening import Doors


@dataclass(frozen=True, kw_only=True)
class BenchPlan:
    """What a benchmark is to measure."""

    benchmark: Benchmark
    cells: tuple[str, ...]
    """In the order in which they are shown."""
    seeds: tuple[int, ...]
    """One study each."""
    work: Path
    policy: StudyPolicy
    """Of every study; the seed is put in."""
    control: Benchmark | None = None
    """The placebo: the same exam with documents that teach nothing."""
    judge: str | None = None
    """Model of the second opinion."""
    left_out: tuple[Skipped, ...] = ()
    """Files of the benchmark's folder that are not studied, and why."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A plan and what is needed to carry it out."""

    plan: BenchPlan
    settings: Settings
    behind: Doors
    wording: str
    """Hash of prompts and version."""

    @property
    def model(self) -> str:
        """The model's name."""
        stand_in = self.behind.model
        return self.settings.model if stand_in is None else Asker(stand_in).name

    @property
    def embedder(self) -> str:
        """The embedder's name."""
        stand_in = self.behind.embedder
        return self.settings.embedder if stand_in is None else stand_in.name

    @cached_property
    def weights(self) -> str:
        """What tells the model's weights; nothing for a model behind an API."""
        return self._weights(self.settings.model)

    @cached_property
    def judge_weights(self) -> str:
        """The same of the judge."""
        return self._weights(self.plan.judge) if self.plan.judge else ""

    @cached_property
    def embedding(self) -> str:
        """What tells the embedder from one that gives other vectors."""
        stand_in = self.behind.embedder
        return self._hashed(self.settings.embedder) if stand_in is None else stand_in.fingerprint

    @cached_property
    def answering_code(self) -> str:
        """What tells the code that replies come from."""
        return code(studying=False)

    @cached_property
    def studying_code(self) -> str:
        """The same of a study and what is answered after it."""
        return code(studying=True)

    @cached_property
    def recalling(self) -> dict[str, Any]:
        """The settings beside model and embedder that a memory, or what it recalls, depends on.

        The others are places, and what bears on time alone.
        """
        settings, reranker = self.settings, self.settings.reranker
        return {
            "screening": settings.screening,
            "capacity": settings.capacity,
            "half_lives": settings.half_lives,
            "reranker": [reranker, self._reranking(reranker)] if reranker else None,
        }

    def _reranking(self, reranker: str) -> str:
        return self.weights if reranker == self.settings.model else self._hashed(reranker)

    def _weights(self, name: str) -> str:
        stand_in = self.behind.model
        if stand_in is None:
            return self._hashed(name)
        return str(getattr(stand_in, "fingerprint", None) or "")

    def _hashed(self, name: str) -> str:
        with DownloadBar() as bar:
            return weights_of(name, self.settings, bar)

    @contextmanager
    def opened(self, name: str) -> Iterator[Asker]:
        """Load a model for a while, or take the one that stands in for it."""
        if self.behind.model is not None:
            yield Asker(self.behind.model)
            return
        notices().print(line(f"Loading {name} …", "dim"))
        with DownloadBar() as bar:
            model = load_chat_model(name, self.settings, bar)
        try:
            yield Asker(model)
        finally:
            close_model(model)


def close_model(model: BaseChatModel) -> None:
    """Free the memory of a model that has a way to."""
    close: Callable[[], None] = getattr(model, "close", lambda: None)
    close()


def watched(
    benchmark: Benchmark, label: str, sit: Callable[[Callable[[int], None]], Sitting]
) -> Sitting:
    """Sit a cell with a progress bar; tell when it cannot be sat."""
    console, size = notices(), len(benchmark.items)
    console.print(line(f"{label}: {size} questions …", "dim"))
    with CountBar(label, "questions", size) as bar:
        sitting = sit(bar.advance)
    if reason := sitting.get("skipped"):
        console.print(line(f"{label}: not sat, {reason}.", "dim"))
    return sitting
