"""What a new version of a document would do to the memories that rest on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingrained.agent.commands.opening import existing_home, load_settings
from ingrained.agent.commands.options import Home, Json
from ingrained.errors import InputError, NotFoundError

from .app import app, check_document, opened

if TYPE_CHECKING:
    from ingrained.agent.library import Library
    from ingrained.agent.reading.documents import Document
    from ingrained.memory.store import MemoryStore


@app.command("diff")
def diff(
    context: typer.Context,
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="A document that was studied, or its file.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The file with its new version.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show which memories a new version of a document would keep, and which supersede."""
    from contextlib import closing

    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.revision import plain_revision, show_revision
    from ingrained.memory.records import DEFAULT_NAMESPACE
    from ingrained.memory.revising import revise

    behind = existing_home(load_settings(home=home))
    if not behind.library_file.is_file():
        raise NotFoundError("nothing was studied here yet", hint="Let the agent study OLD first.")
    with (
        closing(behind.library(read_only=True)) as library,
        opened(context, home) as store,
    ):
        before = _known(old, library, store)
        after = _newer(new, before)
        text = library.tombstones().blank(after.text)
        memories = store.list(namespace=DEFAULT_NAMESPACE, document=before.id, status=None)
    revision = revise(
        memories, document=before.id, version=after.version, text=text, old_text=before.text
    )
    told = plain_revision(revision, memories, text)
    if as_json:
        show_json(told)
    else:
        show_revision(told)


def _known(name: str, library: Library, store: MemoryStore) -> Document:
    """Return the document of this id or file name, or the one that is read from this file.

    Raises:
        NotFoundError: no memory rests on such a document.
    """
    found = library.named(name) or _read_from(name, library)
    if found is None:
        check_document(store, name)
        raise NotFoundError(
            f"the text of {name!r} is not in the library", hint="Let the agent study it first."
        )
    return found


def _read_from(name: str, library: Library) -> Document | None:
    """Return the document whose source is a file, or that has the text of a file."""
    file, _, row = name.rpartition("#")
    path = next((Path(one) for one in (name, file) if one and Path(one).is_file()), None)
    if path is None:
        return None
    source = path.resolve().as_posix() + (f"#{row}" if str(path) == file else "")
    known = library.known()
    by_source = [id_ for id_, (_, where) in known.items() if where == source]
    texts = {one.version for one in _load(path)}
    by_text = [id_ for id_, (version, _) in known.items() if version in texts]
    return next((library.document(id_) for id_ in [*by_source, *by_text]), None)


def _newer(path: Path, before: Document) -> Document:
    """Return the new version of a document: of a file with rows, the one with the same key.

    Raises:
        InputError: the file cannot be read, or has no such row.
    """
    from ingrained.agent.reading.decoding import EmptyTextError
    from ingrained.agent.reading.documents import Document

    row = before.id.rpartition("#")[2] if "#" in before.id else ""
    try:
        documents = _load(path)
    except InputError as error:
        if row or not isinstance(error.__cause__, EmptyTextError):
            raise
        return Document.of(id=before.id, title=before.title, text="")
    same = [one for one in documents if one.id.partition("#")[2] == row]
    if len(documents) == 1 and not same:
        same = documents
    if not same:
        raise InputError(
            f"{str(path)!r} has {len(documents)} documents, none of them like {before.id!r}",
            hint="Give a file with one document, or one that has a row of the same id.",
        )
    return same[0]


def _load(path: Path) -> list[Document]:
    from ingrained.agent.reading.loaders import load
    from ingrained.errors import CorpusError

    try:
        return load(path)
    except CorpusError as error:
        raise InputError(
            f"{str(path)!r} cannot be read: {error}", hint="Give a file that a study could read."
        ) from error
