"""Choosing the memories that a command is for: by id, document, query or user."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.errors import InputError, NotFoundError

from .app import check_document, there_are

if TYPE_CHECKING:
    from ingrained.memory.records import Memory
    from ingrained.memory.store import MemoryStore

MOST_FOUND = 20
"""Most memories that a query chooses in one namespace."""

SomeIds = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, or their first letters.")
]
OfDocument = Annotated[str | None, typer.Option("--document", help="All of this document.")]
OfQuery = Annotated[
    str | None,
    typer.Option("--query", help=f"What is recalled for these words, {MOST_FOUND} at most."),
]
OfUser = Annotated[str | None, typer.Option("--user", help="All of this user.")]


def check_selector(
    ids: Sequence[str] | None, document: str | None, query: str | None, user: str | None
) -> None:
    """Refuse none of the selectors, or more than one kind.

    Raises:
        InputError: so it is, or a query or a user is empty.
    """
    given = {"ids": ids or None, "--document": document, "--query": query, "--user": user}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise InputError(
            f"not both {' and '.join(named)}" if named else "nothing was chosen",
            hint="Give ids, or one of --document, --query and --user.",
        )
    if query is not None and not query.strip():
        raise InputError("the query is empty", hint='Give some words: --query "…"')
    if user is not None and not user:
        raise InputError("the user is empty", hint="Give a name: --user NAME")


def select(
    store: MemoryStore,
    ids: Sequence[str] | None = None,
    document: str | None = None,
    query: str | None = None,
    user: str | None = None,
) -> list[Memory]:
    """Return the memories that were chosen, in any status but for a query, each once.

    Args:
        store: Where they are.
        ids: Ids, or their first letters.
        document: All that rest on this document.
        query: What is recalled for it in any namespace, `MOST_FOUND` from each at most.
        user: All whose namespace has the labels "user" and this one side by side.

    Raises:
        InputError: not exactly one of the selectors is given, or it is empty.
        NotFoundError: there is no such memory, document or user.
    """
    check_selector(ids, document, query, user)
    if document is not None:
        check_document(store, document)
        return store.list(document=document, status=None)
    if query is not None:
        return _found(store, query)
    if user is not None:
        return _of_user(store, user)
    return list({memory.id: memory for memory in map(store.get, ids or ())}.values())


def _found(store: MemoryStore, query: str) -> list[Memory]:
    return [
        one.memory
        for namespace in store.namespaces()
        for one in store.recall(query, k=MOST_FOUND, namespace=namespace)
    ]


def no_memory_of(store: MemoryStore, user: str) -> bool:
    """Return whether none is a user's."""
    return not any(user in _users(namespace) for namespace in store.namespaces())


def _of_user(store: MemoryStore, user: str) -> list[Memory]:
    spaces = store.namespaces()
    theirs = [namespace for namespace in spaces if user in _users(namespace)]
    if not theirs:
        known = list(dict.fromkeys(name for namespace in spaces for name in _users(namespace)))
        raise NotFoundError(
            f"unknown user {user!r}: no memory is of this user", hint=there_are(known)
        )
    return [one for namespace in theirs for one in store.list(namespace=namespace, status=None)]


def _users(namespace: tuple[str, ...]) -> list[str]:
    return [name for label, name in itertools.pairwise(namespace) if label == "user"]
