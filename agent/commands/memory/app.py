"""What the commands of `ingrained memory` share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.agent.commands.opening import doors, existing_home, load_settings, open_memory
from ingrained.agent.commands.options import Home
from ingrained.errors import NotFoundError

if TYPE_CHECKING:
    from ingrained.memory.records import Memory
    from ingrained.memory.store import MemoryStore

app = typer.Typer(help="See, search and edit what the agent remembers.", no_args_is_help=True)

WHO = "cli"
MOST = 2**31 - 1
"""Largest number that an option or argument takes: what SQLite can count, with room to add to it."""
_NAMED = 5
"""Most documents, users or namespaces that are named when another one was asked for."""
OneId = Annotated[str, typer.Argument(metavar="ID", help="An id, or its first letters.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Ids, or their first letters.")]


def check_document(store: MemoryStore, document: str | None) -> None:
    """Refuse a document that no memory rests on, not even a forgotten one.

    Raises:
        NotFoundError: it is such a one; some that there are get named.
    """
    if document is None or store.list(document=document, status=None, limit=1):
        return
    everything = store.list(status=None)
    known = list(dict.fromkeys(span.document for one in everything for span in one.spans))
    raise NotFoundError(
        f"unknown document {document!r}: no memory rests on it", hint=there_are(known)
    )


def there_are(known: Sequence[str]) -> str:
    """Return the hint that names what there is: the first few, and how many more."""
    return f"There are: {first_of(known) or 'none'}."


def first_of(known: Sequence[str]) -> str:
    """Return the first few, and how many more."""
    rest = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + rest


def ids_of(memories: list[Memory]) -> list[str]:
    """Return the ids of memories, in order."""
    return [memory.id for memory in memories]


@contextmanager
def opened(
    context: typer.Context, home: Home, *, writing: bool = False, searching: bool = False
) -> Iterator[MemoryStore]:
    """Open the memory of a home that is there, and close it again."""
    from ingrained.agent.ui.download import DownloadBar

    settings, behind = load_settings(home=home), doors(context)
    existing_home(settings)
    with (
        DownloadBar() as bar,
        open_memory(settings, behind, writing=writing, searching=searching, progress=bar) as store,
    ):
        yield store
