"""A store into a file, a file into a store; no model is called but the embedder.

Each row of a file is added, merged, found unchanged, refused by the store, or skipped with a
reason: the tally says of how many what became.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from ingrained.disk import way_out
from ingrained.errors import InputError
from ingrained.memory.embedding import Embedder
from ingrained.memory.entries import text_digest
from ingrained.memory.records import Memory
from ingrained.memory.results import Inserted
from ingrained.memory.screening import Policy, Screen, findings_of, screened

from .reading import Source, is_export
from .rows import Header, Row, Skipped, batches
from .writing import Writer, write_jsonl, write_parquet

ExportForm = Literal["jsonl", "parquet"]
TRUST = 0.5
"""Of what another memory holds, when the user does not say how far to trust it."""

_WRITERS: dict[str, Writer] = {"jsonl": write_jsonl, "parquet": write_parquet}
_BATCH = 256
"""Memories to a transaction."""
_KEPT = 100
"""Most skipped rows, and names of fields, that a tally lists one by one."""


class Archive(Protocol):
    """What of a `MemoryStore` an export needs."""

    @property
    def embedder(self) -> Embedder:
        """What turned texts into the vectors."""
        ...

    def vectors(self, memories: Sequence[Memory]) -> Mapping[str, Sequence[float]]:
        """Return the vectors of these memories, as far as there are any."""
        ...


class Receiver(Protocol):
    """What of a `MemoryStore` an import needs."""

    @property
    def embedder(self) -> Embedder:
        """What turns texts into vectors."""
        ...

    def insert(self, memories: Sequence[Memory], *, who: str, why: str) -> list[Inserted]:
        """Remember new facts."""
        ...

    def adopt(
        self,
        memories: Sequence[Memory],
        *,
        who: str,
        why: str,
        vectors: Mapping[str, Sequence[float]] | None = None,
    ) -> list[Inserted]:
        """Take memories as they are."""
        ...

    def settle_in(self, names: Mapping[str, str], *, who: str, why: str) -> None:
        """Let what was taken point to memories that are here."""
        ...


class Tally:
    """Of how many rows what became.

    Attributes:
        rows: Rows that were read and found whole.
        outcomes: What the store made of them; see `Inserted.outcome`.
        namespaces: Rows by namespace.
        left_out: How often something of a row had no place in a memory, by name.
        skipped: The first of the rows that were skipped.
        skips: How many were, in all.
        vectors: Rows that came with a vector; of an import, those whose vector was used.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.outcomes: Counter[str] = Counter()
        self.namespaces: Counter[tuple[str, ...]] = Counter()
        self.left_out: Counter[str] = Counter()
        self.skipped: list[Skipped] = []
        self.skips = 0
        self.vectors = 0

    def skip(self, skipped: Skipped) -> None:
        """Count a row that is not imported."""
        self.skips += 1
        if len(self.skipped) < _KEPT:
            self.skipped.append(skipped)

    def add(self, row: Row) -> None:
        """Count a row that is."""
        self.rows += 1
        self.namespaces[row.memory.namespace] += 1
        for name in row.left_out:
            known = name in self.left_out or len(self.left_out) < _KEPT
            self.left_out[name if known else "…"] += 1

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, JSON-ready."""
        return {
            "rows": self.rows,
            **dict(sorted(self.outcomes.items())),
            "skips": self.skips,
            "skipped": [dataclasses.asdict(one) for one in self.skipped],
            "left_out": dict(self.left_out.most_common()),
            "namespaces": [
                {"namespace": list(namespace), "rows": count}
                for namespace, count in self.namespaces.most_common()
            ],
            "vectors": self.vectors,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user wants done to all rows of a file.

    Raises:
        InputError: `trust` is not in [0, 1].
    """

    namespace: tuple[str, ...] | None = None
    """Into this one, whatever the rows say; not for our own exports, whose ids follow from theirs."""
    trust: float | None = None
    """Most that any row is trusted. `TRUST` for foreign rows, no limit for our own when None."""

    def __post_init__(self) -> None:
        if self.trust is not None and not 0 <= self.trust <= 1:
            raise InputError(f"a trust of {self.trust:g} is not in [0, 1]", hint="Try 0.5.")

    def check(self, source: Source) -> None:
        """Refuse what cannot be done to this file.

        Raises:
            InputError: A namespace is asked for, of one of our own exports.
        """
        if source.header and self.namespace is not None:
            raise InputError(
                "an export keeps its namespaces",
                hint="Leave out --namespace, or give it when exporting to take only that one.",
            )

    def applied(self, row: Row, *, own: bool) -> Row:
        """Return the row as it is to be imported."""
        most = self.trust if self.trust is not None else (1.0 if own else TRUST)
        memory = dataclasses.replace(
            row.memory,
            trust=min(row.memory.trust, most),
            namespace=self.namespace or row.memory.namespace,
        )
        return dataclasses.replace(row, memory=memory)


