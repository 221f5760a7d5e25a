"""`ingrained mcp`."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from ingrained.errors import InputError

from .memory.filtering import namespace_of
from .opening import doors, load_settings
from .options import Home, Model


def mcp(
    context: typer.Context,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer recall and ask, and nothing that changes.")
    ] = False,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            help="Whose memory is read and changed; repeat it for each further label.  [default: default]",
        ),
    ] = None,
    home: Home = None,
    model: Model = None,
) -> None:
    """Serve the memory to a program that speaks MCP, over standard input and output."""
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.memory.records import DEFAULT_NAMESPACE

    _needs_mcp()
    from .mcp_home import ServedHome
    from .mcp_server import build_server

    own = namespace_of(namespace) or DEFAULT_NAMESPACE
    settings = load_settings(home=home, model=model)
    with DownloadBar() as bar, closing(ServedHome(settings, doors(context), bar)) as served:
        build_server(served, own=own, read_only=read_only).run("stdio")


def _needs_mcp() -> None:
    """Check that what only this command needs is there.

    Raises:
        InputError: It is not, or is of version 1.
    """
    try:
        import mcp.server.mcpserver  # noqa: F401 whether it is there
    except ImportError as error:
        raise InputError(
            "`ingrained mcp` needs version 2 of the package `mcp`, which is not installed",
            hint='Install it: pip install "ingrained[mcp]".',
        ) from error
