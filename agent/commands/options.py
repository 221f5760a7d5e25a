"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder the agent lives in.  [default: .ingrained]"),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Catalogue name, local folder, hf:ORG/NAME or provider string."),
]
Votes = Annotated[
    int,
    typer.Option(
        "--votes", metavar="M",
        help="Let M replies vote on an answer: M calls. The share that agrees is its confidence.",
    ),
]  # fmt: skip
Refine = Annotated[
    bool,
    typer.Option(
        "--refine",
        help="Let the model look over its answer: one more call, and another if it wants a better one.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON, for programs.")]
