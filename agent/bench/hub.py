"""Data sets from the Hugging Face hub, for those who have none on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingrained.errors import ExamError, FetchError

if TYPE_CHECKING:
    from ingrained.settings import Settings

Fetch = Callable[[str, str], Path]
"""Repository of a data set on the hub and a file in it → the file on disk."""

_ANOTHER_FORM = "The hub has another form of this data set now; use --data."


def fetcher(settings: Settings) -> Fetch:
    """Return what fetches files of data sets into the cache, once; offline, only from there."""

    def fetch(repo: str, file: str) -> Path:
        from huggingface_hub import hf_hub_download

        try:
            return Path(
                hf_hub_download(
                    repo,
                    file,
                    repo_type="dataset",
                    cache_dir=settings.cache / "hub",
                    local_files_only=settings.offline,
                )
            )
        except _faults() as error:
            raise _unfetchable(repo, file, settings.offline, error) from error

    return fetch


def _faults() -> tuple[type[Exception], ...]:
    """Return what a call to the hub may raise."""
    from huggingface_hub import errors

    library: Any = errors  # its HTTPError is not exported
    return library.HTTPError, OSError, ValueError


def _unfetchable(repo: str, file: str, offline: bool, error: Exception) -> FetchError:
    folder = "name the folder where the data sets lie with --data."
    if offline:
        return FetchError(
            f"{file} of the data set {repo} is not in the cache, "
            "and offline mode forbids fetching it",
            hint=f"Leave offline mode (INGRAINED_OFFLINE), or {folder}",
        )
    return FetchError(
        f"{file} of the data set {repo} cannot be fetched from the hub: {error}",
        hint=f"Check the network, or {folder}",
    )


def read_table(path: Path, columns: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file, with these columns only.

    Raises:
        ExamError: It is no Parquet file, or lacks a column: the hub has another form of it now.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    wanted = list(columns)
    try:
        there = set(pq.read_schema(path).names)
        missing = [name for name in wanted if name not in there]
        rows: list[dict[str, Any]] = (
            [] if missing else pq.read_table(path, columns=wanted).to_pylist()
        )
    except (pa.ArrowException, OSError) as error:
        raise ExamError(f"cannot read {str(path)!r}: {error}", hint=_ANOTHER_FORM) from error
    if missing:
        raise ExamError(
            f"{str(path)!r} has no column {', '.join(missing)}",
            hint=_ANOTHER_FORM,
        )
    return rows
