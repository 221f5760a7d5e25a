"""What a study would find: the home as it is, and the passages that it would take up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingrained.agent.library import Library
from ingrained.agent.reading.corpus import Corpus
from ingrained.agent.reading.documents import Document, Passage
from ingrained.agent.reading.passages import split
from ingrained.agent.report.records import runs
from ingrained.graphs.session import Home
from ingrained.memory.ledger import Ledger
from ingrained.trainer.adapters import AdapterRegistry


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a home holds already; nothing where there is none."""

    adapters: AdapterRegistry
    library: Library | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    """Of the library."""
    memories: frozenset[str] = frozenset()
    """Ids of the active ones."""
    runs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A document, and what of it would be studied."""

    document: Document
    passages: Sequence[Passage]
    new: Sequence[Passage]


@contextmanager
def open_past(folder: Path) -> Iterator[Past]:
    """Look into a home without making anything.

    Raises:
        HomeVersionError: it was made by a newer version.
    """
    adapters = AdapterRegistry(folder)
    if not (folder / "home.json").is_file():
        yield Past(adapters=adapters, runs=runs(folder))
        return
    home = Home(folder)
    with ExitStack() as stack:
        library, memories = None, frozenset[str]()
        if home.library_file.is_file():
            library = stack.enter_context(closing(home.library(read_only=True)))
        if home.ledger_file.is_file():
            ledger = stack.enter_context(closing(Ledger(home.ledger_file, read_only=True)))
            memories = frozenset(id_ for _, id_ in ledger.digests())
        yield Past(
            adapters=adapters,
            library=library,
            counts=library.counts() if library else {},
            memories=memories,
            runs=runs(folder),
        )


def known_documents(folder: Path) -> Mapping[str, tuple[str, str]]:
    """Return what a home has read: document id → version and source; nothing makes no home.

    Raises:
        HomeVersionError: it was made by a newer version.
    """
    if not (folder / "home.json").is_file():
        return {}
    home = Home(folder)
    if not home.library_file.is_file():
        return {}
    with closing(home.library(read_only=True)) as library:
        return library.known()


def entries(corpus: Corpus, library: Library | None, passage_tokens: int) -> list[Entry]:
    """Return each document with the passages that a study would take up now.

    These are the passages never studied as they are now; also those that an earlier study of
    another corpus has left, since the next study takes them up.
    """
    waiting: dict[str, list[Passage]] = defaultdict(list)
    for passage in library.passages(library.unread()) if library else ():
        waiting[passage.document].append(passage)
    versions = library.versions() if library else {}
    found = []
    for document in corpus.documents:
        passages, mine = split(document, max_tokens=passage_tokens), waiting.pop(document.id, [])
        same = versions.get(document.id) == document.version
        new = mine if same else _not_studied(passages, mine, library)
        found.append(Entry(document=document, passages=passages, new=new))
    left = ((library.document(name), new) for name, new in waiting.items()) if library else ()
    return found + [Entry(document=one, passages=new, new=new) for one, new in left if one]


def _not_studied(
    passages: Sequence[Passage], waiting: Sequence[Passage], library: Library | None
) -> Sequence[Passage]:
    """Return the passages of a new or edited document that were not studied as they are now."""
    if library is None:
        return passages
    known = {passage.id for passage in library.passages([one.id for one in passages])}
    studied = known - {passage.id for passage in waiting}
    return [passage for passage in passages if passage.id not in studied]
