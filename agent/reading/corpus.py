"""Read a whole corpus: every file that can be read, and a reason for every one that cannot."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingrained.errors import CorpusError

from .decoding import EmptyTextError, clean
from .documents import Document, Skipped
from .loaders import LOADERS, load, unknown_kind

DEFAULT_MAX_BYTES = 50_000_000
Progress = Callable[[int, int, str], None]
"""Called before each file with: files done, files in all, the file's path in the corpus."""
_REASONS_SHOWN = 20
BY_BENCH = ".ingrained-bench.json"
"""Names what `ingrained bench` wrote into the folder that it lies in: {"names": [...]}."""
_HOME = "home.json"
_WRITTEN = "written by `ingrained bench`"
_LIVED_IN = ("library.sqlite", "memory/ledger.sqlite")


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What a corpus holds, in order of its roots and then of its paths."""

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...] = ()
    seen: frozenset[str] = frozenset()
    """Sources of all that was read, those of second copies too."""
    damaged: frozenset[str] = frozenset()
    """Files that could not be read, or not all of them."""
    emptied: frozenset[str] = frozenset()
    """Files without any text; one that had some is a document of no text."""


@dataclass(frozen=True, kw_only=True)
class _File:
    path: Path
    name: str
    """Path relative to the root, posix."""
    root: str
    """Name of the root, for ids that would clash."""


def read_corpus(
    paths: Sequence[Path],
    *,
    max_bytes: int = DEFAULT_MAX_BYTES,
    progress: Progress | None = None,
    known: Mapping[str, tuple[str, str]] | None = None,
) -> Corpus:
    """Read files and, recursively, folders; not those that an agent lives in or a benchmark wrote.

    Args:
        paths: Files or folders. Ids are relative to the folder given, or the file's name.
        max_bytes: Largest file that is read, in bytes.
        progress: Told about each file before it is read.
        known: Document id to version and source of what was read before. A file keeps the id it
            had and shares that of an equal one, but never takes that of another still there.
            A file that is empty now is a document of no text if it was one with text.

    Raises:
        CorpusError: A path does not exist, or nothing in all of them can be read, nor ever was.
    """
    skipped: list[Skipped] = []
    files = [file for path in paths for file in _files(Path(path), skipped)]
    shelf = _Shelf(skipped=skipped, known=known or {})
    for done, file in enumerate(files):
        if progress is not None:
            progress(done, len(files), file.name)
        shelf.add(file, max_bytes)
    if not shelf.documents and not any(lies_below(one, paths) for _, one in shelf.known.values()):
        raise _nothing_readable(paths, skipped)
    return Corpus(
        documents=tuple(shelf.documents.values()),
        skipped=tuple(skipped),
        seen=frozenset(shelf.seen),
        damaged=frozenset(shelf.damaged),
        emptied=frozenset(shelf.emptied),
    )


class _Shelf:
    """Collects documents: no id and no content twice.

    Args:
        skipped: Gets an entry for all that is left out.
        known: Document id to version and source of what was read before.
    """

    def __init__(self, *, skipped: list[Skipped], known: Mapping[str, tuple[str, str]]) -> None:
        self.documents: dict[str, Document] = {}
        self.seen: set[str] = set()
        self.damaged: set[str] = set()
        self.emptied: set[str] = set()
        self.known = known
        self._id_of_source = {source: id_ for id_, (_, source) in known.items() if source}
        self._skipped = skipped
        self._id_of_version: dict[str, str] = {}

    def add(self, file: _File, max_bytes: int) -> None:
        """Read a file and keep what is new in it."""
        prefix = len(clean(file.path.name))

        def skip_part(part: Skipped) -> None:
            self.damaged.add(_source(file))
            self._skip(file.name + part.path[prefix:], part.reason)

        try:
            _check_file(file.path, max_bytes)
            documents = load(file.path, on_skip=skip_part)
        except EmptyTextError as error:
            self._empty(file)
            self._skip(file.name, str(error))
            return
        except CorpusError as error:
            self.damaged.add(_source(file))
            self._skip(file.name, str(error))
            return
        for document in documents:
            self._keep(file, document, document.id[prefix:])

    def _empty(self, file: _File) -> None:
        source = _source(file)
        self.emptied.add(source)
        if key := self._id_of_source.get(source):
            self.documents[key] = Document.of(id=key, title=Path(key).stem, text="", source=source)

    def _keep(self, file: _File, document: Document, part: str) -> None:
        source = _source(file) + part
        self.seen.add(source)
        same = self._id_of_version.get(document.version)
        if same is not None:
            self._skip(file.name + part, f"same content as {same}")
            return
        key = self._id_of_source.get(source) or next(
            key for key in _ids(file, part) if self._is_free(key, document.version)
        )
        self.documents[key] = dataclasses.replace(document, id=key, source=source)
        self._id_of_version[document.version] = key

    def _is_free(self, key: str, version: str) -> bool:
        known_version, source = self.known.get(key, (version, ""))
        return key not in self.documents and (known_version == version or not is_there(source))

    def _skip(self, path: str, reason: str) -> None:
        self._skipped.append(Skipped(path=path, reason=reason))


def _source(file: _File) -> str:
    return clean(file.path.resolve().as_posix())


def _ids(file: _File, part: str) -> Iterator[str]:
    """Yield the plain id, then ever longer ones for when another root has it already."""
    yield file.name + part
    yield f"{file.root}/{file.name}{part}"
    count = 2
    while True:
        yield f"{file.root} ({count})/{file.name}{part}"
        count += 1


def is_there(source: str) -> bool:
    """Return whether the file of a source exists; the source may name a row of it."""
    file, _, row = source.rpartition("#")
    return any(name and Path(name).is_file() for name in (source, file if row else ""))


def lies_below(source: str, roots: Sequence[Path]) -> bool:
    """Return whether a source is one of these files, a row of one, or in one of these folders."""
    file = Path(source.rpartition("#")[0] or source)
    real = [Path(root).resolve() for root in roots]
    return bool(source) and any(Path(source).is_relative_to(one) or file == one for one in real)


def _check_file(path: Path, max_bytes: int) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror})") from error
    if not path.is_file():
        raise CorpusError("not a regular file")
    if path.suffix.lower() not in LOADERS:
        raise CorpusError(unknown_kind(path))
    if size > max_bytes:
        raise CorpusError(f"too big: {size:,} bytes, limit {max_bytes:,}")


def _files(root: Path, skipped: list[Skipped]) -> list[_File]:
    """Return the files under a root, in order of their paths relative to it."""
    try:
        real = root.resolve(strict=True)
        folder = real.is_dir()
    except (OSError, RuntimeError) as error:
        raise CorpusError(
            f"No such file or folder: {root}", hint="Check the path of the corpus."
        ) from error
    if not folder:
        name = clean(root.name or real.name)
        return [_File(path=root, name=name, root=clean(real.parent.name))]
    found = [
        _File(path=path, name=clean(path.relative_to(root).as_posix()), root=clean(real.name))
        for path in _walk(root, real, skipped)
    ]
    return sorted(found, key=lambda file: file.name)


def _walk(root: Path, real: Path, skipped: list[Skipped]) -> Iterator[Path]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            skipped.append(_left_out(folder, root, f"cannot be opened ({error.strerror})"))
            continue
        names = {entry.name for entry in inside}
        if _is_home(folder, names):
            skipped.append(_left_out(folder, root, "an agent's home"))
            continue
        written = written_by_bench(folder) if BY_BENCH in names else ()
        for entry in inside:
            path = folder / entry.name
            if reason := _WRITTEN if entry.name in written else _obstacle(entry, real):
                skipped.append(_left_out(path, root, reason))
            elif entry.is_dir():
                folders.append(path)
            else:
                yield path


def _is_home(folder: Path, names: Collection[str]) -> bool:
    """Return whether an agent lives in a folder; what it wrote itself is no source."""
    return _HOME in names and any((folder / one).is_file() for one in _LIVED_IN)


def written_by_bench(folder: Path) -> frozenset[str]:
    """Return the names of what a benchmark wrote into a folder; none if its note is damaged."""
    try:
        names = json.loads((folder / BY_BENCH).read_text(encoding="utf-8"))["names"]
        return frozenset(map(str, names))
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def _obstacle(entry: os.DirEntry[str], real_root: Path) -> str:
    """Return why an entry is not looked into, or nothing."""
    if entry.name.startswith("."):
        return "hidden"
    if not entry.is_symlink():
        return ""
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return "link that leads nowhere or in a circle"
    if not target.is_relative_to(real_root):
        return "link that leads outside the folder"
    return "link to a folder that is read in its own place" if target.is_dir() else ""


def _left_out(path: Path, root: Path, reason: str) -> Skipped:
    return Skipped(path=clean(path.relative_to(root).as_posix()), reason=reason)


def _nothing_readable(paths: Sequence[Path], skipped: Sequence[Skipped]) -> CorpusError:
    lines = [f"  {item.path}: {item.reason}" for item in skipped[:_REASONS_SHOWN]]
    if len(skipped) > _REASONS_SHOWN:
        lines.append(f"  and {len(skipped) - _REASONS_SHOWN} more")
    names = ", ".join(str(path) for path in paths) or "no path at all"
    return CorpusError(
        "\n".join([f"Nothing readable in {names}.", *lines]),
        hint=f"Files that can be read end in {', '.join(sorted(LOADERS))}.",
    )
