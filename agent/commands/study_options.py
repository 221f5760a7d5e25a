"""The options of `ingrained study`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingrained.trainer.methods import SUPERVISED, TRAINING_METHODS

Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Files or folders.")]
Rounds = Annotated[
    int | None, typer.Option(help="Rounds; later ones take up what is weak.  [default: 1]")
]
Consolidate = Annotated[
    bool, typer.Option("--consolidate", help="Train an adapter on what was remembered.")
]
Every = Annotated[
    int | None,
    typer.Option("--every", help="Train after every N documents too, not only at the end."),
]
Method = Annotated[
    str | None,
    typer.Option(
        help=f"How to train: {', '.join(TRAINING_METHODS)} (docs/training.md).  "
        f"[default: {SUPERVISED}]"
    ),
]
Recipe = Annotated[
    Path | None,
    typer.Option(
        help="Train by the default recipe with what this JSON object changes, "
        'such as {"rank": 16} (docs/settings.md).'
    ),
]
Approve = Annotated[
    bool, typer.Option("--approve", help="Let an adapter that passes the gate wait for your word.")
]
BudgetTokens = Annotated[
    int | None, typer.Option(help="Stop when so many tokens are used.  [default: no limit]")
]
Seed = Annotated[int | None, typer.Option(help="Seed of all sampling.  [default: 0]")]
ForgetDeleted = Annotated[
    bool,
    typer.Option("--forget-deleted", help="Forget what rests only on documents that were deleted."),
]
Trust = Annotated[
    float | None, typer.Option(help="Trust in what these documents say, 0 to 1.  [default: 1]")
]
Judge = Annotated[
    bool, typer.Option("--judge", help="Let what contradicts an older document take its place.")
]
Reflect = Annotated[
    bool, typer.Option("--reflect", help="Draw insights when enough new is in memory.")
]
SealedExam = Annotated[Path | None, typer.Option("--exam", help="Afterwards sit this sealed exam.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only read and estimate: no model, nothing written.")
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="MECHANISM",
        help="Also use this mechanism (docs/study.md names all); may be repeated.",
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="MECHANISM", help="Do without it; may be repeated."),
]
Autonomy = Annotated[
    str | None,
    typer.Option(
        help="Who plans: low (a fixed plan), medium (scores), high (the model, from the second "
        "round on).  [default: medium]"
    ),
]
Votes = Annotated[
    int | None, typer.Option(help="Most replies that vote on an answer.  [default: 5]")
]
