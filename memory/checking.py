"""Whether a memory may be written down at all: the one place where its fields are looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import get_args

from ingrained.errors import InputError

from .lexical import normalise
from .records import Evidence, Kind, Memory, Span, Status

_TYPES: Mapping[str, type] = {
    "title": str, "pinned": bool, "superseded_by": str, "derived_sha256": str,
    "prompt_sha256": str, "model": str, "count": int,
}  # fmt: skip
_ITEMS: Mapping[str, type] = {
    "spans": Span, "evidence": Evidence, "tags": str, "flags": str, "supersedes": str,
    "derived_from": str,
}  # fmt: skip


def check(memory: Memory) -> None:
    """Refuse a memory that could not be kept, found or ranked.

    Raises:
        InputError: It has no text, a number that is none, a trust outside [0, 1], an unknown kind
            or status, a namespace that is not a tuple of labels, or a field of another type.
    """
    if not isinstance(memory.text, str) or not normalise(memory.text):
        raise InputError("A memory needs a text.", hint="Leave out the empty one, or forget it.")
    _check_choice("kind", memory.kind, get_args(Kind))
    _check_choice("status", memory.status, get_args(Status))
    _check_namespace(memory.namespace)
    _check_types(memory)
    for name in ("trust", "strength", "created"):
        _check_number(name, getattr(memory, name))
    for name in ("last_recalled", "valid_from", "valid_to"):
        if getattr(memory, name) is not None:
            _check_number(name, getattr(memory, name))
    if not 0 <= memory.trust <= 1:
        raise InputError(
            f"The trust of a memory cannot be {memory.trust}.", hint="Give a number from 0 to 1."
        )
    if memory.strength <= 0:
        raise InputError(
            f"The strength of a memory cannot be {memory.strength}.",
            hint="Give a number of days above 0.",
        )


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(
            f"The {name} of a memory cannot be {value!r}.", hint=f"Choose from {', '.join(known)}."
        )


def _check_namespace(namespace: object) -> None:
    labels = namespace if isinstance(namespace, tuple) else ()
    if not labels or not all(isinstance(label, str) and label for label in labels):
        raise InputError(
            f"The namespace of a memory cannot be {namespace!r}.",
            hint="Give a tuple of labels that are not empty, such as ('user', 'ada').",
        )


def _check_types(memory: Memory) -> None:
    for name, kind in _TYPES.items():
        if not isinstance(value := getattr(memory, name), kind):
            _refuse_type(name, value, kind.__name__)
    for name, kind in _ITEMS.items():
        value = getattr(memory, name)
        if not isinstance(value, tuple) or not all(isinstance(item, kind) for item in value):
            _refuse_type(name, value, f"tuple of {kind.__name__}")


def _refuse_type(name: str, value: object, wanted: str) -> None:
    raise InputError(f"The {name} of a memory cannot be {value!r}.", hint=f"Give a {wanted}.")


def _check_number(name: str, value: object) -> None:
    if not isinstance(value, Real) or not _finite(value):
        raise InputError(
            f"The {name} of a memory cannot be {value!r}.", hint="Give a finite number."
        )


def _finite(value: Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