def export(
    store: Archive,
    memories: Sequence[Memory],
    path: Path,
    form: ExportForm,
    *,
    vectors: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write memories of a store into a file, in place of an earlier export.

    Args:
        store: Where they are from.
        memories: As `MemoryStore.list` gives them.
        path: Of the file.
        form: Of the file.
        vectors: Add the vectors of those that have one.
        progress: Told of every few more.

    Returns:
        How many were written.

    Raises:
        InputError: There is another file of this name, or no such folder.
        OSError: The disk is full, say; an earlier export stays as it was.
    """
    header = Header(
        embedder=store.embedder.name, fingerprint=store.embedder.fingerprint, vectors=vectors
    )
    rows = _rows(store, memories, vectors=vectors, progress=progress)
    with _told(path):
        _check_target(path)
        return _WRITERS[form](path, rows, header)


def survey(source: Source, wishes: Wishes) -> Tally:
    """Read a whole file and count what would be imported; nothing is changed.

    Raises:
        InputError: The wishes do not fit the file, or nothing in it can be used.
    """
    wishes.check(source)
    tally = Tally()
    tally.vectors = sum(row.vector is not None for row in _wanted(source, wishes, tally))
    if not tally.rows and tally.skips:
        first = tally.skipped[0]
        raise InputError(
            f"nothing in {source.path.name!r} can be read as {source.form}: "
            f"{first.reason} ({first.place})",
            hint="Force another form with --format.",
        )
    return tally


def bring_in(
    store: Receiver,
    source: Source,
    wishes: Wishes,
    *,
    who: str,
    why: str,
    screen: Screen | None = None,
    screening: Policy = "keep",
    progress: Callable[[int], None] = lambda _: None,
) -> Tally:
    """Import a file: our own exports as they are, others as new facts.

    Every few hundred rows are one transaction; after an interruption the same import goes on, since
    what is known already stays unchanged.

    Args:
        store: Takes the memories. What is a new fact goes through the store's own screen.
        source: The file.
        wishes: What is done to its rows.
        who: Who imports.
        why: For what reason.
        screen: Looks through our own exports, which the store takes as they are; None does not.
            What is redacted keeps its id, by which others refer to it, and loses its vector.
        screening: What is done about findings.
        progress: Told of every few more rows.

    Raises:
        InputError: The wishes do not fit the file, or the file is damaged.
        StoreError: The store cannot take the memories.
    """
    wishes.check(source)
    tally, names = Tally(), dict[str, str]()
    for batch in batches(_wanted(source, wishes, tally), _BATCH):
        own = source.header is not None
        kept = _screened(batch, screen, screening) if own and screen is not None else batch
        if refused := len(batch) - len(kept):
            tally.outcomes["refused"] += refused
        vectors = _usable(store, source, kept)
        done = _take(store, source, kept, vectors, who=who, why=why)
        if own:
            names |= {row.memory.id: one.id for row, one in zip(kept, done, strict=True)}
        tally.outcomes.update(one.outcome for one in done)
        tally.vectors += len(vectors)
        progress(len(batch))
    if names:
        store.settle_in(names, who=who, why=why)
    return tally


def _screened(batch: Sequence[Row], screen: Screen, policy: Policy) -> list[Row]:
    """Return what of the rows may be remembered."""
    kept = []
    for row in batch:
        memory = screened(row.memory, findings_of(row.memory, screen), policy)
        if memory is not None:
            same = text_digest(memory) == text_digest(row.memory)
            kept.append(Row(memory=memory, vector=row.vector if same else None))
    return kept


def _usable(store: Receiver, source: Source, batch: Sequence[Row]) -> dict[str, Sequence[float]]:
    """Return the vectors that the store's own embedder would give."""
    given = {row.memory.id: row.vector for row in batch if row.vector is not None}
    if not given or source.header is None:
        return {}
    if source.header.fingerprint != store.embedder.fingerprint:
        return {}
    dimension = store.embedder.dimension
    return {id_: vector for id_, vector in given.items() if len(vector) == dimension}


def _take(
    store: Receiver,
    source: Source,
    batch: Sequence[Row],
    vectors: Mapping[str, Sequence[float]],
    *,
    who: str,
    why: str,
) -> list[Inserted]:
    memories = [row.memory for row in batch]
    if source.header is None:
        return store.insert(memories, who=who, why=why)
    return store.adopt(memories, who=who, why=why, vectors=vectors or None)


def _wanted(source: Source, wishes: Wishes, tally: Tally) -> Iterator[Row]:
    for item in source.items():
        if isinstance(item, Skipped):
            tally.skip(item)
            continue
        row = wishes.applied(item, own=source.header is not None)
        tally.add(row)
        yield row


def _rows(
    store: Archive,
    memories: Sequence[Memory],
    *,
    vectors: bool,
    progress: Callable[[int], None],
) -> Iterator[Row]:
    for batch in batches(memories, _BATCH):
        known = store.vectors(batch) if vectors else {}
        yield from (Row(memory=memory, vector=known.get(memory.id)) for memory in batch)
        progress(len(batch))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell of a file that cannot be written, unless it is the disk's fault."""
    try:
        yield
    except OSError as error:
        if way_out(error):
            raise
        raise InputError(
            f"cannot write {str(path)!r}: {error.strerror or error}",
            hint="Check the permissions of the folder, or give another one.",
        ) from error


def _check_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise InputError(f"no such folder: {str(path.parent)!r}", hint="Make the folder first.")
    if path.exists() and not (path.is_file() and (not path.stat().st_size or is_export(path))):
        raise InputError(
            f"{str(path)!r} exists and is no export of memories",
            hint="Give another name: only an earlier export is replaced.",
        )
