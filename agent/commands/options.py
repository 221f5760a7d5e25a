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
Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON, for programs.")]
