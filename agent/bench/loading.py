"""Benchmarks by name, from a folder of data or from the hub, or a folder of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingrained.agent.reading.documents import Skipped
from ingrained.errors import ExamError
from ingrained.settings import Settings

from . import (
    loading_controls,
    loading_fictionalqa,
    loading_files,
    loading_locomo,
    loading_memorybank,
    loading_squad,
    loading_tofu,
)
from .benchmark import Benchmark
from .hub import Fetch, fetcher
from .loading_parts import folder_in


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """How one data set is read."""

    read: Callable[[Path, str], Benchmark]
    """Its folder and a part of it, or no part → the benchmark."""
    fetch: Callable[[Fetch, str], Benchmark] | None = None
    """The same from the hub; None where the hub does not have it."""
    layout: str = loading_files.LAYOUT
    """What its folder holds."""
    where: str = ""
    """Where to get it, if not from the hub."""
    parts: bool = False
    """Whether it is read in parts: NAME/PART."""


DATA_SETS: dict[str, DataSet] = {
    loading_squad.NAME: DataSet(
        read=lambda folder, _: loading_squad.from_folder(folder),
        fetch=lambda fetch, _: loading_squad.from_hub(fetch),
    ),
    loading_tofu.NAME: DataSet(
        read=lambda folder, _: loading_tofu.from_folder(folder),
        fetch=lambda fetch, _: loading_tofu.from_hub(fetch),
    ),
    loading_fictionalqa.NAME: DataSet(
        read=lambda folder, _: loading_fictionalqa.from_folder(folder),
        fetch=lambda fetch, _: loading_fictionalqa.from_hub(fetch),
    ),
    loading_locomo.NAME: DataSet(
        read=loading_locomo.from_folder,
        layout=loading_locomo.LAYOUT,
        where=loading_locomo.WHERE,
        parts=True,
    ),
    loading_memorybank.NAME: DataSet(
        read=loading_memorybank.from_folder,
        layout=loading_memorybank.LAYOUT,
        where=loading_memorybank.WHERE,
        parts=True,
    ),
    loading_controls.NAME: DataSet(
        read=loading_controls.from_folder,
        fetch=loading_controls.from_hub,
        layout=loading_controls.LAYOUT,
        parts=True,
    ),
}
"""The data sets that are known by name."""


def load(
    name: str,
    data: Path | None = None,
    *,
    fetch: Fetch | None = None,
    on_skip: Callable[[Skipped], None] = lambda _: None,
) -> Benchmark:
    """Return a benchmark.

    Args:
        name: One of `DATA_SETS`, some with a part (`locomo/1`, `memorybank/en`,
            `controls/mmlu_500`), or the path of a folder with `exam.jsonl` and its documents.
        data: Where the data sets lie, a folder each; without it they are fetched from the hub.
        fetch: Fetches from the hub; by default into the cache of the settings.
        on_skip: Told of each file of a folder that is no document, and why.

    Raises:
        ExamError: nothing of this name, or data that cannot be used.
        CorpusError: documents that cannot be used.
        FetchError: the hub cannot be reached, or must not be.
    """
    head, _, part = name.partition("/")
    known = DATA_SETS.get(head)
    if known is None:
        return _own(name, on_skip)
    if part and not known.parts:
        raise ExamError(f"{head} has no parts: {name!r}", hint=f"Give {head}.")
    if data is not None:
        return known.read(folder_in(data, head, known.layout), part)
    if known.fetch is None:
        raise ExamError(
            f"{head} is not on the hub",
            hint=f"Get {known.where}, put it into DATA/{head}/ and give --data DATA. "
            f"The folder must hold {known.layout}.",
        )
    return known.fetch(fetch or fetcher(Settings()), part)


def _own(name: str, on_skip: Callable[[Skipped], None]) -> Benchmark:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ExamError(
            f"no benchmark and no folder is called {name!r}",
            hint=f"Known are {', '.join(DATA_SETS)}. A folder must hold {loading_files.LAYOUT}.",
        )
    title = folder.resolve().name
    return loading_files.read_folder(
        folder, name=title, origin=f"the folder {title}", on_skip=on_skip
    )
