"""What `ingrained serve` does once its options are known."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingrained.devices import memory_bytes
from ingrained.errors import ModelError

from .opening import Doors, open_memory

if TYPE_CHECKING:
    from ingrained.agent.models.vllm_server import VllmServer
    from ingrained.agent.serving.canary import Canary
    from ingrained.agent.serving.command import Plan
    from ingrained.agent.ui.serving import ServingView
    from ingrained.graphs.session import Home
    from ingrained.settings import Settings
    from ingrained.trainer.manifest import Manifest

GRACE = 20.0
"""Seconds that vLLM has to end by itself."""
CANARIES = 4
"""Questions that an adapter is tried on."""

Check = Callable[[], None]
"""Raises once there is no use in going on."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is served, how, and who is told."""

    settings: Settings
    home: Home
    folder: Path
    """Of the home, for what serving leaves there."""
    behind: Doors
    view: ServingView
    host: str
    port: int
    memory_share: float
    max_len: int | None
    vllm: Path | None
    connect: str
    wait: float
    every: float


@contextmanager
def server_of(job: Job) -> Iterator[tuple[VllmServer, Check]]:
    """Give the server: one that runs, or one that is started and ends with the block."""
    with _connected(job) if job.connect else _started(job) as (server, check):
        base = server.base(job.settings.model)
        job.view({
            "event": "ready", "model": base.name, "address": server.address,
            "version": server.version(),
        })  # fmt: skip
        yield server, check


def keep_in_step(job: Job, server: VllmServer, check: Check) -> None:
    """Keep the server's adapter the one that is promoted, until Ctrl-C or SIGTERM.

    Raises:
        ModelError: the server that was started here has ended.
    """
    from ingrained.agent.serving.adapters import AdaptersInStep
    from ingrained.agent.serving.canary import of_server
    from ingrained.agent.serving.watching import watch

    adapters = AdaptersInStep(
        server, job.home.registry(), job.settings.model,
        canaries=lambda manifest: canaries(job, manifest),
        likelihood=of_server(server), tell=job.view,
    )  # fmt: skip
    watch(adapters, check, job.view, every=job.every)


@contextmanager
def _connected(job: Job) -> Iterator[tuple[VllmServer, Check]]:
    from ingrained.agent.models.vllm_server import VllmServer

    with VllmServer(job.connect, key_of(job)) as server:
        yield server, lambda: None


@contextmanager
def _started(job: Job) -> Iterator[tuple[VllmServer, Check]]:
    from ingrained.agent.models.vllm_server import VllmServer
    from ingrained.agent.serving.command import (
        command,
        size_of_weights,
        variables,
    )
    from ingrained.agent.serving.process import check_port, running, wait_until_ready
    from ingrained.agent.serving.watching import LOG

    check_port(job.host, job.port)
    plan, log = _plan(job), job.folder / LOG
    words = variables(
        plan, os.environ, machine=memory_bytes() or 0, weights=size_of_weights(plan.folder)
    )
    job.view({"event": "starting", "model": plan.name, "log": str(log)})
    with (
        running(command(plan), words, log, grace=GRACE) as process,
        VllmServer(_address(job), key_of(job)) as server,
    ):
        with job.view.waiting(f"Starting vLLM with {plan.name} …"):
            wait_until_ready(process, server, job.wait, job.view.log)
        yield server, process.check


def _plan(job: Job) -> Plan:
    from ingrained.agent.serving.command import Plan, fitting_rank
    from ingrained.agent.serving.finding import find_vllm, is_for_cpu
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.agent.weights.resolve import resolve_local

    vllm, name = find_vllm(job.vllm), job.settings.model
    with DownloadBar() as bar:
        folder = resolve_local(name, job.settings, bar, kind="causal-lm")
    if folder is None:
        raise ModelError(
            f"{name!r} has no weights on this machine to serve.",
            hint="Give a catalogue name, hf:ORG/NAME or a folder with --model.",
        )
    return Plan(
        vllm=vllm, on_cpu=is_for_cpu(vllm), folder=folder, name=name, host=job.host,
        port=job.port, max_rank=fitting_rank(ranks(job.home)), memory_share=job.memory_share,
        max_len=job.max_len, api_key=key_of(job),
    )  # fmt: skip


def ranks(home: Home) -> list[int]:
    """Return the ranks that adapters of a home have, or will have by the usual recipe."""
    from ingrained.trainer.recipe import LoraRecipe

    made = [int(one.recipe.get("rank", 0)) for one in home.registry().list()]
    return [LoraRecipe().rank, *made]


def canaries(job: Job, manifest: Manifest) -> list[Canary]:
    """Return what an adapter is tried on: questions that it was trained on, or everyday ones.

    Of one that was promoted against the gate nothing is expected but that it differs from the base.
    """
    from ingrained.agent.answering import closed_book
    from ingrained.agent.serving.canary import Canary
    from ingrained.trainer.probes import probes

    learnt = set(manifest.memory_ids)
    asked: list[Canary] = []
    if learnt and job.home.ledger_file.is_file():
        with open_memory(job.settings, job.behind, searching=False) as store:
            asked = [
                Canary(
                    messages=closed_book(one.question),
                    answer=one.answer,
                    trained=not manifest.forced,
                )
                for memory in store.list(status="active")
                if memory.id in learnt
                for one in memory.evidence
                if one.answer and not one.passed_before
            ]
    everyday = [Canary(messages=row.messages, answer=row.answer, trained=False) for row in probes()]
    return (asked or everyday)[:CANARIES]


def key_of(job: Job) -> str:
    """Return what the server wants to be given by those who ask; empty for nothing."""
    return job.settings.vllm_key.get_secret_value()


def _address(job: Job) -> str:
    """Return where to ask: a server that listens everywhere is asked here."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(job.host, job.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{job.port}"
