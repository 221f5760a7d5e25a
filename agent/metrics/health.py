"""Whether a home, and the servers that its settings name, are fit to be worked with. Nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import httpx

from ingrained.agent.models.served import parted
from ingrained.agent.models.vllm_server import VllmServer, is_here
from ingrained.agent.weights.resolve import is_served
from ingrained.errors import IngrainedError, ModelError, StoreError
from ingrained.graphs.session import Home
from ingrained.memory.chroma import server
from ingrained.memory.ledger import Ledger
from ingrained.memory.opening import (
    RecordedOnly,
    generation,
    index_folder,
    is_on_server,
    open_index,
)
from ingrained.settings import Settings

from .families import families

_SECONDS = 3.0
"""Longest that a server is waited for."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How one part is."""

    part: str
    fault: str = ""
    """What is wrong with it; empty for nothing."""


def examine(settings: Settings, home: Callable[[], Home]) -> list[Finding]:
    """Return how each part is that the settings speak of.

    Args:
        settings: Name the servers.
        home: Opens the home.
    """
    checks: dict[str, Callable[[], None]] = {
        "home": lambda: _check_home(home()),
        "index": lambda: _check_index(home(), settings.chroma),
    }
    if settings.chroma:
        checks["chroma"] = lambda: _check_chroma(settings.chroma)
    if is_served(settings.model) or "vllm" in settings.model_fields_set:
        checks["vllm"] = lambda: _check_vllm(settings)
    return [Finding(part=part, fault=_fault(check)) for part, check in checks.items()]


def _fault(check: Callable[[], None]) -> str:
    try:
        check()
    except (IngrainedError, sqlite3.Error, OSError) as error:
        return str(error)
    return ""


def _check_home(home: Home) -> None:
    """Read all that there are figures of: then these say more than that the home cannot be read."""
    families(home)


def _check_index(home: Home, chroma: str) -> None:
    """Find out that the index is where it should be.

    One in a folder cannot be opened beside a writer, so that it is only looked for; readers search by
    what the ledger keeps of it.
    """
    if not home.ledger_file.is_file():
        return
    with closing(Ledger(home.ledger_file, read_only=True)) as ledger:
        if not ledger.searchable():
            return
        if not chroma:
            _check_folder(home, ledger)
            return
        _check_chroma(chroma)
        if not is_on_server(ledger):
            raise StoreError("The memory has no index on a Chroma server yet.")
        opened = open_index(
            home.ledger_file.parent, ledger, RecordedOnly(ledger), chroma=chroma,
            number=generation(ledger),
        )  # fmt: skip
        opened.close()


def _check_folder(home: Home, ledger: Ledger) -> None:
    folder = index_folder(home.ledger_file.parent, ledger)
    if not folder.is_dir():
        raise StoreError(f"There is no index at {str(folder)!r}.")


def _check_chroma(address: str) -> None:
    host, port, encrypted = server(address)
    url = f"http{'s' if encrypted else ''}://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        with httpx.Client(timeout=_SECONDS, trust_env=not is_here(url)) as client:
            client.get(f"{url}/api/v2/heartbeat").raise_for_status()
    except httpx.HTTPError as error:
        raise StoreError(f"The Chroma server {address} does not answer: {error}.") from error


def _check_vllm(settings: Settings) -> None:
    address = parted(settings.model, settings)[1] if is_served(settings.model) else settings.vllm
    key = settings.vllm_key.get_secret_value()
    with VllmServer(address, key, timeout=_SECONDS) as vllm:
        if not vllm.health():
            raise ModelError(f"No vLLM server that is ready answers at {vllm.address}.")
