"""Whose memory a call touches: what the host says of the caller, never what the model says.

The model fills in a tool's arguments, and a document or a user can talk it into anything. So the
namespace is read from what only the host's code sets: the context of the run, or its configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from langchain_core.runnables import RunnableConfig

from ingrained.errors import InputError
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.context import StudyContext

Namespace = tuple[str, ...]

_USER = "user"
_ABSENT = object()
_HINT = (
    "The application sets it in the run's context or its `configurable`: `namespace`, a tuple of "
    "labels, or `user_id`."
)


def namespace_of(context: object, config: RunnableConfig, default: Namespace) -> Namespace:
    """Return the namespace of the caller.

    `namespace` of the context comes first, then its `user_id`, as an attribute or as a key; if it
    has neither, those of `config["configurable"]`, then the default. So a context that names its
    user cannot be overruled by a client that only chooses the configuration. A user's namespace is
    `("user", user_id)`. Labels are compared whole and may hold any character, as they do in the
    store: `ada@example.org` and `ada.example@org` are two users. A context of our own graphs says where
    what was studied is, which names nobody; only that of a conversation says who talks.

    None is what an anonymous request has for an id: a key that is there and is None is refused as an
    empty label is, and never hands the run over to the next source. An attribute of an object may
    be None beside the other one, since a class declares both whichever is used.

    Args:
        context: Of the run; an object, a mapping or None.
        config: Of the run.
        default: Where nobody is named.

    Raises:
        InputError: What is given names nobody: an empty label, say, or one that is not text.
    """
    if isinstance(context, ChatContext):
        return context.own
    named = None if isinstance(context, StudyContext) else context
    for source in (named, config.get("configurable")):
        if (own := _named(source)) is not None:
            return own
    return default


def _named(source: object) -> Namespace | None:
    """Return whom a source names; None if it says nothing of it."""
    namespace, user = _said(source, "namespace"), _said(source, "user_id")
    if isinstance(source, Mapping):
        namespace = _ABSENT if user is None else namespace
    elif namespace is None and user is not _ABSENT:
        namespace = _ABSENT
    if namespace is not _ABSENT:
        return _labels(namespace)
    return None if user is _ABSENT else (_USER, _user(user))


def _said(source: object, name: str) -> Any:
    """Return an entry of a mapping or an attribute of anything else; `_ABSENT` if there is none."""
    if isinstance(source, Mapping):
        return source.get(name, _ABSENT)
    return getattr(source, name, _ABSENT)


def _labels(given: object) -> Namespace:
    labels: Any = (given,) if isinstance(given, str) else given
    known = isinstance(labels, tuple | list) and bool(labels)
    if not known or not all(isinstance(label, str) and label for label in labels):
        raise InputError(f"The namespace of a run cannot be {given!r}.", hint=_HINT)
    return tuple(labels)


def _user(given: object) -> str:
    """Return a user id as a label; numbers and UUIDs are what databases call their users."""
    known = isinstance(given, str | int | UUID) and not isinstance(given, bool)
    if not known or not str(given):
        raise InputError(f"The user_id of a run cannot be {given!r}.", hint=_HINT)
    return str(given)
