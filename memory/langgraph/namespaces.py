"""Namespaces as keys of a database: any label, whole labels only, prefixes as ranges.

A label is written in UTF-8 and ended by the bytes 00 01; a NUL inside it becomes 00 FF. So a key
can be read back, and the keys under a prefix are those that begin with the prefix's own key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from langgraph.store.base import InvalidNamespaceError, MatchCondition

from ingrained.errors import InputError

RESERVED_ROOT = "langgraph"
WILDCARD = "*"

_END = b"\x00\x01"
_NUL = b"\x00\xff"
_LABEL = re.compile(rb"((?:[^\x00]|\x00\xff)+)\x00\x01", re.DOTALL)
_AFTER_ALL = b"\xff"
"""No key begins with it: FF does not occur in UTF-8."""


class NamespaceError(InputError, InvalidNamespaceError):
    """A namespace that no item can have; also LangGraph's own error for it."""

    hint = "Give a tuple of strings, none of them empty. Any characters will do."


def encode(namespace: Sequence[str]) -> bytes:
    """Return the key of a namespace; `decode` is its inverse."""
    labels = (label.encode("utf-8", "surrogatepass") for label in namespace)
    return b"".join(label.replace(b"\x00", _NUL) + _END for label in labels)


def decode(key: bytes) -> tuple[str, ...]:
    """Return the namespace that `encode` made the key of."""
    labels = (label.replace(_NUL, b"\x00") for label in _LABEL.findall(key))
    return tuple(label.decode("utf-8", "surrogatepass") for label in labels)


def key_range(prefix: Sequence[str]) -> tuple[bytes, bytes]:
    """Return the first key under a prefix, and the first key after all of them."""
    low = encode(prefix)
    return low, low[:-1] + b"\x02" if low else _AFTER_ALL


def check_labels(namespace: Sequence[str]) -> None:
    """Refuse what is no tuple (or list) of non-empty strings.

    Raises:
        NamespaceError: And says which label it is.
    """
    if not isinstance(namespace, (tuple, list)):
        raise NamespaceError(f"The namespace {namespace!r} is not a tuple of labels.")
    for label in namespace:
        if not isinstance(label, str):
            raise NamespaceError(
                f"The label {label!r} of the namespace {namespace!r} is no string."
            )
        if not label:
            raise NamespaceError(f"A label of the namespace {namespace!r} is empty.")


def check_home(namespace: Sequence[str]) -> None:
    """Refuse a namespace that nothing can be put into.

    Raises:
        NamespaceError: When it is empty, or has a bad label.
    """
    check_labels(namespace)
    if not namespace:
        raise NamespaceError("An item cannot be put into the empty namespace ().")


def check_not_reserved(namespace: Sequence[str]) -> None:
    """Refuse LangGraph's own root label.

    Raises:
        NamespaceError: When the first label is "langgraph".
    """
    if namespace and namespace[0] == RESERVED_ROOT:
        raise NamespaceError(
            f"The namespace {tuple(namespace)!r} begins with {RESERVED_ROOT!r}, "
            "which LangGraph keeps for itself.",
            hint="Choose another first label.",
        )


def fits(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    """Return whether the namespace begins or ends as the condition says, label by label."""
    path = condition.path
    if len(namespace) < len(path):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return not path or all(want in (WILDCARD, have) for have, want in zip(part, path, strict=True))


def literal_prefix(conditions: Iterable[MatchCondition]) -> tuple[str, ...]:
    """Return the longest wildcard-free prefix that every fitting namespace has."""
    prefixes = (
        path[: path.index(WILDCARD)] if WILDCARD in path else path
        for kind, path in conditions
        if kind == "prefix"
    )
    return max((tuple(prefix) for prefix in prefixes), key=len, default=())
