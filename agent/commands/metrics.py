"""`ingrained metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.errors import InputError

from .opening import existing_home, load_settings
from .options import Home as HomeOption
from .options import Model

if TYPE_CHECKING:
    from ingrained.graphs.session import Home
    from ingrained.settings import Settings


def metrics(
    home: HomeOption = None,
    model: Model = None,
    listen: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Answer /metrics and /health there until stopped."),
    ] = "",
    expose: Annotated[
        bool, typer.Option("--expose", help="Allow a --listen that other machines reach.")
    ] = False,
) -> None:
    """Print the figures of the home for Prometheus, or serve them."""
    _needs_prometheus()
    settings = load_settings(home=home, model=model)
    if listen:
        _serve(settings, listen, expose=expose)
    else:
        _print(existing_home(settings))


def _print(home: Home) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from ingrained.agent.metrics.families import Fixed, families

    registry = CollectorRegistry()
    registry.register(Fixed(families(home)))
    typer.echo(generate_latest(registry).decode(), nl=False)


def _serve(settings: Settings, where: str, *, expose: bool) -> None:
    from ingrained.agent.metrics.endpoint import application, listen, parse_address, serve
    from ingrained.agent.metrics.families import HomeCollector
    from ingrained.agent.metrics.health import examine
    from ingrained.agent.models.vllm_server import LOOPBACK
    from ingrained.agent.serving.watching import terminated_as_interrupted
    from ingrained.agent.ui.console import line, notices

    host, port = parse_address(where)
    if host not in LOOPBACK and not expose:
        raise InputError(
            f"--listen {where} lets other machines in, and whoever reaches it learns what the home "
            "holds, if not what it says.",
            hint="Listen at 127.0.0.1, or add --expose on a network that you trust.",
        )

    def home() -> Home:
        return existing_home(settings)

    answers = application(HomeCollector(home), lambda: examine(settings, home))
    with terminated_as_interrupted():
        server = listen(host, port, answers)
        notices().print(line(f"Answering /metrics and /health at {where}. Ctrl-C ends it.", "dim"))
        serve(server)


def _needs_prometheus() -> None:
    """Check that what only this command needs is there.

    Raises:
        InputError: It is not.
    """
    try:
        import prometheus_client  # noqa: F401 whether it is there
    except ImportError as error:
        raise InputError(
            "`ingrained metrics` needs the package `prometheus-client`, which is not installed",
            hint='Install it: pip install "ingrained[metrics]".',
        ) from error
