"""What a benchmark's run needs: the plan, the models behind it, bars to watch it by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.sitting import Sitting
from ingrained.agent.models.factory import load_chat_model
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
