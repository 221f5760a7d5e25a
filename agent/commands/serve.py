"""`ingrained serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.errors import InputError

from .opening import doors, load_settings
from .options import Home as HomeOption
from .options import Json, Model

if TYPE_CHECKING:
    from ingrained.settings import Settings


def serve(
    context: typer.Context,
    home: HomeOption = None,
    model: Model = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 8000,
    host: Annotated[str, typer.Option(help="The address that it listens at.")] = "127.0.0.1",
    expose: Annotated[
        bool, typer.Option("--expose", help="Allow a --host that other machines reach.")
    ] = False,
    memory_share: Annotated[
        float,
        typer.Option(
            min=0.01, max=1.0, help="Share of the GPU's memory, or the machine's, to take."
        ),
    ] = 0.3,
    max_len: Annotated[
        int | None,
        typer.Option(min=128, help="Tokens of prompt and reply together.  [default: what fits]"),
    ] = None,
    vllm: Annotated[
        Path | None,
        typer.Option(help="vLLM's virtual environment, Python or command.  [default: .venv-vllm]"),
    ] = None,
    connect: Annotated[
        str, typer.Option(metavar="URL", help="Use a server that runs, and start none.")
    ] = "",
    wait: Annotated[float, typer.Option(min=1, help="Seconds until it has to answer.")] = 1800,
    every: Annotated[float, typer.Option(min=0.05, help="Seconds between looks at the home.")] = 2,
    as_json: Json = False,
) -> None:
    """Serve the model with vLLM, always with the adapter that is promoted."""
    from ingrained.agent.serving.watching import served_once, terminated_as_interrupted
    from ingrained.agent.ui.serving import ServingView
    from ingrained.graphs.session import Home

    from .serving import Job, keep_in_step, server_of

    _check_host(host, expose=expose)
    settings, view = load_settings(home=home, model=model), ServingView(as_json=as_json)
    settings = settings.model_copy(update={"model": _served(settings)})
    agent = Home(settings.home)
    with terminated_as_interrupted(), served_once(agent.path) as folder:
        job = Job(
            settings=settings, home=agent, folder=folder, behind=doors(context), view=view,
            host=host, port=port, memory_share=memory_share, max_len=max_len, vllm=vllm,
            connect=connect, wait=wait, every=every,
        )  # fmt: skip
        with server_of(job) as (server, check):
            keep_in_step(job, server, check)
    view({"event": "stopped", "ended": not connect})


def _served(settings: Settings) -> str:
    """Return what is to be served for a name, also for one that means a server: `vllm:NAME`.

    Raises:
        InputError: the name has the address of a server.
    """
    from ingrained.agent.models.served import parted
    from ingrained.agent.weights.resolve import is_served
    from ingrained.settings import DEFAULT_MODEL

    if not is_served(settings.model):
        return settings.model
    name, address = parted(settings.model, settings)
    if "@http" in settings.model:
        raise InputError(
            f"{settings.model!r} means a server that runs at {address}.",
            hint=f"Keep that one in step with --connect {address} --model vllm:{name}, or leave the address out.",
        )
    return name or DEFAULT_MODEL


def _check_host(host: str, *, expose: bool) -> None:
    """Refuse an address that other machines reach, unless it is wanted.

    Raises:
        InputError: it is not.
    """
    from ingrained.agent.models.vllm_server import LOOPBACK

    if host not in LOOPBACK and not expose:
        raise InputError(
            f"--host {host} lets other machines in, and whoever reaches the server can have it load any "
            "folder of this machine as an adapter, and can ask without limit.",
            hint="Leave --host out and let a proxy that checks who asks stand before it; or add --expose, "
            "with a key (INGRAINED_VLLM_KEY) and a network that you trust.",
        )
