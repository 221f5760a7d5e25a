"""Whom a run names: as an attribute or a key, of its context or of its `configurable`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ingrained.errors import InputError

Namespace = tuple[str, ...]

USER = "user"
ABSENT: Any = object()
"""What `said` returns for what is not there; None is."""
_HINT = (
    "The application sets it in the run's context or its `configurable`: `namespace`, a tuple of "
    "labels, or `user_id`."
)


def named(source: object) -> Namespace | None:
    """Return whom a source names; None if it says nothing of it.

    Raises:
        InputError: what it says names nobody.
    """
    namespace, user = said(source, "namespace"), said(source, "user_id")
    if isinstance(source, Mapping):
        namespace = ABSENT if user is None else namespace
    elif namespace is None and user is not ABSENT:
        namespace = ABSENT
    if namespace is not ABSENT:
        return labels(namespace)
    return None if user is ABSENT else (USER, user_label(user))


def said(source: object, name: str) -> Any:
    """Return an entry of a mapping or an attribute of anything else; `ABSENT` if there is none."""
    if isinstance(source, Mapping):
        return source.get(name, ABSENT)
    return getattr(source, name, ABSENT)


def labels(given: object) -> Namespace:
    """Return a namespace; a single label need not be in a tuple.

    Raises:
        InputError: it is none.
    """
    several: Any = (given,) if isinstance(given, str) else given
    known = isinstance(several, tuple | list) and bool(several)
    if not known or not all(isinstance(label, str) and label for label in several):
        raise InputError(f"The namespace of a run cannot be {given!r}.", hint=_HINT)
    return tuple(several)


def user_label(given: object) -> str:
    """Return a user id as a label; numbers and UUIDs are what databases call their users.

    Raises:
        InputError: it names nobody.
    """
    known = isinstance(given, str | int | UUID) and not isinstance(given, bool)
    if not known or not str(given):
        raise InputError(f"The user_id of a run cannot be {given!r}.", hint=_HINT)
    return str(given)
