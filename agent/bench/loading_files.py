"""A folder with documents and an exam on them: the form for anybody's own benchmark."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ingrained.agent.exam import Item, read_exam
from ingrained.agent.reading.corpus import Corpus, read_corpus
from ingrained.agent.reading.documents import Document, Skipped
from ingrained.agent.reading.loaders import load_jsonl
from ingrained.errors import CorpusError, ExamError

from .benchmark import DOCUMENTS_FILE, BenchDocument, Benchmark
from .loading_parts import checked, document, main_score

EXAM_FILE = "exam.jsonl"
LAYOUT = f"{DOCUMENTS_FILE} (lines of id, title, text) and {EXAM_FILE} (lines of id, document, question, answers)"
_NAMED = 5


def read_folder(
    folder: Path,
    *,
    name: str,
    origin: str,
    main: str = "",
    on_skip: Callable[[Skipped], None] = lambda _: None,
) -> Benchmark:
    """Read a benchmark from its folder.

    Args:
        folder: With `exam.jsonl` and either `documents.jsonl` or documents of any readable kind.
        name: Name of the benchmark.
        origin: Where the data come from.
        main: The main score; by default the one that fits the items.
        on_skip: Told of each file that is no document, and why.

    Raises:
        CorpusError: no documents, or one that cannot be used.
        ExamError: no exam, one that does not parse, or a question on an unknown document.
    """
    exam = read_exam(folder / EXAM_FILE)
    documents = _documents(folder, on_skip)
    items = _resolved(exam.items, documents, folder / EXAM_FILE)
    return checked(
        Benchmark(
            name=name,
            documents=tuple(documents.values()),
            items=items,
            origin=origin,
            main=main or main_score(items),
        )
    )


def _documents(folder: Path, on_skip: Callable[[Skipped], None]) -> dict[str, BenchDocument]:
    """Return the documents by the ids that an exam calls them by."""
    path = folder / DOCUMENTS_FILE
    if path.is_file():
        named = {one.id.partition("#")[2]: one for one in _rows(path)}
    else:
        corpus = _corpus(folder)
        for skipped in corpus.skipped:
            if not skipped.path.startswith(EXAM_FILE):
                on_skip(skipped)
        named = {one.id: one for one in corpus.documents if not _is_exam(one)}
    if not named:
        raise CorpusError(f"no documents in {str(folder)!r}", hint=f"It must hold {LAYOUT}.")
    return {id_: document(id_, one.title, one.text) for id_, one in named.items()}


def _corpus(folder: Path) -> Corpus:
    """Read a folder's documents; where there is nothing but an exam, say what is missing."""
    if all(path.name == EXAM_FILE for path in folder.iterdir()):
        raise CorpusError(f"no documents in {str(folder)!r}", hint=f"It must hold {LAYOUT}.")
    return read_corpus([folder])


def _rows(path: Path) -> list[Document]:
    """Return all documents of the file: none is left out, as `ingrained study` would."""

    def refuse(row: Skipped) -> None:
        raise CorpusError(f"line {row.path.rpartition(':')[2]}: {row.reason}")

    try:
        return load_jsonl(path, on_skip=refuse)
    except CorpusError as error:
        raise CorpusError(
            f"{path}: {error}",
            hint='Each line must be a JSON object with "id", "title" and "text".',
        ) from error


def _is_exam(found: Document) -> bool:
    return found.id.partition("#")[0] == EXAM_FILE


def _resolved(
    items: Sequence[Item], documents: Mapping[str, BenchDocument], exam: Path
) -> tuple[Item, ...]:
    return tuple(
        dataclasses.replace(item, document=_key(item, documents, exam, index))
        for index, item in enumerate(items)
    )


def _key(item: Item, documents: Mapping[str, BenchDocument], exam: Path, index: int) -> str:
    """Return the key of an item's document, which may be named by the end of its path alone."""
    if not item.document:
        return ""
    exact = documents.get(item.document)
    ends = [one for id_, one in documents.items() if id_.endswith(f"/{item.document}")]
    if exact is None and len(ends) != 1:
        ids = ", ".join(list(documents)[:_NAMED])
        raise ExamError(
            f"{exam}, line {_line(exam, index)}: "
            f"{len(ends) or 'none'} of the documents is {item.document!r}",
            hint=f"Name a document by its id or path, such as {ids}.",
        )
    return (exact or ends[0]).key


def _line(exam: Path, index: int) -> int:
    """Return the number of the line of the item of this index; empty lines hold none."""
    lines = exam.read_text(encoding="utf-8-sig").split("\n")
    return [number for number, line in enumerate(lines, 1) if line.strip()][index]
