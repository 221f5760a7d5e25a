"""Options that say which memories are meant, and what they come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from ingrained.errors import InputError, SettingsError

from .past import moment_of

if TYPE_CHECKING:
    from ingrained.memory.filters import Where
    from ingrained.memory.records import Kind, Status

Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only with this tag; repeatable.")]
Namespace = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace", help="Only of the namespace of this label; repeat it for each further label."
    ),
]


def conditions(
    *,
    kind: str | None = None,
    document: str | None = None,
    tags: list[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    min_trust: float = 0.0,
) -> Where:
    """Return the conditions that the options of a command come to.

    Raises:
        InputError: There is no such time.
        SettingsError: There is no such kind.
    """
    from ingrained.memory.filters import Where

    checked = checked_kind(kind)
    return Where(
        kinds=() if checked is None else (checked,),
        document=document,
        tags=tuple(tags or ()),
        created_from=None if since is None else moment_of(since, end=False),
        created_to=None if until is None else moment_of(until, end=False),
        min_trust=min_trust,
    )


def checked_kind(name: str | None) -> Kind | None:
    """Return the kind of this name.

    Raises:
        SettingsError: There is none.
    """
    from ingrained.memory.records import Kind

    if name is not None and name not in get_args(Kind):
        raise SettingsError(
            f"there is no kind {name!r}", hint=f"Choose of {', '.join(get_args(Kind))}."
        )
    return cast("Kind | None", name)


def checked_status(name: str) -> Status | None:
    """Return the status of this name; None for any.

    Raises:
        SettingsError: There is none.
    """
    from ingrained.memory.records import Status

    if name not in (*get_args(Status), "any"):
        raise SettingsError(
            f"there is no status {name!r}", hint=f"Choose of {', '.join(get_args(Status))}, any."
        )
    return None if name == "any" else cast("Status", name)


def namespace_of(labels: list[str] | None) -> tuple[str, ...] | None:
    """Return the namespace of these labels; None when none is given.

    Raises:
        InputError: A label is empty.
    """
    if labels is None:
        return None
    if not all(label.strip() for label in labels):
        raise InputError(
            "a label of the namespace is empty", hint="--namespace user --namespace ada"
        )
    return tuple(labels)
